// What `weir rules` keeps: imported rule files, and the file of switches, below `rules.dir`. Every change is checked as
// the server would take it, written whole, handed to a running server, and taken back when that refuses it.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AttachedFile, AttachedFiles } from '../../config/attached.js';
import type { Configuration } from '../../config/load.js';
import { importedDirectory, keptDirectories, loadSiteRules, switchesFile } from '../../filters/rules/site.js';
import { giveTo, makeDirectory, ownerAbove } from '../../outside/ownership.js';
import type { Refusal } from '../../rules/definition.js';
import { RULE_SUFFIX } from '../../rules/load.js';
import { callControl, controlSocketPath } from '../control.js';
import type { ReloadResult } from '../process-messages.js';
import { storageSection } from '../storage-settings.js';
import { ruleSettingsOf } from './in-force.js';

/** File names taken: no directories, nothing hidden. */
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}\.cf$/;

/** A change to come: the whole text of a file below `rules.dir`, or null to take it away. Bytes as latin1. */
export type Change = ReadonlyMap<string, string | null>;

/** What became of a change. */
export type Outcome =
  | { readonly kind: 'done'; readonly running: boolean; readonly notes: readonly string[] }
  | { readonly kind: 'refused'; readonly lines: readonly string[] };

export class RuleStore {
  readonly dir: string;
  readonly #configuration: Configuration;

  constructor(configuration: Configuration) {
    const { dir } = ruleSettingsOf(configuration);
    if (dir === null) throw new Error('rules.dir is not known: set it, or storage.dir');
    this.#configuration = configuration;
    this.dir = dir;
  }

  /** Where an imported file of that name lies. Throws for a name that is none. */
  pathOf(name: string): string {
    if (!FILE_NAME.test(name))
      throw new Error(
        `${name}: an imported file is called by letters, digits, ".", "-" and "_", and ends in ${RULE_SUFFIX}`,
      );
    return join(importedDirectory(this.dir), name);
  }

  /** Names of the imported files, in the order they are read. */
  names(): readonly string[] {
    const directory = importedDirectory(this.dir);
    return existsSync(directory)
      ? readdirSync(directory)
          .filter((name) => name.endsWith(RULE_SUFFIX))
          .sort()
      : [];
  }

  /** The bytes of a file as latin1, or null when it is not there. */
  read(path: string): string | null {
    return existsSync(path) ? readFileSync(path, 'latin1') : null;
  }

  /** Names switched off. */
  switchedOff(): readonly string[] {
    const text = this.read(switchesFile(this.dir)) ?? '';
    return [...text.matchAll(/^score (\w+) 0$/gm)].map(([, name = '']) => name);
  }

  /** The change that makes these, and no others, the rules switched off. */
  switching(names: readonly string[]): Change {
    const lines = [...new Set(names)].sort().map((name) => `score ${name} 0\n`);
    const text =
      lines.length === 0 ? null : `# Written by weir rules disable: rules that do not run.\n${lines.join('')}`;
    return new Map([[switchesFile(this.dir), text]]);
  }

  /** What would be wrong after a change and is not wrong now. */
  newFaults(change: Change): readonly Refusal[] {
    const settings = ruleSettingsOf(this.#configuration);
    const { attached } = this.#configuration;
    const keyOf = ({ file, reason }: Refusal): string => JSON.stringify([file, reason]);
    const known = new Set(loadSiteRules(settings, attached).refusals.map(keyOf));
    const after = loadSiteRules(settings, withChange(attached, change, new Set(keptDirectories(this.dir, settings))));
    return after.refusals.filter((fault) => change.has(fault.file) || !known.has(keyOf(fault)));
  }

  /** Writes a change and has a running server take it; what it refuses is taken back. */
  async apply(change: Change): Promise<Outcome> {
    const before = new Map([...change.keys()].map((path) => [path, this.read(path)]));
    this.#write(change);
    const socket = controlSocketPath(this.#configuration.section(storageSection).dir);
    const answer = await callControl(socket, 'reload', {}).catch((error: unknown) => {
      this.#write(before);
      throw error;
    });
    if (!answer.running) return { kind: 'done', running: false, notes: [] };
    const { taken, lines } = answer.result as ReloadResult;
    if (taken) return { kind: 'done', running: true, notes: lines };
    this.#write(before);
    return { kind: 'refused', lines };
  }

  #write(change: Change): void {
    for (const [path, text] of change) {
      if (text === null) rmSync(path, { force: true });
      else this.#writeFile(path, text);
    }
  }

  /** Whole or not at all, and readable for whom the server becomes: the owner of the storage directory. */
  #writeFile(path: string, text: string): void {
    const owner = ownerAbove(this.dir);
    makeDirectory(owner, dirname(path));
    const fresh = `${path}.new`;
    writeFileSync(fresh, text, { encoding: 'latin1', mode: 0o600, flush: true });
    giveTo(owner, fresh);
    renameSync(fresh, path);
  }
}

/** Files as they would be after a change. */
function withChange(files: AttachedFiles, change: Change, directories: ReadonlySet<string>): AttachedFiles {
  return {
    read(named) {
      const inside = [...change].filter(
        ([path]) =>
          path.endsWith(named.suffix) &&
          (path === named.path || (directories.has(named.path) && dirname(path) === named.path)),
      );
      if (inside.length === 0) return files.read(named);
      const kept = files.read(named).filter(({ file }) => !change.has(file));
      const fresh = inside.flatMap(([file, text]): AttachedFile[] => (text === null ? [] : [{ file, text }]));
      return [...kept, ...fresh].sort((a, b) => (a.file < b.file ? -1 : 1));
    },
  };
}
