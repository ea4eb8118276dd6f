// Giving up root: finds whom to become, makes the storage directory for them, then becomes them for good. Called once,
// after the sockets are open. It must never leave a way back.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

const LOOKUP_MS = 5_000;

/** User and group, by name or number. */
export interface Wanted {
  /** Empty keeps the user that started the program. */
  readonly user: string;
  /** Empty takes the user's own. */
  readonly group: string;
}

/** Whom to become. */
export interface Identity {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whom the settings ask to become; null when nobody, or when that is who runs already. Throws when there is no such user
 * or group, or when only root could do it.
 */
export function findIdentity({ user, group }: Wanted): Identity | null {
  if (user === '') {
    if (group !== '') throw new Error('processes.group needs processes.user');
    return null;
  }
  const uid = Number(lookUp(['-u', '--', user], user));
  const gid = group === '' ? Number(lookUp(['-g', '--', user], user)) : findGroup(group);
  if (process.getuid?.() === uid && process.getgid?.() === gid) return null;
  if (process.getuid?.() !== 0) {
    throw new Error(`only root can become ${user}: start weir as root, or leave processes.user empty`);
  }
  return { user: lookUp(['-un', '--', user], user), uid, gid };
}

function lookUp(args: readonly string[], user: string): string {
  try {
    return execFileSync('id', args, {
      encoding: 'utf8',
      timeout: LOOKUP_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch (error) {
    throw new Error(`there is no user ${user}`, { cause: error });
  }
}

function findGroup(group: string): number {
  if (/^[0-9]{1,9}$/.test(group)) return Number(group);
  const row = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${group}:`));
  if (row === undefined) throw new Error(`there is no group ${group}`);
  return Number(row.split(':')[2]);
}

/** Makes `path` (mode 0700, its parents 0755) when it is missing, owned by whom the program becomes. */
export function makePrivateDirectory(path: string, identity: Identity | null): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  mkdirSync(path, { mode: 0o700 });
  if (identity !== null) chownSync(path, identity.uid, identity.gid);
}

/** Becomes `identity` for good: supplementary groups, group, user, in that order. Throws when it could be undone. */
export function becomeIdentity({ user, uid, gid }: Identity): void {
  // Missing in the type declarations.
  (process as { initgroups?(user: string, gid: number): void }).initgroups?.(user, gid);
  process.setgid?.(gid);
  process.setuid?.(uid);
  if (process.getuid?.() !== uid || process.geteuid?.() !== uid || process.getgid?.() !== gid) {
    throw new Error(`could not become ${user}`);
  }
}
