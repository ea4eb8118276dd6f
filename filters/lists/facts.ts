// What the stage `lists` learnt about a message, for rules that ask for it and for explanations. Plain data; lists go by
// the names they are shown under, so that no key of a list is in it.
import type { Asked } from './ask.js';
import type { SubjectKind } from '../../lists/known.js';
import { clientScore, type EntryHit } from './weigh.js';

/** One answer. `codes` are all addresses that came, counted or not. */
export interface ListFact {
  readonly list: string;
  readonly kind: SubjectKind;
  readonly subject: string;
  /** `unknown` too where the list is not believed. */
  readonly state: 'listed' | 'not-listed' | 'unknown';
  readonly codes: readonly string[];
}

/** One entry of the settings that hit. */
export interface ListHitFact {
  readonly list: string;
  readonly kind: SubjectKind;
  readonly subject: string;
  readonly codes: readonly string[];
  readonly weight: number;
}

/** The facts of the stage `lists`. */
export interface ListFacts {
  /** False where nothing may be looked up, or no list is set. */
  readonly asked: boolean;
  readonly answers: readonly ListFact[];
  readonly hits: readonly ListHitFact[];
  /** Sum of the weights that hold against (or for) the client's address. */
  readonly clientScore: number;
}

export const NOTHING_ASKED: ListFacts = { asked: false, answers: [], hits: [], clientScore: 0 };

export function factsOf({ told, disbelieved }: Asked, found: readonly EntryHit[]): ListFacts {
  return {
    asked: true,
    answers: told.map(({ list, subject, asked, answer: { state, codes } }) => ({
      list: list.name,
      kind: subject.kind,
      subject: asked,
      state: disbelieved.has(list) || state === 'error' ? 'unknown' : state,
      codes,
    })),
    hits: found.flatMap(({ list, entry, hits }) =>
      hits.map(({ kind, subject, codes }) => ({ list: list.name, kind, subject, codes, weight: entry.weight })),
    ),
    clientScore: clientScore(found),
  };
}
