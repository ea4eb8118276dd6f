// Listen addresses, and what a UNIX socket needs around them: a stale file removed (only a socket on which nobody
// answers), mode and group. Touches no file that is not a socket.
import { chmod, chown, lstat, readFile, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** Where to listen. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: number }
  | { readonly kind: 'fd'; readonly fd: number };

const PROBE_TIMEOUT_MS = 1_000;

/** Reads `unix:/path`, `inet:host:port`, `inet:[::1]:port` or `fd:3`; throws on anything else (settings are checked first). */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:/')) return { kind: 'unix', path: text.slice(5) };
  const fd = /^fd:(\d{1,6})$/.exec(text);
  if (fd?.[1] !== undefined) return { kind: 'fd', fd: Number(fd[1]) };
  const inet = /^inet:(.+):(\d{1,5})$/.exec(text);
  const port = Number(inet?.[2] ?? '-1');
  if (inet?.[1] === undefined || port < 0 || port > 65_535) throw new Error(`no listen address: ${text}`);
  return { kind: 'inet', host: inet[1].replace(/^\[|\]$/g, ''), port };
}

/** The text form, with the port really taken. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  if (address.kind === 'fd') return `fd:${address.fd}`;
  return `inet:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/**
 * Makes way for a new UNIX socket: removes a socket file on which nobody answers. Throws when something else lies there
 * or somebody answers. With node:cluster the primary calls this once, before the workers listen.
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(absent);
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket: it is left alone`);
  if (await answers(path)) throw new Error(`${path} is in use by a running process`);
  await unlink(path).catch(absent);
}

/** Sets mode and group of a socket that is listened on. `group` is a name or number, '' leaves it. */
export async function settleSocket(path: string, mode: string, group: string): Promise<void> {
  const wanted = Number.parseInt(mode, 8);
  const before = await stat(path);
  if (group !== '') {
    const gid = await groupId(group);
    if (before.gid !== gid) await chown(path, before.uid, gid);
  }
  if ((before.mode & 0o777) !== wanted) await chmod(path, wanted);
}

function absent(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const settle = (answered: boolean): void => {
      probe.destroy();
      resolve(answered);
    };
    probe.setTimeout(PROBE_TIMEOUT_MS, () => settle(true));
    probe.once('connect', () => settle(true));
    // ECONNREFUSED means a dead socket; anything else (EAGAIN, EACCES) may be a living one.
    probe.once('error', (error) =>
      settle(!('code' in error) || (error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')),
    );
  });
}

async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const lines = (await readFile('/etc/group', 'utf8')).split('\n');
  const line = lines.find((one) => one.startsWith(`${group}:`));
  const gid = line?.split(':')[2];
  if (gid === undefined) throw new Error(`no group named ${group}`);
  return Number(gid);
}
