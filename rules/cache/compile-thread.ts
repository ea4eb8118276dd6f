// The thread that compiles a rule set: takes texts and options, keeps the set on disk, gives its bytes. Ends when it is done.
import { parentPort, workerData } from 'node:worker_threads';
import { AttachedSnapshot, FILES_ON_DISK } from '../../config/attached.js';
import { compileSources } from '../sources.js';
import type { ThreadAnswer, ThreadTask } from './aside.js';
import { encodeSet } from './kept-set.js';
import { RuleCache } from './rule-cache.js';

const { sources, key, directory, texts } = workerData as ThreadTask;
const troubles: string[] = [];
const made = compileSources(sources, texts === null ? FILES_ON_DISK : new AttachedSnapshot(texts));
if (directory !== null) RuleCache.open(directory, (trouble) => troubles.push(trouble))?.write(key, made);
const bytes = encodeSet(made);
parentPort!.postMessage({ bytes, troubles } satisfies ThreadAnswer);
