// The lists of SpamAssassin's preferences (welcomelist_from and its like) as rules of one user or domain, and such rules
// as preferences. They touch the spam score alone there as here. What cannot be said exactly is told line by line.
import { GLOBAL, makeRule, type RuleBody, type RuleWish } from '../rule.js';
import { ImportGatherer, linesOf, quoted, type Exported, type ImportDefaults, type Imported } from './lines.js';

type Wish = Pick<RuleWish, 'kind' | 'effect' | 'authenticated'>;

const FROM_ANYBODY: Wish = { kind: 'sender', effect: 'allow', authenticated: false };
const FROM_PROVEN: Wish = { kind: 'sender', effect: 'allow', authenticated: true };

/** Settings whose words are addresses, with the rule each makes; the older names are the same. */
const SETTINGS: ReadonlyMap<string, Wish> = new Map([
  ['welcomelist_from', FROM_ANYBODY],
  ['welcomelist_auth', FROM_PROVEN],
  ['welcomelist_from_spf', FROM_PROVEN],
  ['welcomelist_from_dkim', FROM_PROVEN],
  ['blocklist_from', { kind: 'sender', effect: 'reject' }],
  ['all_spam_to', { kind: 'recipient', effect: 'allow' }],
  ['blocklist_to', { kind: 'recipient', effect: 'reject' }],
]);

/** Settings that take back what an earlier line gave. */
const TAKES_BACK: ReadonlyMap<string, readonly string[]> = new Map([
  ['unwelcomelist_from', ['welcomelist_from']],
  ['unwelcomelist_auth', ['welcomelist_auth']],
  ['unwelcomelist_from_spf', ['welcomelist_from_spf']],
  ['unwelcomelist_from_dkim', ['welcomelist_from_dkim']],
  ['unblocklist_from', ['blocklist_from']],
]);

/** Settings of the same matter that no rule can say, with why. */
const UNSAYABLE: ReadonlyMap<string, string> = new Map([
  ['welcomelist_from_rcvd', 'a rule cannot name the relay; take welcomelist_auth'],
  ['unwelcomelist_from_rcvd', 'a rule cannot name the relay'],
  ['def_welcomelist_from_rcvd', 'a rule cannot name the relay; take welcomelist_auth'],
  ['def_welcomelist_auth', 'is a weaker list, which rules do not have'],
  ['def_welcomelist_from_spf', 'is a weaker list, which rules do not have'],
  ['def_welcomelist_from_dkim', 'is a weaker list, which rules do not have'],
  ['welcomelist_to', 'only lowers the score there; a rule lets everything through (all_spam_to)'],
  ['more_spam_to', 'only lowers the score there; a rule lets everything through (all_spam_to)'],
  ['welcomelist_allows_relays', 'a rule does not look at relays'],
]);

/** Reads preferences; settings of other matters are passed over. */
export function readPreferences(text: string, { scope }: ImportDefaults): Imported {
  const gatherer = new ImportGatherer();
  for (const [line, raw] of linesOf(text, gatherer)) {
    const [name = '', ...words] = withoutComment(raw).trim().split(/\s+/);
    const setting = name.toLowerCase().replace('whitelist', 'welcomelist').replace('blacklist', 'blocklist');
    const wish = SETTINGS.get(setting);
    if (UNSAYABLE.has(setting)) gatherer.problem(line, `${quoted(name)} ${UNSAYABLE.get(setting) ?? ''}`);
    else if (TAKES_BACK.has(setting)) takeBack(gatherer, setting, words, scope);
    else if (wish !== undefined) takeWords(gatherer, { line, name, setting, words, wish, scope });
  }
  return gatherer.done();
}

interface Line {
  readonly line: number;
  readonly name: string;
  readonly setting: string;
  readonly words: readonly string[];
  readonly wish: Wish;
  readonly scope: string;
}

function takeWords(gatherer: ImportGatherer, { line, name, setting, words, wish, scope }: Line): void {
  if (words.length === 0) return gatherer.problem(line, `${quoted(name)} names no address`);
  if (setting === 'welcomelist_from_dkim' && words.length > 1)
    return gatherer.problem(line, `${quoted(name)} with a signing domain of its own cannot be said by a rule`);
  for (const word of words) {
    if (word.includes('?')) gatherer.problem(line, `${quoted(word)}: a rule has no sign for a single character`);
    else
      gatherer.rule(line, makeRule({ ...wish, value: word, scope, ...(wish.effect === 'allow' && { skips: 'safe' }) }));
  }
}

function takeBack(gatherer: ImportGatherer, setting: string, words: readonly string[], scope: string): void {
  for (const given of TAKES_BACK.get(setting) ?? []) {
    const wish = SETTINGS.get(given);
    for (const word of words) {
      const made = wish === undefined ? null : makeRule({ ...wish, value: word, scope });
      if (made !== null && 'rule' in made) gatherer.drop((rule) => isSame(rule, made.rule));
    }
  }
}

const isSame = (one: RuleBody, other: RuleBody): boolean =>
  one.kind === other.kind &&
  one.value === other.value &&
  one.effect === other.effect &&
  one.authenticated === other.authenticated;

/** `\#` is a plain character there. */
function withoutComment(line: string): string {
  const at = /(^|[^\\])#/.exec(line);
  return (at === null ? line : line.slice(0, at.index + (at[1]?.length ?? 0))).replaceAll('\\#', '#');
}

/** The rules as preferences, those of one user or domain as a rule. */
export function writePreferences(rules: readonly RuleBody[]): Exported {
  const left: { rule: RuleBody; reason: string }[] = [];
  const lines: string[] = [];
  for (const rule of rules) {
    const setting = rule.enabled ? settingOf(rule) : { reason: 'it is switched off' };
    if ('reason' in setting) left.push({ rule, reason: setting.reason });
    else lines.push(`${setting.name} ${setting.value.replaceAll('#', '\\#')}\n`);
  }
  return { text: lines.join(''), left };
}

function settingOf(rule: RuleBody): { readonly name: string; readonly value: string } | { readonly reason: string } {
  const { kind, value, effect, authenticated } = rule;
  if (rule.scope === GLOBAL) return { reason: 'a rule for everybody does not touch the spam score' };
  if (rule.expiresAt !== null) return { reason: 'a preference does not expire' };
  if (value.includes('?') || value === '<>') return { reason: 'there is no sign for it' };
  const isAllow = effect === 'allow';
  const from = authenticated ? 'welcomelist_auth' : 'welcomelist_from';
  if (kind === 'sender') return { name: isAllow ? from : 'blocklist_from', value };
  if (kind === 'domain') return { name: from, value: `*@${value}` };
  if (kind === 'recipient') return { name: isAllow ? 'all_spam_to' : 'blocklist_to', value };
  return { reason: 'preferences know no addresses of clients' };
}
