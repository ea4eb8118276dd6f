// What the answers weigh: which entries of the settings hit, by what, and the sum that holds against the client. Pure:
// answers in, hits out. An entry counts once however much of it is listed; two entries of one zone count both.
import { SUBJECT_KINDS, type SubjectKind } from '../../lists/known.js';
import { isFor, type Asked, type Told } from './ask.js';
import { counts, isAddressKind, type List, type ListEntry } from '../../lists/list.js';
import { namesOf } from '../../lists/question.js';

/** Something listed. */
export interface Hit {
  readonly kind: SubjectKind;
  /** Address or name as asked. */
  readonly subject: string;
  /** Answers that count. */
  readonly codes: readonly string[];
}

/** An entry that hits, with all that is listed, strongest kind first. */
export interface EntryHit {
  readonly list: List;
  readonly entry: ListEntry;
  readonly hits: readonly [Hit, ...Hit[]];
}

/** Entries that hit, in the order of the settings. Lists that are not believed hit nothing. */
export function weighAnswers({ told, disbelieved }: Asked): readonly EntryHit[] {
  const byList = new Map<List, Told[]>();
  for (const one of told) {
    if (one.answer.state !== 'listed' || disbelieved.has(one.list)) continue;
    byList.set(one.list, [...(byList.get(one.list) ?? []), one]);
  }
  const found: EntryHit[] = [];
  for (const [list, listed] of byList) {
    for (const entry of list.entries) {
      const [first, ...more] = hitsOf(entry, listed);
      if (first) found.push({ list, entry, hits: [first, ...more] });
    }
  }
  return found.sort((one, other) => one.entry.index - other.entry.index);
}

/** Sum of the weights of all entries that hit the client, three decimals. */
export function clientScore(found: readonly EntryHit[]): number {
  const sum = found
    .filter(({ hits }) => hits.some(({ kind }) => kind === 'client'))
    .reduce((total, { entry }) => total + entry.weight, 0);
  return Math.round(sum * 1_000) / 1_000;
}

/** What is listed, each once: several hosts may be asked for by one domain. */
function hitsOf(entry: ListEntry, listed: readonly Told[]): readonly Hit[] {
  const seen = new Set<string>();
  return listed
    .flatMap(({ subject: { kind, text }, asked, answer }): readonly Hit[] => {
      if (!isFor(entry, kind, text) || !wasAsked(entry, kind, text, asked)) return [];
      const codes = answer.codes.filter((code) => counts(entry, kind, code));
      const key = `${kind} ${asked}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return codes.length === 0 ? [] : [{ kind, subject: asked, codes }];
    })
    .sort((one, other) => SUBJECT_KINDS.indexOf(one.kind) - SUBJECT_KINDS.indexOf(other.kind));
}

/** Entries of one zone may ask for different names of a host: each counts those it asks for. */
function wasAsked(entry: ListEntry, kind: SubjectKind, text: string, asked: string): boolean {
  return isAddressKind(kind) || namesOf(text, entry.names).includes(asked);
}
