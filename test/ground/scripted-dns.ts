// A DNS server over real UDP and TCP on loopback that misbehaves as told: wrong codes, silence, delays, truncation,
// forged and broken answers. Takes a zone, counts what it is asked; never asks another server.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { decode, encode, TRUNCATED_RESPONSE, type Answer, type Packet } from 'dns-packet';
import { recordsOf, type Behaviour, type ScriptedName, type ScriptedType, type Zone } from './scripted-zone.js';

export { zoneOfSuite, zoneOfTexts } from './scripted-zone.js';
export type { Behaviour, ScriptedName, ScriptedText, ScriptedType, Zone } from './scripted-zone.js';

/** One question as it came. `name` in lower case, `given` as it was written. */
export interface Asked {
  readonly name: string;
  readonly given: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  readonly id: number;
  /** Source port of the question. */
  readonly port: number;
}

export interface ScriptedDns {
  readonly port: number;
  /** `127.0.0.1:port`, as resolvers take it. */
  readonly address: string;
  /** Everything asked since the start or the last `forget`, oldest first. */
  readonly asked: readonly Asked[];
  /** How often a name was asked for, of one type or of any. */
  count(name: string, type?: string): number;
  forget(): void;
  /** Adds or replaces one name; null takes it away. */
  set(name: string, entry: ScriptedName | null): void;
  /** The same for every question, before the zone is looked at; null: the zone decides again. */
  setAll(trouble: Trouble | null): void;
  stop(): Promise<void>;
}

/** What goes wrong with every question. `answer` stands in for every name, whether it exists or not. */
export interface Trouble extends Pick<ScriptedName, 'behaviour' | 'delayMs'> {
  readonly answer?: ScriptedName;
}

const RCODES: Readonly<Partial<Record<Behaviour, number>>> = {
  formerr: 1,
  servfail: 2,
  nxdomain: 3,
  notimp: 4,
  refused: 5,
};
const TTL_S = 300;
/** `minimum` of every SOA: how long the absence of a name may be kept (RFC 2308 §4). */
export const SCRIPTED_NEGATIVE_TTL_S = 60;
const CHAIN_MAX = 32;
const BIND_TRIES_MAX = 20;
const UDP_PLAIN_MAX_BYTES = 512;

/** Starts the server on a free port, or on the one given. */
export async function startScriptedDns(
  zone: Zone = {},
  options: { readonly port?: number } = {},
): Promise<ScriptedDns> {
  const server = new Server53(zone);
  await server.listen(options.port ?? 0);
  return server;
}

class Server53 implements ScriptedDns {
  port = 0;
  readonly asked: Asked[] = [];
  private readonly names = new Map<string, ScriptedName>();
  private all: Trouble | null = null;
  private udp!: UdpSocket;
  private tcp!: Server;
  private readonly connections = new Set<Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopped: Promise<void> | null = null;

  constructor(zone: Zone) {
    for (const [name, entry] of Object.entries(zone)) this.set(name, entry);
  }

  get address(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  count(name: string, type?: string): number {
    const wanted = keyOf(name);
    return this.asked.filter((one) => one.name === wanted && (type === undefined || one.type === type)).length;
  }

  forget(): void {
    this.asked.length = 0;
  }

  set(name: string, entry: ScriptedName | null): void {
    if (entry === null) this.names.delete(keyOf(name));
    else this.names.set(keyOf(name), entry);
  }

  setAll(trouble: Trouble | null): void {
    this.all = trouble;
  }

  /** The same port for both transports; a free one of TCP may be taken for UDP. */
  async listen(port: number): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      this.tcp = createServer((socket) => this.serve(socket));
      this.tcp.listen(port, '127.0.0.1');
      await once(this.tcp, 'listening');
      const address = this.tcp.address();
      this.port = typeof address === 'object' && address !== null ? address.port : 0;
      this.udp = createSocket('udp4');
      this.udp.on('message', (bytes, from) => this.hear(bytes, from));
      try {
        this.udp.bind(this.port, '127.0.0.1');
        await once(this.udp, 'listening');
        this.udp.on('error', () => undefined);
        return;
      } catch (error) {
        this.tcp.close();
        if (port !== 0 || tries >= BIND_TRIES_MAX) throw error;
      }
    }
  }

  stop(): Promise<void> {
    this.stopped ??= this.shut();
    return this.stopped;
  }

  private async shut(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    for (const connection of this.connections) connection.destroy();
    const closed = [once(this.udp, 'close'), once(this.tcp, 'close')];
    this.udp.close();
    this.tcp.close();
    await Promise.all(closed);
  }

  private hear(bytes: Buffer, from: RemoteInfo): void {
    this.answer(bytes, 'udp', from.port, (answer) => this.udp.send(answer, from.port, from.address, () => undefined));
  }

  private serve(socket: Socket): void {
    this.connections.add(socket);
    socket.once('close', () => this.connections.delete(socket));
    socket.on('error', () => socket.destroy());
    let held = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const length = held.readUInt16BE(0);
        const bytes = held.subarray(2, 2 + length);
        held = held.subarray(2 + length);
        this.answer(bytes, 'tcp', socket.remotePort ?? 0, (answer) => {
          const head = Buffer.alloc(2);
          head.writeUInt16BE(answer.length);
          socket.write(Buffer.concat([head, answer]));
        });
      }
    });
  }

  private answer(bytes: Buffer, transport: 'udp' | 'tcp', port: number, send: (answer: Buffer) => void): void {
    const query = decode(bytes);
    const question = query.questions?.[0];
    if (question === undefined) return;
    const { type } = question;
    const name = keyOf(question.name);
    this.asked.push({ name, given: question.name, type, transport, id: query.id ?? 0, port });
    const entry = this.find(name);
    const delayMs = this.all?.delayMs ?? entry?.delayMs ?? 0;
    const work = (): void => this.reply(query, type as ScriptedType, entry, transport, send);
    if (delayMs === 0) return work();
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, delayMs);
    this.timers.add(timer);
  }

  private reply(
    query: Packet,
    type: ScriptedType,
    entry: ScriptedName | undefined,
    transport: 'udp' | 'tcp',
    send: (answer: Buffer) => void,
  ): void {
    const behaviour = behaviourOf(this.all ?? {}, type) ?? behaviourOf(entry ?? {}, type);
    const id = query.id ?? 0;
    if (behaviour === 'silent') return;
    if (behaviour === 'garbage')
      return send(Buffer.from([id >> 8, id & 255, 0x84, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0xc0, 12]));
    if (entry?.raw !== undefined) {
      const raw = Buffer.from(entry.raw);
      if (raw.length >= 2) raw.writeUInt16BE(id);
      return send(raw);
    }
    const packet = this.packet(query, type, entry, behaviour);
    if (behaviour === 'spoofed-first') send(encode(this.forgery(query, type)));
    const isCut =
      behaviour === 'truncated-for-ever' ||
      (transport === 'udp' && (behaviour === 'truncated' || encode(packet).length > payloadMax(query)));
    send(encode(isCut ? { ...packet, answers: [], flags: (packet.flags ?? 0) | TRUNCATED_RESPONSE } : packet));
  }

  private packet(
    query: Packet,
    type: ScriptedType,
    entry: ScriptedName | undefined,
    behaviour: Behaviour | undefined,
  ): Packet {
    const question = query.questions?.[0] ?? { type: 'A', name: '.' };
    const rcode = behaviour === undefined ? undefined : RCODES[behaviour];
    const { answers, exists } = rcode === undefined ? this.chain(question.name, type) : { answers: [], exists: true };
    const code = rcode ?? (entry === undefined || !exists ? 3 : 0);
    const asked =
      behaviour === 'wrong-name'
        ? { ...question, name: `other.${question.name}` }
        : behaviour === 'wrong-type'
          ? { ...question, type: 'SRV' as const }
          : question;
    const hasRecord = answers.some((record) => record.type !== 'CNAME' || type === 'CNAME');
    return {
      type: 'response',
      id: behaviour === 'wrong-id' ? ((query.id ?? 0) + 1) & 0xffff : (query.id ?? 0),
      flags: 0x0580 | code,
      questions: [asked],
      answers: [...answers],
      authorities: hasRecord || (code !== 0 && code !== 3) ? [] : [soaOf(question.name)],
    };
  }

  /** The records of a name, aliases first. `exists` is false when the last alias leads to nothing. */
  private chain(given: string, type: ScriptedType): { answers: readonly Answer[]; exists: boolean } {
    const answers: Answer[] = [];
    let name = given;
    for (let step = 0; step < CHAIN_MAX; step += 1) {
      const entry = this.find(keyOf(name));
      if (entry === undefined) return { answers, exists: false };
      const ttl = entry.ttlS ?? TTL_S;
      if (entry.CNAME === undefined || type === 'CNAME')
        return { answers: [...answers, ...recordsOf(entry, type, name, ttl)], exists: true };
      answers.push({ type: 'CNAME', name, ttl, data: entry.CNAME });
      name = entry.CNAME;
    }
    return { answers, exists: true };
  }

  /** What an attacker would have believed: another id, an address of his. */
  private forgery(query: Packet, type: ScriptedType): Packet {
    const { name } = query.questions?.[0] ?? { name: '.' };
    const entry: ScriptedName = {
      A: ['203.0.113.66'],
      TXT: ['forged'],
      PTR: ['forged.example'],
      MX: [[0, 'forged.example']],
    };
    return {
      type: 'response',
      id: ((query.id ?? 0) + 7) & 0xffff,
      flags: 0x0180,
      questions: query.questions ?? [],
      answers: [...recordsOf(entry, type, name, TTL_S)],
    };
  }

  private find(name: string): ScriptedName | undefined {
    if (this.all?.answer !== undefined) return this.all.answer;
    const own = this.names.get(name);
    if (own !== undefined) return own;
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const wild = this.names.get(`*${name.slice(dot)}`);
      if (wild !== undefined) return wild;
    }
    return this.names.get('*');
  }
}

function behaviourOf(entry: Pick<ScriptedName, 'behaviour'>, type: ScriptedType): Behaviour | undefined {
  return typeof entry.behaviour === 'string' ? entry.behaviour : entry.behaviour?.[type];
}

function keyOf(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function payloadMax(query: Packet): number {
  const options = query.additionals?.find((record) => record.type === 'OPT');
  return options === undefined ? UDP_PLAIN_MAX_BYTES : Math.max(UDP_PLAIN_MAX_BYTES, options.udpPayloadSize);
}

function soaOf(name: string): Answer {
  return {
    type: 'SOA',
    name,
    ttl: SCRIPTED_NEGATIVE_TTL_S,
    data: {
      mname: 'ns.scripted.test',
      rname: 'root.scripted.test',
      serial: 1,
      refresh: 60,
      retry: 60,
      expire: 60,
      minimum: SCRIPTED_NEGATIVE_TTL_S,
    },
  };
}
