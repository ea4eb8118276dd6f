// The two front listeners of the connection bench, each as it is shipped but for the limits: Postfix's postscreen and
// `weir serve`, before the same smtpd, asking the same DNS server. And what /proc knows of their processes.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { callControl, controlSocketPath } from '../programs/control.js';
import type { ServerStatus } from '../programs/process-messages.js';
import { offerStartTls } from '../test/ground/credentials.js';
import { startDns } from '../test/ground/dns.js';
import { findPorts, waitUntil } from '../test/ground/place.js';
import { startPostscreen } from '../test/ground/postscreen.js';
import { childrenOf } from '../test/ground/weir.js';
import type { Target } from './connections-clients.js';

/** Its own, since Postfix asks its DNS server at port 53 alone. */
const NAME_SERVER = '127.53.6.1';
/** Clients of this network are on the list. */
export const LISTED = '127.120';
const LIST = 'bl.test';
const START_MS = 60_000;
/** What Postfix runs for postscreen. */
const HELPERS: ReadonlySet<string> = new Set(['postscreen', 'dnsblog', 'tlsproxy']);
const CLOCK_TICK_MS = 10;
const PAGE_BYTES = 4_096;

/** What differs between the runs of one door. */
export interface DoorSettings {
  readonly greetWaitMs: number;
  readonly deep: boolean;
  readonly action: 'enforce' | 'drop';
  readonly openMax: number;
}

export interface Door extends Target {
  readonly name: string;
  /** The process that holds the clients. */
  front(): number;
  /** All processes that work for it now. */
  pids(): readonly number[];
}

export interface Doors {
  readonly doors: readonly Door[];
  /** The smtpd without anything in front. */
  readonly direct: Target;
  stop(): Promise<void>;
}

/** Starts both. */
export async function openDoors(directory: string, settings: DoorSettings): Promise<Doors> {
  const started: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    mkdirSync(directory, { mode: 0o755 });
    const reversed = LISTED.split('.').reverse().join('.');
    const records = { wildcard: { [`${reversed}.${LIST}`]: '127.0.0.2' } };
    const dns = await startDns(directory, records, { host: NAME_SERVER, port: 53 });
    started.push(() => dns.stop());
    const [front = 0, proxied = 0, plain = 0, own = 0, milter = 0] = await findPorts(5);
    const tls = await offerStartTls(directory, 'front.test');
    const postfix = await startPostscreen({
      directory,
      nameServer: NAME_SERVER,
      proxied: `127.0.0.1:${proxied}`,
      plain: [`127.0.0.1:${plain}`],
      listeners: [{ address: `127.0.0.1:${front}`, options: postscreenOptions(settings) }],
      // To a syslog that is not there: one log process for all would be what is measured.
      main: { ...tls, mynetworks: '127.0.0.1/32', smtpd_client_connection_count_limit: '0', maillog_file: '' },
    });
    started.push(() => postfix.stop());
    const weir = await startWeir(directory, weirConfig(directory, settings, { own, proxied, milter }), own);
    started.push(weir.stop);
    const host = '127.0.0.1';
    const doors = [
      {
        ...{ name: 'postscreen', host, port: front },
        front: () => childrenOf(postfix.pid).find((pid) => nameOf(pid) === 'postscreen') ?? 0,
        pids: () => childrenOf(postfix.pid).filter((pid) => HELPERS.has(nameOf(pid))),
      },
      { name: 'weir', host, port: own, front: () => weir.screenPid, pids: () => [weir.screenPid] },
    ];
    return { doors, direct: { host, port: plain }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function postscreenOptions({ greetWaitMs, deep, action, openMax }: DoorSettings): Record<string, string> {
  return {
    postscreen_greet_wait: `${greetWaitMs / 1_000}s`,
    postscreen_greet_action: action,
    postscreen_dnsbl_sites: `${LIST}*1`,
    postscreen_dnsbl_action: action,
    postscreen_pre_queue_limit: String(openMax),
    postscreen_post_queue_limit: '100',
    postscreen_client_connection_count_limit: '50',
    postscreen_pipelining_enable: deep ? 'yes' : 'no',
    postscreen_tls_security_level: 'may',
  };
}

function weirConfig(
  directory: string,
  { greetWaitMs, deep, action, openMax }: DoorSettings,
  ports: { readonly own: number; readonly proxied: number; readonly milter: number },
): string {
  return `milter: { listen: ["inet:127.0.0.1:${ports.milter}"] }
storage: { dir: ${JSON.stringify(join(directory, 'store'))} }
processes: { workers: 1, watchFiles: false }
resolver: { servers: ["${NAME_SERVER}"] }
screen:
  enabled: true
  listen: ["inet:127.0.0.1:${ports.own}"]
  upstream: "inet:127.0.0.1:${ports.proxied}"
  permitNetworks: [127.0.0.1]
  greetWaitMs: ${greetWaitMs}
  pregreetAction: ${action}
  dnsblSites: [{ list: "${LIST}*1" }]
  dnsblAction: ${action}
  screenedMax: ${openMax}
  pipeliningTest: ${deep}
  tlsCertificateFile: ${JSON.stringify(join(directory, 'tls.crt'))}
  tlsKeyFile: ${JSON.stringify(join(directory, 'tls.key'))}
`;
}

async function startWeir(directory: string, config: string, port: number) {
  const file = join(directory, 'weir.yaml');
  writeFileSync(file, config);
  const output = openSync(join(directory, 'weir.log'), 'a');
  const child = spawn(process.execPath, [resolve('bin/weir.js'), '-c', file, 'serve'], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const socket = controlSocketPath(join(directory, 'store'));
  const screenPid = await waitUntil(`weir to listen on ${port}`, START_MS, async () => {
    if (child.exitCode !== null) throw new Error(`weir ended: ${readFileSync(join(directory, 'weir.log'), 'utf8')}`);
    const answer = await callControl(socket, 'status', {}, START_MS).catch(() => null);
    if (answer?.running !== true) return null;
    const { processes } = answer.result as ServerStatus;
    return processes.find(({ role, state }) => role === 'screen' && state === 'ready')?.pid ?? null;
  });
  return { screenPid, stop: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), START_MS);
  await gone;
  clearTimeout(late);
}

function nameOf(pid: number): string {
  const stat = statOf(pid);
  return stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // It ended meanwhile: nothing of it is left to count.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

/** What a door holds now: CPU time of its processes that live; memory and open descriptors of the one with the clients. */
export interface Holding {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

export function holdingOf(door: Door): Holding {
  const cpuMs = door.pids().reduce((sum, pid) => sum + holdingOfProcess(pid).cpuMs, 0);
  return { ...holdingOfProcess(door.front()), cpuMs };
}

function holdingOfProcess(pid: number): Holding {
  const stat = statOf(pid);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return {
    cpuMs: ticks * CLOCK_TICK_MS,
    rssBytes: Number(fields[21] ?? 0) * PAGE_BYTES,
    descriptors: stat === '' ? 0 : readdirSync(`/proc/${pid}/fd`).length,
  };
}
