// Compiles rule sets in a thread of its own: thousands of rules take about a second, in which mail would wait. The thread
// keeps the set on disk and hands over its bytes; making a set of them again takes a small part of that time.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AttachedSnapshot, FILES_ON_DISK, type AttachedFiles, type AttachedTexts } from '../../config/attached.js';
import { compileSources, type SetSources } from '../sources.js';
import { decodeSet, type KeptSet } from './kept-set.js';
import type { RuleCache } from './rule-cache.js';

/** What is to be compiled, under which key, and where it is kept. */
export interface AsideTask {
  readonly sources: SetSources;
  readonly key: string;
  readonly cache: RuleCache | null;
  /** Where includes are read. */
  readonly files: AttachedFiles;
}

/** The same as it crosses into the thread. */
export interface ThreadTask {
  readonly sources: SetSources;
  readonly key: string;
  /** Null: nothing is kept. */
  readonly directory: string | null;
  /** Null: the disk. */
  readonly texts: AttachedTexts | null;
}

/** What comes back; `bytes` null where the thread came to nothing, and the set is compiled here after all. */
export interface ThreadAnswer {
  readonly bytes: Uint8Array | null;
  readonly troubles: readonly string[];
}

/** The thread's code, which only a build has. */
const THREAD = new URL('./compile-thread.js', import.meta.url);

/** Compiles in a thread; in this one where there is no build, or files that a thread cannot be given. */
export async function compileAside({ sources, key, cache, files }: AsideTask): Promise<KeptSet> {
  const texts = files instanceof AttachedSnapshot ? files.texts : null;
  if (existsSync(fileURLToPath(THREAD)) && (texts !== null || files === FILES_ON_DISK)) {
    const { bytes, troubles } = await runThread({ sources, key, directory: cache?.directory ?? null, texts });
    cache?.hear(troubles);
    const made = bytes === null ? null : decodeSet(bytes);
    if (made !== null) return made;
  }
  const made = compileSources(sources, files);
  cache?.write(key, made);
  return made;
}

function runThread(task: ThreadTask): Promise<ThreadAnswer> {
  return new Promise((resolve) => {
    const failed = (reason: string) => resolve({ bytes: null, troubles: [`no thread to compile rules: ${reason}`] });
    const thread = new Worker(THREAD, { workerData: task, execArgv: [] });
    thread.once('message', resolve);
    thread.once('error', (error) => failed(error.message));
    thread.once('exit', (code) => failed(`it ended with ${code}`));
  });
}
