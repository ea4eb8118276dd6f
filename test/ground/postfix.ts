// A private Postfix: own configuration, queue, data and log below a test's directory, own loopback ports, no chroot, no
// tie to an installed instance. Takes main.cf settings and listeners, gives ports, log and queue; must be root to start.
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from './packages.js';
import { mustRun, runCommand, waitUntil } from './place.js';

export interface PostfixListener {
  /** `127.0.0.1:port` or `[::1]:port`. */
  readonly address: string;
  /** `-o` options of that listener. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface PostfixOptions {
  /** Folder name, syslog name and first label of the host name. */
  readonly name: string;
  /** Below it the instance lives. */
  readonly directory: string;
  readonly listeners: readonly PostfixListener[];
  /** Further lines of master.cf. */
  readonly services?: readonly string[];
  /** main.cf settings beyond, or instead of, the ground's own. */
  readonly main?: Readonly<Record<string, string>>;
  /** Further files below its configuration folder: path and text. */
  readonly files?: Readonly<Record<string, string>>;
}

/** One message still in the queue, as `postqueue -j` tells it. */
export interface QueuedMail {
  readonly queueId: string;
  readonly queueName: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string; readonly delay_reason?: string }[];
}

export interface Postfix {
  readonly configDirectory: string;
  readonly queueDirectory: string;
  /** Process id of its master. */
  readonly pid: number;
  /** Everything logged so far. */
  log(): string;
  queue(): Promise<readonly QueuedMail[]>;
  /** Hands a mail in by sendmail(1), the non-SMTP way. */
  sendmail(mailFrom: string, rcptTo: readonly string[], content: Buffer | string): Promise<void>;
  /** Tries everything in the queue now. */
  flush(): Promise<void>;
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;

/** Starts an instance and waits until its listeners answer. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const home = join(options.directory, options.name);
  const paths = {
    config: join(home, 'etc'),
    queue: join(home, 'queue'),
    data: join(home, 'data'),
    log: join(home, 'mail.log'),
  };
  for (const folder of [home, paths.config, paths.queue, paths.data]) mkdirSync(folder, { mode: 0o755 });
  const owner = Number(await mustRun('id', ['-u', 'postfix']));
  chownSync(paths.data, owner, -1);
  writeFileSync(join(paths.config, 'main.cf'), mainText(options, home, paths));
  writeFileSync(join(paths.config, 'master.cf'), masterText(options));
  for (const [name, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(paths.config, name)), { recursive: true });
    writeFileSync(join(paths.config, name), text);
  }
  await postfix(paths.config, 'start');
  const pid = await waitUntil(`Postfix ${options.name} to start`, START_TIMEOUT_MS, () => readPid(paths.queue));
  return new Instance(paths, pid);
}

function mainText(options: PostfixOptions, home: string, paths: { queue: string; data: string; log: string }): string {
  const settings: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: paths.queue,
    data_directory: paths.data,
    maillog_file: paths.log,
    maillog_file_prefixes: home,
    syslog_name: options.name,
    myhostname: `${options.name}.test`,
    mydestination: '',
    inet_interfaces: 'all',
    inet_protocols: 'all',
    mynetworks: '127.0.0.1/32 [::1]/128',
    alias_maps: '',
    alias_database: '',
    local_recipient_maps: '',
    biff: 'no',
    smtpd_peername_lookup: 'no',
    smtputf8_enable: 'yes',
    smtp_tls_security_level: 'may',
    // A server that refuses one mail for now is not dead: the next one is tried at once.
    smtp_destination_concurrency_failed_cohort_limit: '0',
    default_process_limit: '100',
    ...options.main,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

/** The services of Debian's master.cf that a relay needs, none in a chroot, and the listeners asked for. */
function masterText({ listeners, services = [] }: PostfixOptions): string {
  const lines = listeners.map((listener) => {
    const options = Object.entries(listener.options ?? {}).map(([name, value]) => `  -o {${name} = ${value}}\n`);
    return `${listener.address} inet n - n - - smtpd\n${options.join('')}`;
  });
  return `${lines.join('')}pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
${services.map((line) => `${line}\n`).join('')}`;
}

function program(name: string): string {
  const path = findProgram(name);
  if (path === null) throw new Error(`${name} is not installed: apt-get install postfix`);
  return path;
}

async function postfix(configDirectory: string, command: string): Promise<void> {
  await mustRun(program('postfix'), ['-c', configDirectory, command]);
}

/** The master's process id once it holds its lock. */
function readPid(queueDirectory: string): number | null {
  const file = join(queueDirectory, 'pid', 'master.pid');
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, 'utf8').trim());
  return pid > 0 && isAlive(pid) ? pid : null;
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

class Instance implements Postfix {
  readonly configDirectory: string;
  readonly queueDirectory: string;

  constructor(
    private readonly paths: { readonly config: string; readonly queue: string; readonly log: string },
    readonly pid: number,
  ) {
    this.configDirectory = paths.config;
    this.queueDirectory = paths.queue;
  }

  log(): string {
    return existsSync(this.paths.log) ? readFileSync(this.paths.log, 'utf8') : '';
  }

  async queue(): Promise<readonly QueuedMail[]> {
    const text = await mustRun(program('postqueue'), ['-c', this.configDirectory, '-j']);
    const rows = text.split('\n').filter(Boolean);
    return rows.map((row) => {
      const item = JSON.parse(row) as {
        queue_id: string;
        queue_name: string;
        sender: string;
        recipients: QueuedMail['recipients'];
      };
      return { queueId: item.queue_id, queueName: item.queue_name, sender: item.sender, recipients: item.recipients };
    });
  }

  async sendmail(mailFrom: string, rcptTo: readonly string[], content: Buffer | string): Promise<void> {
    const args = ['-C', this.configDirectory, '-i', '-f', mailFrom === '' ? '<>' : mailFrom, '--', ...rcptTo];
    await mustRun(program('sendmail'), args, { input: content });
  }

  async flush(): Promise<void> {
    await mustRun(program('postqueue'), ['-c', this.configDirectory, '-f']);
  }

  reload(): Promise<void> {
    return postfix(this.configDirectory, 'reload');
  }

  async stop(): Promise<void> {
    await runCommand(program('postfix'), ['-c', this.configDirectory, 'stop'], { timeoutMs: STOP_TIMEOUT_MS });
    await waitUntil(`Postfix master ${this.pid} to end`, STOP_TIMEOUT_MS, () => !isAlive(this.pid));
  }
}
