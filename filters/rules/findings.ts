// The findings of the rule stage: one for each core rule that scores, taken from the rule files themselves, and the
// family of whatever rules a site brings.
import { compileRules } from '../../rules/compile.js';
import { isSubRule, type Statement } from '../../rules/definition.js';
import type { FindingSpec } from '../../pipeline/finding.js';

/** The text of the message was larger than `textMaxBytes`, or than what is rendered of one part. */
export const TEXT_CUT = 'RULES_TEXT_CUT';

/** Some pattern used up its steps before it was known whether it matches. */
export const GAVE_UP = 'RULES_GAVE_UP';

/** Questions of rules that look things up got no answer. */
export const DNS_FAILED = 'RULES_DNS_FAILED';

/** Rules would have looked up more than one message may. */
export const DNS_CUT = 'RULES_DNS_CUT';

/** A rule of `shortcircuit` hit: those after it did not run. */
export const SHORTCIRCUIT = 'SHORTCIRCUIT';

/** The catalogue of the stage. Throws when a core rule is broken: that is a bug. */
export function ruleFindings(core: readonly Statement[]): readonly FindingSpec[] {
  const { set, refusals } = compileRules(core);
  const [first] = refusals;
  if (first !== undefined) throw new Error(`core rules: ${first.file}:${first.line}: ${first.reason}`);
  const rules = [...set.byName.values()].filter(({ name }) => !isSubRule(name));
  return [
    ...rules.map(({ name, score, description }) => spec(name, score, `${description}.`)),
    spec(TEXT_CUT, 0, 'The message has more text than the rules look at; the rest was not scored.'),
    spec(
      GAVE_UP,
      0,
      'The pattern of a rule took too many steps over this message; what was not known counts as no match.',
    ),
    spec(
      DNS_FAILED,
      0,
      'Look-ups of rules got no answer, or too late: whether the lists they ask hold anything is not known.',
    ),
    spec(DNS_CUT, 0, 'Rules would have looked up more names than one message may; the rest was not asked.'),
    spec(SHORTCIRCUIT, 0, 'A rule marked `shortcircuit` hit; those after it were not run, and its score was added.'),
    spec('*', 0, 'Rules of the site bring names and scores of their own.'),
  ];
}

function spec(id: string, score: number, meaning: string): FindingSpec {
  return { id, category: 'spam', group: 'rules', score, meaning };
}
