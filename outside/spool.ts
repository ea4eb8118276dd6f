// A spool: lines appended to a file and synced, for when a database will not take them. Each process writes files of its
// own, named by process and its start time; whoever drains takes closed files and those of processes that are gone.
import { mkdir, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDir } from './blobs.js';

/** Largest spool file before the next is begun, bytes. */
export const SPOOL_FILE_BYTES_MAX = 16 * 1_048_576;
const SUFFIX = '.jsonl';
const DAMAGED = '.damaged';

/** Files that some spool of this process still writes. */
const openFiles = new Set<string>();

export interface Spool {
  /** Durable when it resolves. Lines that arrive while a sync runs share the next one. */
  append(line: string): Promise<void>;
  /**
   * Hands every waiting file's lines to `take`, oldest first. A file goes once `take` resolved to true; on false it is put
   * aside under `.damaged` for a person to look at. Returns the lines handed over.
   */
  drain(take: (lines: readonly string[]) => Promise<boolean>): Promise<number>;
  close(): Promise<void>;
}

export async function openSpool(dir: string): Promise<Spool> {
  const owner = `${String(process.pid)}-${await startTicks(process.pid)}`;
  return new FileSpool(dir, owner);
}

class FileSpool implements Spool {
  private file: FileHandle | null = null;
  private current: string | null = null;
  private sizeBytes = 0;
  private count = 0;
  private waiting: { line: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  private working: Promise<void> | null = null;

  constructor(
    private readonly dir: string,
    private readonly owner: string,
  ) {}

  append(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ line, resolve, reject });
      this.working ??= this.work().finally(() => (this.working = null));
    });
  }

  async drain(take: (lines: readonly string[]) => Promise<boolean>): Promise<number> {
    while (this.working !== null) await this.working;
    await this.closeFile();
    let lines = 0;
    for (const name of await this.names()) {
      const path = join(this.dir, name);
      if (openFiles.has(path) || (await this.isAnothers(name))) continue;
      const whole = await readLines(path);
      if (whole === null) continue;
      if (await take(whole)) await rm(path, { force: true });
      else await rename(path, path + DAMAGED);
      lines += whole.length;
    }
    return lines;
  }

  async close(): Promise<void> {
    await this.working;
    await this.closeFile();
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        await this.writeBatch(batch.map((entry) => entry.line + '\n').join(''));
        batch.forEach((entry) => entry.resolve());
      } catch (error) {
        // A torn line may stand at the end of the file: go on in a new one.
        await this.closeFile().catch(() => (this.file = null));
        batch.forEach((entry) => entry.reject(error instanceof Error ? error : new Error(String(error))));
      }
    }
  }

  private async writeBatch(text: string): Promise<void> {
    const file = this.file === null || this.sizeBytes > SPOOL_FILE_BYTES_MAX ? await this.nextFile() : this.file;
    const bytes = Buffer.from(text);
    await file.appendFile(bytes);
    await file.datasync();
    this.sizeBytes += bytes.length;
  }

  private async nextFile(): Promise<FileHandle> {
    await this.closeFile();
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    this.count += 1;
    const name = `${this.owner}-${String(Date.now())}-${String(this.count).padStart(6, '0')}${SUFFIX}`;
    const file = await open(join(this.dir, name), 'ax', 0o600);
    this.file = file;
    this.current = join(this.dir, name);
    openFiles.add(this.current);
    this.sizeBytes = 0;
    await syncDir(this.dir);
    return file;
  }

  private async closeFile(): Promise<void> {
    const file = this.file;
    this.file = null;
    if (this.current !== null) openFiles.delete(this.current);
    this.current = null;
    await file?.close();
  }

  private async names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.dir)).filter((name) => name.endsWith(SUFFIX)).sort();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Whether a living process other than this one still writes it. */
  private async isAnothers(name: string): Promise<boolean> {
    if (name.startsWith(`${this.owner}-`)) return false;
    const [pid = '', ticks = ''] = name.split('-');
    return /^[0-9]{1,10}$/.test(pid) && (await startTicks(Number(pid))) === ticks;
  }
}

/** Null when another process took it over meanwhile. Without a last line that a crash cut short: its writer was never told that it was taken. */
async function readLines(path: string): Promise<readonly string[] | null> {
  try {
    const text = await readFile(path, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Start of a process in clock ticks (field 22 of proc_pid_stat(5)), '0' where unknown or gone: tells a reused pid apart. */
async function startTicks(pid: number): Promise<string> {
  try {
    const line = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return isAlive(pid) ? '0' : 'gone';
    throw error;
  }
}

/** Where there is no /proc: whether the process can be signalled. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
