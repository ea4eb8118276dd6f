// What all statements together say of each rule: its test, and what scores, flags, priorities, descriptions and samples
// they give it. Later ones override earlier ones; one that cannot be used is refused with its place.
import { CAPTURING_PRIORITY, takesTexts } from './captures.js';
import type { RuleExample } from './compile.js';
import type { Place, Refusal, RuleTest, Scores, Shortcircuit, Statement } from './definition.js';
import { describeTest } from './describe-test.js';
import type { PlainTest } from './plain.js';
import { alwaysMatches } from './pattern/read.js';

/** Most rules one set may hold. */
export const RULES_MAX = 50_000;
/** Most different globs in `rules_matching` of one set: each is held against the name of every rule. */
export const GLOBS_MAX = 100;
/** Priority of a rule that `shortcircuit` calls ham or spam and that names none. */
const SHORTCIRCUIT_PRIORITY = -200;
const ALL_ONE: Scores = [1, 1, 1, 1];

/** A rule while its statements are gathered. */
export interface Draft extends Place {
  readonly name: string;
  readonly test: PlainTest;
}

export interface Properties {
  scores: Scores | null;
  flags: ReadonlySet<string>;
  priority: number;
  description: string;
  shortcircuit: Shortcircuit;
  examples: RuleExample[];
}

/** Gathers what statements say of each rule, in the order they are read. */
export class Gatherer {
  readonly drafts = new Map<string, Draft>();
  readonly properties = new Map<string, Properties>();
  readonly refusals: Refusal[] = [];
  private readonly refusedNames = new Set<string>();
  /** Lines that work and are hardly meant so. */
  readonly slips: Refusal[] = [];
  private readonly named: Statement[] = [];

  constructor(private readonly localTestsOnly: boolean) {}

  take(statement: Statement): void {
    if (statement.kind === 'rule') this.define(statement);
    else {
      this.named.push(statement);
      this.apply(statement);
    }
  }

  private define(statement: Extract<Statement, { kind: 'rule' }>): void {
    const { name, file, line } = statement;
    if (this.drafts.size >= RULES_MAX && !this.drafts.has(name)) {
      this.refusals.push(refusalAt(statement, `more than ${RULES_MAX} rules`));
      return;
    }
    const test = this.bounded(describeTest(this.merged(statement), this.localTestsOnly));
    if (typeof test === 'string') {
      this.refusals.push(refusalAt(statement, `${name}: ${test}`));
      this.refusedNames.add(name);
      return;
    }
    this.drafts.set(name, { name, test, file, line });
    const { test: written } = statement;
    if (written.kind !== 'text' && written.kind !== 'header' && written.kind !== 'mimeheader') return;
    if (takesTexts(written.pattern)) this.propertiesOf(name).priority = CAPTURING_PRIORITY;
    const always = alwaysMatches(written.pattern.source);
    if (always !== null) this.slips.push(refusalAt(statement, `${name}: ${always}, so that it matches any text`));
  }

  /** The test, or why it asks for too much. */
  private bounded(test: PlainTest | string): PlainTest | string {
    if (typeof test === 'string' || test.kind !== 'meta' || test.expression.globs.length === 0) return test;
    for (const glob of test.expression.globs) this.globs.add(glob);
    return this.globs.size > GLOBS_MAX ? `more than ${GLOBS_MAX} different globs in one rule set` : test;
  }

  private readonly globs = new Set<string>();

  /** Several `uri_detail` lines of one name add up; of one key the last holds. */
  private merged({ name, test }: Extract<Statement, { kind: 'rule' }>): RuleTest {
    if (test.kind !== 'uriDetail') return test;
    const criteria = new Map([...(this.uriDetails.get(name) ?? []), ...test.criteria].map((one) => [one.key, one]));
    this.uriDetails.set(name, [...criteria.values()]);
    return { kind: 'uriDetail', criteria: [...criteria.values()] };
  }

  private readonly uriDetails = new Map<string, Extract<RuleTest, { kind: 'uriDetail' }>['criteria']>();

  private apply(statement: Exclude<Statement, { kind: 'rule' }>): void {
    const properties = this.propertiesOf(statement.name);
    switch (statement.kind) {
      case 'score': {
        if (statement.relative && properties.scores === null) {
          this.refusals.push(refusalAt(statement, `${statement.name}: a relative score without one before it`));
          return;
        }
        const base = properties.scores ?? ALL_ONE;
        const moved = (index: 0 | 1 | 2 | 3) => statement.scores[index] + (statement.relative ? base[index] : 0);
        properties.scores = [moved(0), moved(1), moved(2), moved(3)];
        return;
      }
      case 'describe':
        properties.description = statement.text;
        return;
      case 'tflags':
        properties.flags = new Set(statement.flags);
        return;
      case 'priority':
        properties.priority = statement.priority;
        return;
      case 'shortcircuit':
        properties.shortcircuit = statement.as;
        if (statement.as === 'on' || statement.as === 'off') return;
        if (properties.priority === 0) properties.priority = SHORTCIRCUIT_PRIORITY;
        properties.flags = new Set([...properties.flags, ...(statement.as === 'ham' ? ['nice'] : []), 'noautolearn']);
        return;
      case 'test': {
        const { ok, text, file, line } = statement;
        properties.examples.push({ ok, text, file, line });
      }
    }
  }

  private propertiesOf(name: string): Properties {
    let found = this.properties.get(name);
    if (found === undefined) {
      found = { scores: null, flags: new Set(), priority: 0, description: '', shortcircuit: 'off', examples: [] };
      this.properties.set(name, found);
    }
    return found;
  }

  /** Statements about names that no rule has. */
  orphans(): readonly Refusal[] {
    return this.named
      .filter(({ name }) => !this.drafts.has(name) && !this.refusedNames.has(name))
      .map((statement) => refusalAt(statement, `${statement.kind} for ${statement.name}, which is no rule`));
  }
}

/** What was not taken there, and why. */
export function refusalAt(place: Place, reason: string): Refusal {
  return { file: place.file, line: place.line, reason };
}
