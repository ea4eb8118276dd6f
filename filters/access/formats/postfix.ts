// Postfix's access maps (access(5), cidr_table(5)) as rules, and rules as such maps. A map says by its place in main.cf
// what it looks at, so whoever imports names it. What a rule cannot say is told line by line, never guessed.
import type { RuleBody } from '../rule.js';
import { makeRule } from '../rule.js';
import { canonicalIp, canonicalNetwork } from '../subject.js';
import { ImportGatherer, linesOf, quoted, type Exported, type ImportDefaults, type Imported } from './lines.js';

/** `check_client_access`, `check_sender_access`, `check_recipient_access`. */
export const MAP_KINDS = ['client', 'sender', 'recipient'] as const;
export type MapKind = (typeof MAP_KINDS)[number];

interface Pattern {
  readonly kind: RuleBody['kind'];
  readonly value: string;
}

/** Reads the text of a map (not its compiled form). */
export function readPostfixMap(text: string, map: MapKind, { scope, authenticated }: ImportDefaults): Imported {
  const gatherer = new ImportGatherer();
  for (const [line, entry] of entriesOf(text, gatherer)) {
    const [, key = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(entry) ?? [];
    const action = readAction(rest.trim());
    const patterns = readPattern(key, map);
    if (typeof patterns === 'string') gatherer.problem(line, patterns);
    else if (typeof action === 'string') gatherer.problem(line, action);
    else
      for (const pattern of patterns) {
        const isSender = action.effect === 'allow' && pattern.kind === 'sender';
        const skips = action.effect === 'allow' ? { skips: 'safe' } : {};
        const vouched = isSender ? { authenticated } : {};
        gatherer.rule(line, makeRule({ ...pattern, ...action, scope, ...skips, ...vouched }));
      }
  }
  return gatherer.done();
}

/** Logical lines: one that begins with a blank goes on with the one before. */
function* entriesOf(text: string, gatherer: ImportGatherer): Generator<readonly [line: number, text: string]> {
  let entry: [number, string] | null = null;
  for (const [line, raw] of linesOf(text, gatherer)) {
    if (raw.trim() === '' || raw.trimStart().startsWith('#')) continue;
    if (/^\s/.test(raw) && entry !== null) entry[1] += ` ${raw.trim()}`;
    else {
      if (entry !== null) yield entry;
      entry = [line, raw.trim()];
    }
  }
  if (entry !== null) yield entry;
}

/** The effect and a note of its text, or why no rule can say it. */
function readAction(text: string): { readonly effect: string; readonly note: string } | string {
  const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
  const upper = word.toUpperCase();
  const note = rest.replace(/[^\x20-\x7e]/g, '?').slice(0, 500);
  if (word === '') return 'there is no action';
  if (upper === 'OK') return { effect: 'allow', note };
  if (upper === 'REJECT' || /^5[0-9]{2}$/.test(word)) return { effect: 'reject', note };
  if (upper === 'DISCARD') return { effect: 'discard', note };
  if (/^4[0-9]{2}$/.test(word) || upper.startsWith('DEFER')) return `${quoted(word)}: a rule cannot refuse for a while`;
  // access(5): digits alone, as some tools write them, are OK.
  if (/^[0-9]+$/.test(word) && rest === '') return { effect: 'allow', note };
  return `${quoted(word)}: no rule does that (OK, REJECT, 5xx and DISCARD can be taken)`;
}

function readPattern(key: string, map: MapKind): readonly Pattern[] | string {
  if (/^[/!]/.test(key) || /^(if|endif)$/i.test(key))
    return `${quoted(key)}: expressions and conditions are no patterns of rules`;
  return map === 'client' ? readClient(key) : readMailbox(key, map);
}

function readClient(key: string): readonly Pattern[] | string {
  const ip = canonicalIp(key.replace(/^\[(.*)\]$/, '$1'));
  if (ip !== null) return [{ kind: 'ip', value: ip }];
  const bare = key.replace(/^\[(.*)\](\/[0-9]+)$/, '$1$2');
  const network = canonicalNetwork(bare) ?? canonicalNetwork(widen(bare) ?? '');
  if (network === null) return `${quoted(key)}: rules know addresses and networks of clients, no names`;
  if (network.widened) return `${quoted(key)}: has bits beyond its mask (${network.network} is meant?)`;
  return [{ kind: 'network', value: network.network }];
}

/** `192.0.2` → `192.0.2.0/24`, `2001:db8` → `2001:db8::/32`: parts of addresses at their borders. */
function widen(key: string): string | null {
  const octets = key.split('.');
  if (octets.length < 4 && octets.every((part) => /^[0-9]{1,3}$/.test(part)))
    return `${[...octets, '0', '0', '0'].slice(0, 4).join('.')}/${octets.length * 8}`;
  const words = key.split(':');
  const isPart = words.length > 1 && words.length < 8 && words.every((part) => /^[0-9a-f]{1,4}$/i.test(part));
  return isPart ? `${words.join(':')}::/${words.length * 16}` : null;
}

/** A domain stands for those below it too, as parent_domain_matches_subdomains has it by default. */
function readMailbox(key: string, kind: 'sender' | 'recipient'): readonly Pattern[] | string {
  if (key.includes('*')) return `${quoted(key)}: has a star, which is a plain character there`;
  if (key === '<>') return kind === 'sender' ? [{ kind, value: '<>' }] : `${quoted(key)}: no recipient is empty`;
  if (key.endsWith('@')) return [{ kind, value: `${key}*` }];
  if (key.includes('@')) return [{ kind, value: key }];
  if (key.startsWith('.')) return [{ kind, value: `*@*${key}` }];
  return [
    { kind, value: `*@${key}` },
    { kind, value: `*@*.${key}` },
  ];
}

/** The rules as a map of that kind; `cidr` for networks, which plain tables cannot hold. */
export function writePostfixMap(rules: readonly RuleBody[], map: MapKind): Exported {
  const left: { rule: RuleBody; reason: string }[] = [];
  const lines: string[] = [];
  const twins = new Set(rules.map(twinKey));
  for (const rule of rules) {
    const pattern = rule.enabled ? patternOf(rule, map, twins) : 'it is switched off';
    if (pattern === null) continue;
    if (typeof pattern === 'string') left.push({ rule, reason: pattern });
    else lines.push(`${pattern.text} ${actionOf(rule)}\n`);
  }
  const about = map === 'client' ? 'cidr: table for check_client_access' : `table for check_${map}_access`;
  return { text: `# ${about}\n${lines.join('')}`, left };
}

function actionOf({ effect, note }: RuleBody): string {
  const text = note.replace(/[^\x20-\x7e]/g, '?');
  const word = { allow: 'OK', reject: 'REJECT', discard: 'DISCARD' }[effect];
  return text === '' || effect === 'allow' ? word : `${word} ${text}`;
}

const twinKey = ({ kind, value, effect, enabled, scope }: RuleBody): string =>
  JSON.stringify([kind, value, effect, enabled, scope]);

/** The text of a pattern, why there is none, or null where its twin says it. */
function patternOf(
  rule: RuleBody,
  map: MapKind,
  twins: ReadonlySet<string>,
): { readonly text: string } | string | null {
  const { kind, value } = rule;
  if (rule.scope !== 'global') return 'the map holds for everybody';
  if (rule.authenticated) return 'Postfix cannot wait for SPF or DKIM';
  if (rule.expiresAt !== null) return 'an entry of a map does not expire';
  if (kind === 'ip' || kind === 'network') return map === 'client' ? { text: value } : `it is no ${map}`;
  if (kind !== map)
    return kind === 'domain' && map === 'sender'
      ? 'a rule on a domain skips more than a map can say'
      : `it is no ${map}`;
  if (!value.includes('*'))
    return value.includes('@') || value === '<>' ? { text: value } : 'a name without a domain is none there';
  const [, below, domain = ''] = /^\*@(\*\.)?([^*@]+)$/.exec(value) ?? [];
  if (domain !== '') {
    const other = below === undefined ? `*@*.${domain}` : `*@${domain}`;
    const hasTwin = twins.has(twinKey({ ...rule, value: other }));
    if (below !== undefined) return hasTwin ? null : { text: `.${domain}` };
    return hasTwin ? { text: domain } : 'a domain there stands for those below it too';
  }
  return /^[^*@]+@\*$/.test(value) ? { text: value.slice(0, -1) } : 'stars stand for nothing there';
}
