// Watches files by looking at them: tells when one has changed and has stood still since. Takes paths, reads no content;
// sees files that are replaced by a rename, symbolic links that point elsewhere, and files that come and go.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ATTACHED_FILES_MAX, type NamedFile } from '../config/attached.js';

/** Between two looks, ms. A change is told at the second look that finds it, so that a half-written file is not read. */
export const WATCH_INTERVAL_MS = 1_000;

/** What stands for the state of each path. */
type Stamps = ReadonlyMap<string, string>;

/** What has changed since it was last told. */
export interface FileChange {
  readonly changed: readonly string[];
  /** Paths that were not watched before. */
  readonly added: readonly string[];
}

export interface FileWatchOptions {
  /** What to look at, asked at every look; a directory stands for its files with the suffix. */
  readonly paths: () => readonly NamedFile[];
  /** No further look is taken before it resolves. Must not reject. */
  readonly onChange: (change: FileChange) => Promise<unknown>;
  readonly intervalMs?: number;
}

export class FileWatch {
  private told: Stamps = new Map();
  private pending: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(private readonly options: FileWatchOptions) {}

  /** Takes everything as it is now for known, before it is read by somebody: what changes from here on is told. */
  async note(): Promise<void> {
    this.told = await takeStamps(this.options.paths());
    this.pending = null;
  }

  /** Begins to look. */
  start(): void {
    if (this.closed) return;
    this.timer = setTimeout(
      () => void this.look().then(() => this.start()),
      this.options.intervalMs ?? WATCH_INTERVAL_MS,
    );
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    const now = await takeStamps(this.options.paths());
    const state = JSON.stringify([...now]);
    const change = differences(this.told, now);
    if (change.changed.length + change.added.length === 0) {
      this.pending = null;
      return;
    }
    if (this.pending !== state) {
      this.pending = state;
      return;
    }
    this.told = now;
    this.pending = null;
    if (!this.closed) await this.options.onChange(change);
  }
}

function differences(before: Stamps, now: Stamps): FileChange {
  const changed: string[] = [];
  const added: string[] = [];
  for (const [path, stamp] of now) {
    const old = before.get(path);
    if (old === undefined) added.push(path);
    else if (old !== stamp) changed.push(path);
  }
  return { changed, added };
}

async function takeStamps(paths: readonly NamedFile[]): Promise<Stamps> {
  const stamps = await Promise.all(paths.map(async ({ path, suffix }) => [path, await stampOf(path, suffix)] as const));
  return new Map(stamps);
}

/** What is not there, or may not be looked at, has a stamp of its own. */
async function stampOf(path: string, suffix: string): Promise<string> {
  try {
    const facts = await stat(path, { bigint: true });
    const own = [facts.dev, facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs].join(' ');
    if (!facts.isDirectory()) return own;
    const names = (await readdir(path)).filter((name) => name.endsWith(suffix)).sort();
    // Names within an existing directory lead to files, not further down.
    const inside = await Promise.all(names.slice(0, ATTACHED_FILES_MAX).map((name) => stampOf(join(path, name), '\0')));
    return JSON.stringify([names, inside]);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
