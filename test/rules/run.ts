// Runs rules over a message in tests: rule text in, names and scores out.
import { parseMessage } from '../../message/parse.js';
import { compileRules, type RuleSet } from '../../rules/compile.js';
import { evaluateRules, type RuleResult } from '../../rules/evaluate.js';
import { RuleMail } from '../../rules/mail/rule-mail.js';
import { parseRules } from '../../rules/language/reader.js';

export const TEXT_BYTES_MAX = 1_000_000;
const NO_LIMIT = { deadline: Infinity, monotonicMs: () => 0 };

/** The set of a rule text; throws when any line is refused. */
export function rulesOf(text: string): RuleSet {
  const { statements, refusals } = parseRules(text, 'test.cf');
  const compiled = compileRules(statements);
  const [first] = [...refusals, ...compiled.refusals];
  if (first !== undefined) throw new Error(`line ${first.line}: ${first.reason}`);
  return compiled.set;
}

/** Names under which the hosts of our examples are registered. */
const { settings } = parseRules(
  'util_rb_tld example com net org de uk ly xyz top app dev io me co\nutil_rb_2tld co.uk\n',
  'test.cf',
);

/** Inputs of a message. */
export function inputsOf(mail: string | Buffer): RuleMail {
  const raw = typeof mail === 'string' ? Buffer.from(mail, 'latin1') : mail;
  return new RuleMail(parseMessage(raw), null, TEXT_BYTES_MAX, null, { settings });
}

/** Runs a set, or a rule text, over a message. */
export function run(rules: RuleSet | string, mail: string | Buffer): RuleResult {
  return evaluateRules(typeof rules === 'string' ? rulesOf(rules) : rules, inputsOf(mail), NO_LIMIT);
}

/** Names of all hits, sub-rules too. */
export function namesOf(result: RuleResult): readonly string[] {
  return [...result.hits.map(({ rule }) => rule.name), ...result.subRules];
}
