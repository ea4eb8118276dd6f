// The MTA's side of the milter protocol, small: hands one message to a milter and reads what it wants done. For the
// demonstration and for tests; an MTA needs none of it.
import { connect, type Socket } from 'node:net';
import { SMFIC, SMFIF_ALL, SMFIP, SMFIR, replyName } from './codes.js';
import { packet, PacketReader, strings } from './packet.js';

/** Largest reply read, bytes. */
const REPLY_MAX_BYTES = 1_048_577;
const BODY_CHUNK_BYTES = 65_535;
const WAIT_MS = 60_000;
const STRINGS_MAX = 8;

export type MilterAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** One message as an MTA hands it on. */
export interface Submission {
  readonly clientAddress: string;
  readonly clientName: string;
  readonly helo: string;
  readonly queueId: string;
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  /** RFC 5322 message with CRLF line ends. */
  readonly content: Buffer;
}

/** What the milter answered at the end of the message. */
export interface Outcome {
  /** Name of the final reply, such as `SMFIR_CONTINUE`. */
  readonly reply: string;
  /** Text of a SMFIR_REPLYCODE, or null. */
  readonly text: string | null;
  /** Headers it adds or changes, and recipients it takes out. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly deletedRecipients: readonly string[];
}

/** Hands one message over and closes. Rejects when the milter hangs up, stays silent or answers out of turn. */
export async function submitMessage(address: MilterAddress, mail: Submission): Promise<Outcome> {
  const socket = connect(address);
  socket.setNoDelay(true);
  socket.setTimeout(WAIT_MS, () => socket.destroy(new Error('the milter is silent')));
  const replies = readReplies(socket);
  const send = (command: number, data = '') => socket.write(packet(command, Buffer.from(data, 'latin1')));
  const macro = (command: number, pairs: readonly string[]) =>
    send(SMFIC.MACRO, `${String.fromCharCode(command)}${pairs.map((text) => `${text}\0`).join('')}`);
  const step = async (command: number, data = '', silent = false) => {
    send(command, data);
    if (!silent) expectContinue(await replies.next());
  };
  try {
    const protocol = await negotiate(socket, replies);
    const silent = (bit: number) => (protocol & bit) !== 0;
    macro(SMFIC.CONNECT, ['j', 'mx.demo.test', '{daemon_name}', 'demo']);
    await step(
      SMFIC.CONNECT,
      `${mail.clientName}\u00004\u0000\u0019${mail.clientAddress}\u0000`,
      silent(SMFIP.NR_CONN),
    );
    await step(SMFIC.HELO, `${mail.helo}\0`, silent(SMFIP.NR_HELO));
    macro(SMFIC.MAIL, ['i', mail.queueId]);
    await step(SMFIC.MAIL, `<${mail.mailFrom}>\0`, silent(SMFIP.NR_MAIL));
    for (const rcptTo of mail.rcptTo) await step(SMFIC.RCPT, `<${rcptTo}>\0`, silent(SMFIP.NR_RCPT));
    await step(SMFIC.DATA, '', silent(SMFIP.NR_DATA));
    const { fields, body } = splitContent(mail.content);
    for (const [name, value] of fields) await step(SMFIC.HEADER, `${name}\0${value}\0`, silent(SMFIP.NR_HDR));
    await step(SMFIC.EOH, '', silent(SMFIP.NR_EOH));
    for (let at = 0; at < body.length; at += BODY_CHUNK_BYTES) {
      socket.write(packet(SMFIC.BODY, body.subarray(at, at + BODY_CHUNK_BYTES)));
      if (!silent(SMFIP.NR_BODY)) expectContinue(await replies.next());
    }
    send(SMFIC.BODYEOB);
    return await readOutcome(replies);
  } finally {
    socket.end(packet(SMFIC.QUIT));
  }
}

type Replies = AsyncGenerator<{ command: number; data: Buffer }, void>;

async function negotiate(socket: Socket, replies: Replies): Promise<number> {
  const offer = Buffer.alloc(12);
  offer.writeUInt32BE(6, 0);
  offer.writeUInt32BE(SMFIF_ALL & ~0x100, 4);
  offer.writeUInt32BE(0x1fffff, 8);
  socket.write(packet(SMFIC.OPTNEG, offer));
  const answer = await replies.next();
  if (answer.done || answer.value.command !== SMFIR.OPTNEG || answer.value.data.length < 12) {
    throw new Error('the milter did not negotiate');
  }
  return answer.value.data.readUInt32BE(8);
}

async function* readReplies(socket: Socket): Replies {
  const reader = new PacketReader();
  reader.limitTo(REPLY_MAX_BYTES);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    reader.push(chunk);
    while (reader.next()) yield { command: reader.command, data: Buffer.from(reader.data) };
    if (reader.fault !== null) throw new Error(reader.fault);
  }
}

function expectContinue(reply: IteratorResult<{ command: number; data: Buffer }, void>): void {
  if (reply.done) throw new Error('the milter hung up');
  const { command } = reply.value;
  if (command !== SMFIR.CONTINUE && command !== SMFIR.SKIP)
    throw new Error(`the milter answered ${replyName(command)} before the end`);
}

/** Header fields (value with its leading blank, folds as LF) and body of a message with CRLF line ends. */
function splitContent(content: Buffer): { fields: readonly (readonly [string, string])[]; body: Buffer } {
  const end = content.indexOf('\r\n\r\n');
  const header = content.subarray(0, end === -1 ? content.length : end).toString('latin1');
  const body = end === -1 ? Buffer.alloc(0) : content.subarray(end + 4);
  const fields: [string, string][] = [];
  for (const line of header.split('\r\n')) {
    const last = fields.at(-1);
    if (last && /^[ \t]/.test(line)) last[1] += `\n${line}`;
    else if (line !== '') fields.push([line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
  }
  return { fields, body };
}

async function readOutcome(replies: Replies): Promise<Outcome> {
  const headers: { name: string; value: string }[] = [];
  const deletedRecipients: string[] = [];
  for (;;) {
    const reply = await replies.next();
    if (reply.done) throw new Error('the milter hung up before its verdict');
    const { command, data } = reply.value;
    const texts = (from: number) => strings(data.subarray(from), STRINGS_MAX).map((text) => text.toString('latin1'));
    if (command === SMFIR.ADDHEADER || command === SMFIR.INSHEADER || command === SMFIR.CHGHEADER) {
      const [name = '', value = ''] = texts(command === SMFIR.ADDHEADER ? 0 : 4);
      headers.push({ name, value: value.trimStart() });
    } else if (command === SMFIR.DELRCPT) {
      deletedRecipients.push(texts(0)[0] ?? '');
    } else if (command === SMFIR.REPLYCODE) {
      return { reply: replyName(command), text: texts(0)[0] ?? '', headers, deletedRecipients };
    } else if (FINAL.has(command)) {
      return { reply: replyName(command), text: null, headers, deletedRecipients };
    }
  }
}

const FINAL = new Set<number>([SMFIR.CONTINUE, SMFIR.ACCEPT, SMFIR.REJECT, SMFIR.TEMPFAIL, SMFIR.DISCARD]);
