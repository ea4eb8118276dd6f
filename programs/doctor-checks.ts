// What `weir doctor` looks at outside the stores: settings, rights, clock, limits, disk, the running server, its listeners
// and the stages. Each look gives lines and never throws; it changes nothing.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import net from 'node:net';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { STAGES } from '../filters/index.js';
import { buildInForce } from '../gateway/in-force.js';
import { buildSealing } from '../gateway/seal.js';
import type { Configuration } from '../config/load.js';
import { SMFIC } from '../milter/codes.js';
import { parseListenAddress } from '../outside/listen-address.js';
import { MILTER_SECTION } from '../milter/settings.js';
import { packet } from '../milter/packet.js';
import { systemClock } from '../outside/clock.js';
import { freeBytes } from '../outside/free-space.js';
import { callControl, controlSocketPath } from './control.js';
import type { ServerStatus } from './process-messages.js';
import { processesSection } from './processes-settings.js';
import { storageSection } from './storage-settings.js';
import { openWorld } from './world.js';

/** Open files a busy server should be allowed. */
export const OPEN_FILES_WANTED = 4_096;
/** A clock before this is certainly wrong: 2026-01-01, ms since the epoch. */
export const CLOCK_EARLIEST_MS = 1_767_225_600_000;
/** Longest wait for one answer, ms. */
const ANSWER_MS = 5_000;
/** Longest time for the checks of all stages, ms. */
const STAGES_MS = 20_000;
/** A heartbeat older than this is worth a word, ms. */
const BEAT_OLD_MS = 2_000;
const NEGOTIATION = Buffer.from([0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff]);
const REPLY_MAX_BYTES = 4_096;

export type State = 'ok' | 'warn' | 'fail';

/** One line of the doctor. */
export interface DoctorLine {
  readonly area: string;
  readonly state: State;
  readonly detail: string;
  /** What to do; '' when there is nothing. */
  readonly advice: string;
}

/** Makes a line. */
export function line(area: string, state: State, detail: string, advice = ''): DoctorLine {
  return { area, state, detail, advice: state === 'ok' ? '' : advice };
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function checkUser(configuration: Configuration): DoctorLine {
  const { uid, username } = userInfo();
  const { user } = configuration.section(processesSection);
  if (uid !== 0) return line('user', 'ok', `runs as ${username}`);
  if (user !== '') return line('user', 'ok', `started as root, weir serve becomes ${user}`);
  return line('user', 'warn', 'runs as root', 'set processes.user to a user of its own, such as weir');
}

/** Whether the clock can be right, and whether the system says that it is kept so. */
export async function checkClock(): Promise<DoctorLine> {
  const now = systemClock.now();
  const shown = new Date(now).toISOString();
  if (now < CLOCK_EARLIEST_MS)
    return line('clock', 'fail', `the clock says ${shown}`, 'set the clock and keep it by NTP');
  const synced = await promisify(execFile)('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], {
    timeout: ANSWER_MS,
  }).then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown',
  );
  if (synced === 'no')
    return line('clock', 'warn', `${shown}, not synchronised`, 'switch time synchronisation on (NTP)');
  return line(
    'clock',
    'ok',
    synced === 'yes' ? `${shown}, synchronised` : `${shown} (synchronisation cannot be asked here)`,
  );
}

/** The limit of open files of a process, by default this one. */
export function checkOpenFiles(pid: number | 'self' = 'self'): DoctorLine {
  let limits: string;
  try {
    limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
  } catch (error) {
    return line(
      'open files',
      'warn',
      `the limit cannot be read: ${reasonOf(error)}`,
      'run the doctor as root or as the user of weir',
    );
  }
  const limit = /^Max open files +([0-9]+|unlimited)/m.exec(limits)?.[1] ?? 'unknown';
  const low = limit !== 'unlimited' && !(Number(limit) >= OPEN_FILES_WANTED);
  const whose = pid === 'self' ? 'here' : `for process ${pid}`;
  const advice = `allow at least ${OPEN_FILES_WANTED}: LimitNOFILE= of the service, or ulimit -n`;
  return line('open files', low ? 'warn' : 'ok', `limit ${limit} ${whose}`, advice);
}

export async function checkStorage(configuration: Configuration): Promise<readonly DoctorLine[]> {
  const { dir, freeAlertBytes, freeTempfailBytes } = configuration.section(storageSection);
  try {
    const found = await stat(dir);
    if (!found.isDirectory())
      return [line('storage', 'fail', `${dir} is no directory`, 'set storage.dir to a directory')];
    const mode = found.mode & 0o777;
    const open = (mode & 0o077) !== 0;
    const free = await freeBytes(dir);
    const shown = `${Math.floor(free / 1_048_576)} MiB free in ${dir}`;
    const state = free < freeTempfailBytes ? 'fail' : free < freeAlertBytes ? 'warn' : 'ok';
    return [
      line(
        'storage',
        open ? 'warn' : 'ok',
        `${dir} has mode ${mode.toString(8).padStart(4, '0')}`,
        `chmod 0700 ${dir}`,
      ),
      line('disk', state, shown, 'free space, or keep quarantine and logs for fewer days'),
    ];
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const advice = missing ? 'weir serve makes it at its first start' : 'run the doctor as root or as the user of weir';
    return [
      line('storage', missing ? 'warn' : 'fail', missing ? `${dir} does not exist yet` : reasonOf(error), advice),
    ];
  }
}

/** The server's own account of itself; null when it is not running. */
export async function checkServer(
  configuration: Configuration,
): Promise<{ readonly status: ServerStatus | null; readonly lines: readonly DoctorLine[] }> {
  const path = controlSocketPath(configuration.section(storageSection).dir);
  try {
    const answer = await callControl(path, 'status', {}, ANSWER_MS);
    if (!answer.running)
      return { status: null, lines: [line('server', 'fail', 'weir serve is not running', 'start it')] };
    const status = answer.result as ServerStatus;
    return { status, lines: describeServer(status, configuration.version) };
  } catch (error) {
    return {
      status: null,
      lines: [line('server', 'fail', `does not answer on ${path}: ${reasonOf(error)}`, 'look at its log')],
    };
  }
}

function describeServer(status: ServerStatus, version: string): readonly DoctorLine[] {
  const lines = [
    line('server', 'ok', `version ${status.program}, process ${status.pid}, up since ${isoTime(status.startedAt)}`),
  ];
  const same = status.version === version;
  const inForce = `settings ${status.version} in force`;
  lines.push(
    line(
      'settings',
      same ? 'ok' : 'warn',
      same ? inForce : `${inForce}, the file now gives ${version}`,
      'reload: kill -HUP, or weir doctor with the same file',
    ),
  );
  if (status.reload?.taken === false) {
    lines.push(line('settings', 'warn', `last reload refused: ${status.reload.lines.join('; ')}`, 'weir config check'));
  }
  const ready = status.processes.filter(({ role, state }) => role === 'worker' && state === 'ready');
  const few = ready.length < status.workersWanted;
  const workers = `${ready.length} of ${status.workersWanted} ready, ${status.crashes} deaths since the start`;
  lines.push(
    line('workers', ready.length === 0 ? 'fail' : few ? 'warn' : 'ok', workers, 'the log of weir serve has the reason'),
  );
  const admin = status.processes.some(({ role, state }) => role === 'admin' && state === 'ready');
  lines.push(
    line('admin', admin ? 'ok' : 'fail', admin ? 'alive' : 'not there', 'the log of weir serve has the reason'),
  );
  for (const one of status.processes.filter(({ beatAgeMs, state }) => state === 'ready' && beatAgeMs > BEAT_OLD_MS)) {
    lines.push(
      line(
        'workers',
        'warn',
        `process ${one.pid} has stood still for ${one.beatAgeMs} ms`,
        'wait: the watchdog replaces it',
      ),
    );
  }
  if (status.suspects > 0) {
    lines.push(
      line(
        'suspects',
        'warn',
        `${status.suspects} messages will be tried alone when they come again`,
        'nothing: each is cleared or held at its next try',
      ),
    );
  }
  return lines;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19) + 'Z';
}

/** Speaks the milter protocol's first step on every listener. */
export function checkListeners(configuration: Configuration): Promise<readonly DoctorLine[]> {
  return Promise.all(
    configuration.section(MILTER_SECTION).listen.map(async (text) => {
      const address = parseListenAddress(text);
      if (address.kind === 'fd') return line('listener', 'ok', `${text} is handed in from outside: not tried`);
      const target = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
      try {
        const version = await negotiate(target);
        return line('listener', 'ok', `${text} speaks milter version ${version}`);
      } catch (error) {
        return line(
          'listener',
          'fail',
          `${text}: ${reasonOf(error)}`,
          'is weir serve running, and may this user reach the socket?',
        );
      }
    }),
  );
}

/** The protocol version the server answers with. Rejects when it says anything else, or nothing in time. */
function negotiate(target: net.NetConnectOpts): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(target);
    let said = Buffer.alloc(0);
    const settle = (act: () => void): void => {
      socket.destroy();
      act();
    };
    socket.setTimeout(ANSWER_MS, () => settle(() => reject(new Error('no answer'))));
    socket.once('error', (error) => settle(() => reject(error)));
    socket.once('end', () => settle(() => reject(new Error('the connection was closed'))));
    socket.on('data', (chunk) => {
      said = Buffer.concat([said, chunk]);
      if (said.length < 9 && said.length < REPLY_MAX_BYTES) return;
      const good = said[4] === SMFIC.OPTNEG;
      settle(() => (good ? resolve(said.readUInt32BE(5)) : reject(new Error('what listens there speaks no milter'))));
    });
    socket.write(packet(SMFIC.OPTNEG, NEGOTIATION));
  });
}

/** Makes the stages as a worker would, and asks each what works. */
export async function checkStages(configuration: Configuration): Promise<readonly DoctorLine[]> {
  const world = openWorld(() => undefined);
  try {
    const outside = world.outside(configuration);
    const inForce = await buildInForce(configuration, STAGES, outside, (scan) => scan, buildSealing);
    try {
      const checks = await inForce.pipeline.check(AbortSignal.timeout(STAGES_MS));
      const lines = checks.map(({ stage, name, state, detail }) =>
        line(`stage ${stage}`, state, `${name}: ${detail}`, `see the settings of ${stage}`),
      );
      return [line('stages', 'ok', `on: ${inForce.pipeline.stages.join(', ')}`), ...lines];
    } finally {
      await inForce.retire();
    }
  } catch (error) {
    return [line('stages', 'fail', reasonOf(error), 'weir serve would not start with these settings')];
  } finally {
    world.close();
  }
}
