// The whole line of a journey: a sender Postfix with its own queue at 127.0.0.2, the MTA with Weir as its milter and the
// re-injection listener exactly as `weir postfix` prints them, and a sink behind. Everything private, on loopback.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findPorts, makePlace, waitUntil } from './place.js';
import type { PostfixSite } from '../../programs/postfix-lines.js';
import { startPostfix, type Postfix, type PostfixListener, type PostfixOptions } from './postfix.js';
import { makeSite, siteListener, siteMain } from './site.js';
import { startSink, type Sink, type SinkOptions } from './sink.js';
import { startWeir, type Weir } from './weir.js';

/** Where the sender comes from: for the MTA, outside its own networks. */
export const OUTSIDE = '127.0.0.2';
/** The domain whose mail is delivered here. */
export const HOUSE = 'house.test';
/** The sender's own domain; what bounces to it is dropped, and the sender's log tells of it. */
export const AWAY = 'away.test';

export interface LineOptions {
  readonly name: string;
  /** YAML beyond the ground's sections (milter, storage, outbox, directions, processes). */
  readonly config?: string;
  readonly socket?: 'unix' | 'inet';
  readonly workers?: number;
  /** Further lines of the sections the ground writes, indented by two blanks. */
  readonly processes?: string;
  readonly milter?: string;
  readonly directions?: string;
  readonly sinkOptions?: SinkOptions;
  /** main.cf of the MTA beyond the ground's. */
  readonly main?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Options of the MTA's public listener. */
  readonly listenerOptions?: Readonly<Record<string, string>>;
  readonly listeners?: (port: number) => readonly PostfixListener[];
  readonly senderMain?: Readonly<Record<string, string>>;
  readonly weirEnv?: Readonly<Record<string, string>>;
  /** Called with the line's directory before anything starts; may write files there. */
  readonly prepare?: (directory: string) => Promise<Partial<LineOptions>> | Partial<LineOptions>;
}

export interface Line {
  readonly directory: string;
  readonly sink: Sink;
  readonly mta: Postfix;
  /** The MTA's public port, on 127.0.0.1 and ::1. */
  readonly port: number;
  /** The port that only this machine may use, unfiltered. */
  readonly releasePort: number;
  readonly sender: Postfix;
  /** Mail handed in there goes through the sender's queue to the MTA. */
  readonly senderPort: number;
  weir: Weir;
  readonly config: string;
  /** Starts Weir anew after it was stopped or killed, with its configuration changed where asked for. */
  restartWeir(env?: Readonly<Record<string, string>>, change?: (config: string) => string): Promise<void>;
  /** Waits until neither Postfix holds any mail. */
  settle(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const SETTLE_TIMEOUT_MS = 60_000;

/** Starts everything, in the order sink, MTA, Weir, sender; what runs already is stopped again when a later one fails. */
export async function startLine(given: LineOptions): Promise<Line> {
  const place = makePlace(given.name);
  const started: (() => Promise<unknown>)[] = [];
  const stopAll = async (): Promise<void> => {
    for (const stop of started.splice(0).reverse()) await stop();
    place.remove();
  };
  try {
    const options = { ...given, ...(await given.prepare?.(place.directory)) };
    return await startParts(place.directory, options, started, stopAll);
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function startParts(
  directory: string,
  options: LineOptions,
  started: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<Line> {
  const [port = 0, releasePort = 0, milterPort = 0, senderPort = 0] = await findPorts(4);
  const sink = await startSink(options.sinkOptions);
  started.push(() => sink.stop());
  const queue = join(directory, 'mta', 'queue');
  const milter =
    options.socket === 'inet' ? `inet:127.0.0.1:${milterPort}` : `unix:${join(queue, 'weir', 'milter.sock')}`;
  const mta = await startPostfix(mtaOptions(directory, port, makeSite(milter, releasePort, queue), sink.port, options));
  started.push(() => mta.stop());
  mkdirSync(join(queue, 'weir'));
  const config = writeConfig(milter, releasePort, directory, options);
  const start = (text: string, env?: Readonly<Record<string, string>>): Promise<Weir> =>
    startWeir({ directory, config: text, milter, env: { ...options.weirEnv, ...env } });
  const weir = await start(config);
  started.push(() => weir.stop());
  const sender = await startPostfix({
    name: 'sender',
    directory,
    listeners: [{ address: `127.0.0.1:${senderPort}` }],
    main: senderMain(port, options),
  });
  started.push(() => sender.stop());
  const line: Line = {
    ...{ directory, sink, mta, port, releasePort, senderPort, config, stop },
    ...{ weir, sender },
    restartWeir: async (env, change) => {
      const again = await start(change?.(config) ?? config, env);
      started.push(() => again.stop());
      line.weir = again;
    },
    settle: async (timeoutMs = SETTLE_TIMEOUT_MS) => {
      const isEmpty = async (postfix: Postfix): Promise<boolean> => (await postfix.queue()).length === 0;
      await waitUntil(
        'both queues to be empty',
        timeoutMs,
        async () => (await isEmpty(line.sender)) && (await isEmpty(mta)),
      );
    },
  };
  return line;
}

/** The MTA, from the lines that `weir postfix` prints; everything goes on to the sink. */
function mtaOptions(
  directory: string,
  port: number,
  site: PostfixSite,
  sinkPort: number,
  options: LineOptions,
): PostfixOptions {
  const own = options.listenerOptions === undefined ? {} : { options: options.listenerOptions };
  const onward = `[127.0.0.1]:${sinkPort}`;
  return {
    name: 'mta',
    directory,
    files: options.files ?? {},
    listeners: [
      { address: `127.0.0.1:${port}`, ...own },
      { address: `[::1]:${port}`, ...own },
      siteListener(site),
      ...(options.listeners?.(port) ?? []),
    ],
    main: {
      ...siteMain(site),
      relay_domains: HOUSE,
      relayhost: onward,
      relay_transport: `smtp:${onward}`,
      ...options.main,
    },
  };
}

/** A sender that tries again soon, twenty at a time, and drops what bounces back to its own domain. */
function senderMain(port: number, options: LineOptions): Record<string, string> {
  return {
    relayhost: `[127.0.0.1]:${port}`,
    smtp_bind_address: OUTSIDE,
    transport_maps: `inline:{ {${AWAY}=discard:} }`,
    queue_run_delay: '2s',
    minimal_backoff_time: '2s',
    maximal_backoff_time: '4s',
    transport_retry_time: '2s',
    default_destination_concurrency_limit: '20',
    initial_destination_concurrency: '20',
    smtp_connection_cache_on_demand: 'no',
    message_size_limit: '102400000',
    ...options.senderMain,
  };
}

/** The ground's own sections, then the test's. JSON strings are YAML. */
function writeConfig(milter: string, releasePort: number, directory: string, options: LineOptions): string {
  return `milter:
  listen: [${JSON.stringify(milter)}]
  socketGroup: postfix
${options.milter ?? ''}storage:
  dir: ${JSON.stringify(join(directory, 'store'))}
outbox:
  port: ${releasePort}
directions:
  ownDomains: [${HOUSE}]
  ownNetworks: [127.0.0.1/32, "::1/128"]
${options.directions ?? ''}processes:
  workers: ${options.workers ?? 2}
${options.processes ?? ''}
${options.config ?? ''}
`;
}
