// Reads a Postfix through its own programs (postconf, postfix): settings in force, listeners, whether it runs. Starts
// programs without a shell, bounded in time and output; changes nothing.
import { execFile } from 'node:child_process';

/** One service of master.cf. */
export interface PostfixService {
  /** `smtp`, `127.0.0.1:10026`, ... as master.cf names it. */
  readonly name: string;
  readonly type: string;
  readonly chroot: boolean;
  /** Program, e.g. `smtpd`. */
  readonly program: string;
  /** `-o` options, expanded. */
  readonly options: ReadonlyMap<string, string>;
}

/** What a Postfix says of itself. */
export interface PostfixFacts {
  readonly version: string;
  readonly running: boolean;
  /** Settings asked for, expanded; a name this version does not know is absent. */
  readonly main: ReadonlyMap<string, string>;
  /** Names that main.cf sets, whatever the value. */
  readonly set: ReadonlySet<string>;
  readonly services: readonly PostfixService[];
}

/** Longest one of Postfix's programs may take, ms, and most it may say, bytes. */
const COMMAND_TIMEOUT_MS = 15_000;
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024;
/** Postfix's programs lie in sbin, which is not on everybody's PATH. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin', '/sbin'].filter(Boolean).join(':');
const LIMITS = { timeout: COMMAND_TIMEOUT_MS, maxBuffer: OUTPUT_MAX_BYTES, env: { ...process.env, PATH } };

/** Reads the Postfix of that configuration folder (the installed one when null). Rejects when postconf cannot be run. */
export async function readPostfix(configDirectory: string | null, names: readonly string[]): Promise<PostfixFacts> {
  const where = configDirectory === null ? [] : ['-c', configDirectory];
  const [values, set, programs, chroots, options, running] = await Promise.all([
    postconf([...where, '-x', 'mail_version', ...names]),
    postconf([...where, '-n']),
    postconf([...where, '-F', '*/*/command']),
    postconf([...where, '-F', '*/*/chroot']),
    postconf([...where, '-x', '-P']),
    isRunning(where),
  ]);
  const main = readPairs(values);
  return {
    version: main.get('mail_version') ?? 'unknown',
    running,
    main,
    set: new Set(readPairs(set).keys()),
    services: readServices(readPairs(programs), readPairs(chroots), readPairs(options)),
  };
}

/** `name = value` lines; a value may be empty. */
function readPairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(' =');
    if (at > 0) pairs.set(line.slice(0, at), line.slice(at + 2).trim());
  }
  return pairs;
}

/** Joins the three views of master.cf, each keyed `service/type/...`. */
function readServices(
  programs: ReadonlyMap<string, string>,
  chroots: ReadonlyMap<string, string>,
  options: ReadonlyMap<string, string>,
): PostfixService[] {
  return [...programs].map(([key, command]) => {
    const service = key.slice(0, key.lastIndexOf('/'));
    const slash = service.lastIndexOf('/');
    const own = [...options].filter(([name]) => name.startsWith(`${service}/`));
    return {
      name: service.slice(0, slash),
      type: service.slice(slash + 1),
      chroot: chroots.get(`${service}/chroot`) === 'y',
      program: command.split(' ')[0] ?? '',
      options: new Map(own.map(([name, value]) => [name.slice(service.length + 1), value])),
    };
  });
}

function postconf(args: readonly string[]): Promise<string> {
  return new Promise((done, failed) => {
    execFile('postconf', [...args], LIMITS, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else
        failed(
          new Error(
            error.code === 'ENOENT'
              ? 'postconf is not installed on this machine'
              : `postconf: ${stderr.trim() || error.message}`,
          ),
        );
    });
  });
}

/** `postfix status` needs root; without it, or without Postfix running, the answer is no. */
function isRunning(where: readonly string[]): Promise<boolean> {
  return new Promise((done) => {
    execFile('postfix', [...where, 'status'], LIMITS, (error) => done(error === null));
  });
}
