// Before rules run over a message: says in which of its texts and header values a rule's pattern may match at all. Each
// text is scanned once for all rules, when the first rule asks about it.
import type { Rule } from '../compile.js';
import type { HeaderSelector, TextInput } from '../definition.js';
import type { Pattern, Subject } from '../pattern/pattern.js';
import { CandidateScan, type Candidates } from './candidates.js';

/** The texts of a message that rules run over. */
interface Texts {
  texts(input: TextInput): readonly Subject[];
}

/** The scans of a rule set: one for each kind of text, one for each header value that rules read. */
interface Scans {
  readonly inputs: ReadonlyMap<string, CandidateScan>;
}

/** Made once for each rule set. */
const scansOf = new WeakMap<readonly Rule[], Scans>();

/** The screen of one message; the scans of the rules are built when they first run, or by an earlier call. */
export function screenFor(rules: readonly Rule[], texts: Texts): Screen {
  return new Screen(prepareScans(rules), texts);
}

/** Builds the scans of a rule set, if they are not built yet. */
export function prepareScans(rules: readonly Rule[]): Scans {
  let scans = scansOf.get(rules);
  if (scans === undefined) {
    scans = buildScans(rules);
    scansOf.set(rules, scans);
  }
  return scans;
}

function buildScans(rules: readonly Rule[]): Scans {
  const patterns = new Map<string, Pattern[]>();
  for (const { test } of rules) {
    if (test.kind !== 'text' && test.kind !== 'header') continue;
    const key = test.kind === 'text' ? test.input : headerKey(test.selector);
    const list = patterns.get(key);
    if (list === undefined) patterns.set(key, [test.pattern]);
    else list.push(test.pattern);
  }
  return { inputs: new Map([...patterns].map(([key, list]) => [key, new CandidateScan(list)])) };
}

const headerKey = (selector: HeaderSelector): string => `header ${[selector.name, ...selector.modifiers].join(':')}`;

export class Screen {
  private readonly known = new Map<string, Candidates>();

  constructor(
    private readonly scans: Scans,
    private readonly mail: Texts,
  ) {}

  /** Indexes of the texts in which the pattern may match, or null where all must be tried. */
  placesOf(input: TextInput, pattern: Pattern): readonly number[] | null {
    return this.candidates(input, () => this.mail.texts(input)).placesOf(pattern);
  }

  /** Whether the pattern may match the header value that the selector gives. */
  headerMayMatch(selector: HeaderSelector, value: Subject, pattern: Pattern): boolean {
    return this.candidates(headerKey(selector), () => [value]).placesOf(pattern)?.length !== 0;
  }

  private candidates(key: string, subjects: () => readonly Subject[]): Candidates {
    let found = this.known.get(key);
    if (found === undefined) {
      const scan = this.scans.inputs.get(key) ?? new CandidateScan([]);
      found = scan.candidates(subjects().map(({ text }) => text));
      this.known.set(key, found);
    }
    return found;
  }
}
