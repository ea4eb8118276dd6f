// The rules of a fetched release, checked together with everything else that is in force before any of it is written:
// wrong lines refuse it or are left out, and a release without a rule is none.
import { join } from 'node:path';
import type { AttachedFiles } from '../../config/attached.js';
import type { Release } from '../../rules/channel/download.js';
import type { ReleaseFile } from '../../rules/channel/archive.js';
import { releaseDirectory, type ChannelReleases } from '../../rules/channel/releases.js';
import { readRuleFiles, RULE_SUFFIX } from '../../rules/load.js';
import { settle } from './settle.js';
import type { RuleStore } from './store.js';

/** Lines shown of those that are wrong. */
const WRONG_SHOWN_MAX = 100;

/** `files`: as they are to be installed, or null and the reason. `wrong`: lines refused or left out. */
export interface ReadRelease {
  readonly files: readonly ReleaseFile[] | null;
  readonly rules: number;
  /** Lines left out in all. */
  readonly leftOut: number;
  readonly reason: string;
  readonly wrong: readonly string[];
}

/** Checks a release in place of what is installed of its channel. */
export function readRelease(
  store: RuleStore,
  releases: ChannelReleases,
  channel: string,
  release: Release,
  leaveOut: boolean,
): ReadRelease {
  const directory = releaseDirectory(store.dir, channel);
  const gone = releases.fileNames().map((name) => [join(directory, name), null] as const);
  const fresh = release.files.map(({ name, text }) => [join(directory, name), text] as const);
  const { change, faults } = settle(store, new Map<string, string | null>([...gone, ...fresh]), leaveOut);
  const wrong = faults.slice(0, WRONG_SHOWN_MAX).map(({ file, line, reason }) => {
    const name = file.startsWith(`${directory}/`) ? file.slice(directory.length + 1) : file;
    return `${name}:${line}: ${reason}`;
  });
  const none = { files: null, rules: 0, leftOut: 0, wrong };
  if (change === null) return { ...none, reason: `${faults.length} lines are wrong, the first: ${wrong[0] ?? ''}` };
  const files = release.files.map(({ name }) => ({ name, text: change.get(join(directory, name)) ?? '' }));
  const rules = countRules(files);
  if (rules === 0) return { ...none, reason: 'there is no rule in it' };
  return { files, rules, leftOut: faults.length, reason: '', wrong };
}

function countRules(files: readonly ReleaseFile[]): number {
  const inMemory: AttachedFiles = {
    read: ({ suffix }) => (suffix === RULE_SUFFIX ? files.map(({ name, text }) => ({ file: name, text })) : []),
  };
  return readRuleFiles(['.'], inMemory).statements.filter(({ kind }) => kind === 'rule').length;
}
