// A running `weir serve` for the tests of its processes: a place of its own, a UNIX socket and a TCP port, mail handed in
// as an MTA does, and the server's own account of itself.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { submitMessage, type Outcome, type Submission } from '../../milter/client.js';
import { callControl } from '../../programs/control.js';
import type { ServerStatus } from '../../programs/process-messages.js';
import { findPorts, makePlace, waitUntil } from '../ground/place.js';
import { startWeir, withoutLookUps, type Weir } from '../ground/weir.js';
import { writeMarkedMailPreload } from './marked-mail.js';

/** Longest wait for the processes to come to rest, ms. */
export const SETTLE_MS = 30_000;

export interface House {
  readonly directory: string;
  readonly weir: Weir;
  readonly socket: string;
  readonly port: number;
  readonly control: string;
  /** YAML in force at the start; `rewrite` puts another in the file. */
  readonly config: string;
  rewrite(config: string): void;
  status(): Promise<ServerStatus>;
  /** Waits until every process is ready and as many workers as wanted are there. */
  whole(): Promise<ServerStatus>;
  /** Hands one message in over the UNIX socket. */
  submit(body: string, subject?: string): Promise<Outcome>;
  /** The message that `submit` would hand in: delivering the same twice is a second delivery. */
  mailOf(body: string, subject: string): Submission;
  /** Starts the server anew in the same place, after it was killed. */
  reopen(): Promise<House>;
  end(): Promise<void>;
}

export interface HouseOptions {
  readonly workers?: number;
  readonly processes?: string;
  /** ms that sessions in hand have when a process goes. */
  readonly graceMs?: number;
  readonly more?: string;
  readonly marked?: boolean;
}

export async function openHouse({
  workers = 2,
  processes = '',
  graceMs = 5_000,
  more = '',
  marked = false,
}: HouseOptions = {}): Promise<House> {
  const place = makePlace('serve');
  const { directory } = place;
  const [port = 0] = await findPorts(1);
  const socket = join(directory, 'milter.sock');
  const config = withoutLookUps(`storage: { dir: ${directory}/store, freeAlertBytes: 0, freeTempfailBytes: 0 }
milter: { listen: ['unix:${socket}', 'inet:127.0.0.1:${port}'] }
processes: { workers: ${workers}, graceMs: ${graceMs}, ${processes} }
${more}`);
  const env = marked ? writeMarkedMailPreload(directory) : {};
  const start = () => startWeir({ directory, config, milter: `inet:127.0.0.1:${port}`, env });
  let weir = await start();
  const control = join(directory, 'store', 'control.sock');
  const status = async (): Promise<ServerStatus> => {
    const answer = await callControl(control, 'status', {});
    if (!answer.running) throw new Error('the control socket does not answer');
    return answer.result as ServerStatus;
  };
  const house: House = {
    directory,
    get weir() {
      return weir;
    },
    socket,
    port,
    control,
    config,
    status,
    rewrite: (text) => writeFileSync(join(directory, 'weir.yaml'), text),
    whole: () =>
      waitUntil('all processes to be ready', SETTLE_MS, async () => {
        const now = await status().catch(() => null);
        const ready = now?.processes.filter(({ state }) => state === 'ready') ?? [];
        return now !== null &&
          ready.length === now.processes.length &&
          ready.length === now.workersWanted + (ready.some(({ role }) => role === 'screen') ? 2 : 1)
          ? now
          : null;
      }),
    submit: (body, subject = 'hello') => submitMessage({ path: socket }, mailOf(body, subject)),
    mailOf,
    reopen: async () => {
      weir = await start();
      await house.whole();
      return house;
    },
    end: async () => {
      await weir.stop();
      place.remove();
    },
  };
  await house.whole();
  return house;
}

let queueIds = 0;

function mailOf(body: string, subject: string): Submission {
  queueIds += 1;
  return {
    clientAddress: '192.0.2.1',
    clientName: 'client.example',
    helo: 'client.example',
    queueId: `Q${queueIds}`,
    mailFrom: 'alice@example.org',
    rcptTo: ['bob@house.test'],
    content: Buffer.from(
      `From: alice@example.org\r\nTo: bob@house.test\r\nSubject: ${subject}\r\nMessage-ID: <m${queueIds}@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\n${body}\r\n`,
    ),
  };
}
