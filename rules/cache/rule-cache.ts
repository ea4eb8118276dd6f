// Compiled rule sets kept on disk: found again when texts, options and engine are the same to the last byte. What is kept
// is never taken on trust, and what cannot be kept hinders nobody; both are told to `onTrouble`.
import { createHash } from 'node:crypto';
import type { AttachedFile, AttachedFiles } from '../../config/attached.js';
import { KeptFiles } from '../../outside/kept-files.js';
import { outcomeOfInclude, textHash, type RuleTexts } from '../rule-files.js';
import type { SetSources } from '../sources.js';
import { codeHash } from './code-hash.js';
import { decodeSet, encodeSet, type KeptSet } from './kept-set.js';

/** Changes when what is kept is laid out anew. */
const FORMAT = 1;

/** Told with what was wrong, in words for an administrator; `damaged` when something kept was not what was written. */
export type OnTrouble = (trouble: string, damaged: boolean) => void;

export class RuleCache {
  private constructor(
    private readonly files: KeptFiles,
    private readonly onTrouble: OnTrouble,
  ) {}

  /** The cache in a directory; null, and `onTrouble` hears why, where it cannot be used. */
  static open(directory: string, onTrouble: OnTrouble = () => undefined): RuleCache | null {
    const files = KeptFiles.open(directory);
    if (typeof files !== 'string') return new RuleCache(files, onTrouble);
    onTrouble(`compiled rules are not kept: ${files}`, false);
    return null;
  }

  get directory(): string {
    return this.files.directory;
  }

  /** Tells what somebody else met who wrote there. */
  hear(troubles: readonly string[]): void {
    for (const trouble of troubles) this.onTrouble(trouble, false);
  }

  /** The set kept for these sources, or null. Includes are read again with `files`, to see that they are the same. */
  read(key: string, files: AttachedFiles): KeptSet | null {
    const found = this.files.read(key);
    if (found === null) return null;
    const kept = 'bytes' in found ? decodeSet(found.bytes) : null;
    if (kept !== null) return kept.includes.every((one) => isSame(one, files)) ? kept : null;
    const damage = 'damage' in found ? found.damage : 'it holds no rules';
    this.onTrouble(`kept rules are made again: ${damage}: ${this.directory}/${key.slice(0, 12)}…`, true);
    this.tell('not taken away', this.files.forget(key));
    return null;
  }

  write(key: string, kept: KeptSet): void {
    this.tell('compiled rules are not kept', this.files.write(key, encodeSet(kept)));
  }

  private tell(what: string, reason: string | null): void {
    if (reason !== null) this.onTrouble(`${what}: ${this.directory}: ${reason}`, false);
  }
}

function isSame({ path, root, outcome }: KeptSet['includes'][number], files: AttachedFiles): boolean {
  return outcomeOfInclude(path, root, files) === outcome;
}

/** Under what a set is kept: hex SHA-256 over everything it is made of. */
export function keyOf({ core, site, compile, covered }: SetSources): string {
  const parts = [
    FORMAT,
    codeHash(),
    compile.scoreSet,
    [...compile.disabled].sort(),
    [...compile.scores].sort(([a], [b]) => (a < b ? -1 : 1)),
    [...covered],
    core === null ? null : textsOf(core),
    textsOf(site),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function textsOf({ plugins, rules, failures }: RuleTexts): unknown {
  const hashes = (files: readonly AttachedFile[]) => files.map(({ file, text }) => [file, textHash(text)]);
  return [hashes(plugins), hashes(rules), failures];
}
