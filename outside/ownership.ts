// Files that a command writes as root for a server that is not: they belong to whom the directory above belongs.
import { chownSync, existsSync, lchownSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Null where nothing needs giving away, or only root could. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

/** Owner of the nearest directory that is there; null unless we are root. */
export function ownerAbove(path: string): Owner {
  if (process.getuid?.() !== 0) return null;
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  const { uid, gid } = statSync(at);
  return { uid, gid };
}

/** Gives a file or directory to its owner to be. */
export function giveTo(owner: Owner, path: string): void {
  if (owner !== null) chownSync(path, owner.uid, owner.gid);
}

/** The same for a symbolic link itself. */
export function giveLinkTo(owner: Owner, path: string): void {
  if (owner !== null) lchownSync(path, owner.uid, owner.gid);
}

/** Makes a directory of mode 0700, and those above it that are missing, for an owner. */
export function makeDirectory(owner: Owner, path: string): void {
  if (existsSync(path)) return;
  makeDirectory(owner, dirname(path));
  mkdirSync(path, { mode: 0o700 });
  giveTo(owner, path);
}
