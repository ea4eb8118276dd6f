// One rule of the block and allow lists (product A7): what it is, and how a rule comes from what an administrator, a file
// or an import says. Whoever makes a rule makes it here, so that only sound ones exist.
import { MODEL_SKIPS, readSkips, skipsText, type Skips } from './matrix.js';
import {
  ADDRESS_MAX_CHARS,
  canonicalAddressPattern,
  canonicalDomainPattern,
  canonicalIp,
  canonicalNetwork,
  NULL_SENDER,
} from './subject.js';

export const RULE_KINDS = ['ip', 'network', 'sender', 'recipient', 'domain'] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

/** `reject`: the sender learns of it. `discard`: nobody does. */
export const RULE_EFFECTS = ['allow', 'reject', 'discard'] as const;
export type RuleEffect = (typeof RULE_EFFECTS)[number];

export const NAME_MAX_CHARS = 200;
export const NOTE_MAX_CHARS = 1_000;
/** Text of names and notes: one line, nothing that steers a terminal. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Whom a rule is for: `global`, `domain:example.org` or `user:bob@example.org`. */
export type Scope = string;
export const GLOBAL: Scope = 'global';

export interface AccessRule {
  readonly id: string;
  readonly name: string;
  readonly kind: RuleKind;
  /** Canonical; `*` for any run of characters in addresses and domains. */
  readonly value: string;
  readonly effect: RuleEffect;
  readonly enabled: boolean;
  readonly note: string;
  readonly author: string;
  /** ms since the epoch, as `expiresAt`. */
  readonly createdAt: number;
  /** From then on it does not hold; null for never. */
  readonly expiresAt: number | null;
  readonly scope: Scope;
  /** Rules of narrower scope say nothing where this one matches. */
  readonly final: boolean;
  /** An allow rule that holds only where SPF or DKIM vouches for the sender's domain. */
  readonly authenticated: boolean;
  readonly skips: Skips;
}

/** A rule as it is asked for; what is left out has its default. */
export interface RuleWish {
  readonly kind: string;
  readonly value: string;
  readonly effect: string;
  readonly name?: string;
  readonly enabled?: boolean;
  readonly note?: string;
  readonly expiresAt?: number | null;
  readonly scope?: string;
  readonly final?: boolean;
  readonly authenticated?: boolean;
  /** As `skipsText` writes it. */
  readonly skips?: string;
}

/** A sound rule without what its store gives it. */
export type RuleBody = Omit<AccessRule, 'id' | 'author' | 'createdAt'>;

/** The key that is wrong, and what was expected in place of it, as the rest of a sentence. */
export interface RuleFault {
  readonly key: keyof RuleWish;
  readonly expected: string;
}

export type Made = { readonly rule: RuleBody } | { readonly fault: RuleFault };

/** Makes a rule of a wish, or says what is wrong with it. */
export function makeRule(wish: RuleWish): Made {
  const kind = RULE_KINDS.find((one) => one === wish.kind);
  if (kind === undefined) return fault('kind', `one of ${RULE_KINDS.join(', ')}`);
  const effect = RULE_EFFECTS.find((one) => one === wish.effect);
  if (effect === undefined) return fault('effect', `one of ${RULE_EFFECTS.join(', ')}`);
  if (kind === 'domain' && effect !== 'allow')
    return fault('effect', 'allow: a domain is for allow rules alone (block its senders: kind sender, *@example.org)');
  const value = readValue(kind, wish.value);
  if ('expected' in value) return fault('value', value.expected);
  const scope = readScope(wish.scope ?? GLOBAL);
  if (scope === null) return fault('scope', 'global, domain:example.org or user:bob@example.org');
  const skips = readWishedSkips(kind, wish.skips);
  if (skips === null) return fault('skips', `model, safe, none, or some of ${MODEL_SKIPS.ip.join(', ')}`);
  const authenticated = wish.authenticated ?? needsVouching(kind, effect);
  if (authenticated && !needsVouching(kind, effect))
    return fault('authenticated', 'false: only an allow rule for a sender or domain waits for SPF or DKIM');
  const words = readWords(wish, `${effect} ${value.value}`);
  if ('fault' in words) return words;
  const { enabled = true, final = false, expiresAt = null } = wish;
  return {
    rule: { ...words, kind, value: value.value, effect, enabled, expiresAt, scope, final, authenticated, skips },
  };
}

/** Whether SPF or DKIM can vouch for what the rule allows, and does so unless told otherwise. */
function needsVouching(kind: RuleKind, effect: RuleEffect): boolean {
  return effect === 'allow' && (kind === 'sender' || kind === 'domain');
}

/** What whoever adds the rule should know: it is easily forged, it switches the virus scan off, it holds for everybody. */
export function warningsOf(rule: RuleBody): readonly string[] {
  const warnings: string[] = [];
  if (isForgeable(rule))
    warnings.push('easily forged: anybody can write that sender; let it hold only where SPF or DKIM vouches for it');
  const isGlobalAllow = rule.effect === 'allow' && rule.scope === GLOBAL;
  if (isGlobalAllow && skipsAntivirus(rule)) warnings.push('what it lets through is not refused for viruses');
  if (rule.scope !== GLOBAL && rule.effect !== 'allow')
    warnings.push('a rule of a domain or user refuses nothing: it adds to the spam score');
  if (isForEverybody(rule)) warnings.push('it holds for everybody');
  return warnings;
}

/** Whether anybody who writes the right sender is let through. */
export const isForgeable = ({ kind, effect, authenticated }: RuleBody): boolean =>
  needsVouching(kind, effect) && !authenticated;

export const isForEverybody = ({ value }: RuleBody): boolean => value === '*' || value.endsWith('/0');

const skipsAntivirus = ({ kind, skips }: RuleBody): boolean =>
  skips === 'model' ? MODEL_SKIPS[kind].includes('antivirus') : skips !== 'safe' && skips.includes('antivirus');

/** The rule as whoever changes it would wish for it. */
export function wishOf(rule: RuleBody): RuleWish {
  const { kind, value, effect, name, enabled, note, expiresAt, scope, final, authenticated, skips } = rule;
  return { kind, value, effect, name, enabled, note, expiresAt, scope, final, authenticated, skips: skipsText(skips) };
}

/** Names a rule in evidence and lists, safe to log. */
export function showRule({
  name,
  kind,
  value,
  effect,
}: Pick<AccessRule, 'name' | 'kind' | 'value' | 'effect'>): string {
  const own = name === `${effect} ${value}` ? '' : ` (${name})`;
  return `${effect} ${kind} ${value}${own}`;
}

function fault(key: keyof RuleWish, expected: string): { readonly fault: RuleFault } {
  return { fault: { key, expected } };
}

function readValue(kind: RuleKind, text: string): { readonly value: string } | { readonly expected: string } {
  if (text.length > ADDRESS_MAX_CHARS) return { expected: `at most ${ADDRESS_MAX_CHARS} characters` };
  switch (kind) {
    case 'ip':
      return found(canonicalIp(text), 'an IPv4 or IPv6 address such as 192.0.2.7');
    case 'network':
      return readNetwork(text);
    case 'domain':
      return found(canonicalDomainPattern(text.replace(/^\*?@/, '')), 'a domain such as example.org or *.example.org');
    case 'sender':
      return found(
        canonicalAddressPattern(text),
        'an address such as bob@example.org, *@example.org, or <> (the null sender)',
      );
    case 'recipient': {
      const value = canonicalAddressPattern(text);
      return found(value === NULL_SENDER ? null : value, 'an address such as bob@example.org or *@example.org');
    }
  }
}

function found(value: string | null, expected: string): { readonly value: string } | { readonly expected: string } {
  return value === null ? { expected } : { value };
}

function readNetwork(text: string): { readonly value: string } | { readonly expected: string } {
  const read = canonicalNetwork(text);
  if (read === null) return { expected: 'a network such as 192.0.2.0/24 or 2001:db8::/32' };
  return read.widened
    ? { expected: `a network without bits beyond its mask (${read.network} is one)` }
    : { value: read.network };
}

/** `Domain:Example.ORG` → `domain:example.org`; null where it is no scope. */
export function readScope(text: string): Scope | null {
  const plain = text.trim();
  if (plain.toLowerCase() === GLOBAL) return GLOBAL;
  const [, kind = '', name = ''] = /^(domain|user):(.+)$/is.exec(plain) ?? [];
  if (name.includes('*')) return null;
  if (kind.toLowerCase() === 'domain') {
    const domain = canonicalDomainPattern(name);
    return domain === null ? null : `domain:${domain}`;
  }
  const user = kind === '' ? null : canonicalAddressPattern(name);
  return user === null || user === NULL_SENDER || !user.includes('@') ? null : `user:${user}`;
}

/** New rules for senders and domains leave antivirus on unless told otherwise; the others are the matrix. */
function readWishedSkips(kind: RuleKind, skips: RuleWish['skips']): Skips | null {
  if (skips === undefined) return kind === 'sender' || kind === 'domain' ? 'safe' : 'model';
  return readSkips(skips);
}

function readWords(wish: RuleWish, standIn: string): { name: string; note: string } | { readonly fault: RuleFault } {
  const name = (wish.name ?? '').trim() || standIn.slice(0, NAME_MAX_CHARS);
  const note = (wish.note ?? '').trim();
  if (UNFIT.test(name) || name.length > NAME_MAX_CHARS)
    return fault('name', `one line of at most ${NAME_MAX_CHARS} visible characters`);
  if (UNFIT.test(note) || note.length > NOTE_MAX_CHARS)
    return fault('note', `one line of at most ${NOTE_MAX_CHARS} visible characters`);
  return { name, note };
}
