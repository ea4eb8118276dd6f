// The rules compiled for look-ups: which of them match a client, a sender, a recipient, at any number of rules without
// walking over them. Takes rules one by one, in and out, while mail is judged; says what matches, not what follows.
import { NetworkIndex } from './network-index.js';
import { PatternIndex } from './pattern-index.js';
import { GLOBAL, type AccessRule, type RuleKind, type Scope } from './rule.js';
import { domainOf, NULL_SENDER } from './subject.js';

/** What is known so far, canonical; null where it is not, or does not exist. */
export interface Subject {
  readonly client: string | null;
  /** `<>` for the null sender. */
  readonly sender: string | null;
  readonly recipient: string | null;
}

/** Rules that match, by the width of their scope. */
export interface Matches {
  readonly global: readonly AccessRule[];
  /** For the recipient's domain, and for the recipient. */
  readonly domain: readonly AccessRule[];
  readonly user: readonly AccessRule[];
}

/** Anything that knows rules by what they match. */
export interface RuleLookup {
  /** Rules that hold at that time, expiry considered. */
  match(subject: Subject, nowMs: number): Matches;
  /** Whether an allow rule for everybody of one of these kinds is there at all. */
  hasAllow(kinds: readonly RuleKind[]): boolean;
}

export class RuleTable implements RuleLookup {
  readonly #rules = new Map<string, AccessRule>();
  readonly #scopes = new Map<Scope, ScopeTable>();
  readonly #allows = new Map<RuleKind, number>();

  constructor(rules: Iterable<AccessRule> = []) {
    for (const rule of rules) this.put(rule);
  }

  /** Rules known, those that are off included. */
  get size(): number {
    return this.#rules.size;
  }

  rules(): Iterable<AccessRule> {
    return this.#rules.values();
  }

  get(id: string): AccessRule | null {
    return this.#rules.get(id) ?? null;
  }

  /** Adds a rule, in place of the one with its id. */
  put(rule: AccessRule): void {
    this.remove(rule.id);
    this.#rules.set(rule.id, rule);
    if (!rule.enabled) return;
    const table = this.#scopes.get(rule.scope) ?? new ScopeTable();
    this.#scopes.set(rule.scope, table);
    table.put(rule);
    this.#countAllow(rule, 1);
  }

  remove(id: string): void {
    const rule = this.#rules.get(id);
    this.#rules.delete(id);
    if (rule?.enabled !== true) return;
    const table = this.#scopes.get(rule.scope);
    table?.remove(rule);
    if (table?.size === 0) this.#scopes.delete(rule.scope);
    this.#countAllow(rule, -1);
  }

  match(subject: Subject, nowMs: number): Matches {
    const { recipient } = subject;
    const own = (scope: Scope): readonly AccessRule[] =>
      (this.#scopes.get(scope)?.match(subject) ?? NONE).filter(
        ({ expiresAt }) => expiresAt === null || expiresAt > nowMs,
      );
    if (recipient === null) return { global: own(GLOBAL), domain: NONE, user: NONE };
    return { global: own(GLOBAL), domain: own(`domain:${domainOf(recipient)}`), user: own(`user:${recipient}`) };
  }

  hasAllow(kinds: readonly RuleKind[]): boolean {
    return kinds.some((kind) => (this.#allows.get(kind) ?? 0) > 0);
  }

  #countAllow({ kind, effect, scope }: AccessRule, by: number): void {
    if (effect === 'allow' && scope === GLOBAL) this.#allows.set(kind, (this.#allows.get(kind) ?? 0) + by);
  }
}

const NONE: readonly AccessRule[] = [];

/** The rules of one scope. Most users have few: what is not used is not there. */
class ScopeTable {
  #networks: NetworkIndex<AccessRule> | null = null;
  readonly #patterns: { [kind in 'sender' | 'recipient' | 'domain']?: PatternIndex<AccessRule> } = {};
  size = 0;

  put(rule: AccessRule): void {
    this.size += 1;
    if (rule.kind === 'ip' || rule.kind === 'network') (this.#networks ??= new NetworkIndex()).put(rule.value, rule);
    else (this.#patterns[rule.kind] ??= new PatternIndex()).put(rule.value, rule);
  }

  remove(rule: AccessRule): void {
    this.size -= 1;
    if (rule.kind === 'ip' || rule.kind === 'network') this.#networks?.remove(rule.value, rule);
    else this.#patterns[rule.kind]?.remove(rule.value, rule);
  }

  match({ client, sender, recipient }: Subject): readonly AccessRule[] {
    const { sender: senders, recipient: recipients, domain: domains } = this.#patterns;
    const found: AccessRule[] = [];
    if (client !== null && this.#networks !== null) found.push(...this.#networks.match(client));
    if (sender !== null && senders !== undefined) found.push(...senders.match(sender));
    if (sender !== null && sender !== NULL_SENDER && domains !== undefined) {
      const domain = domainOf(sender);
      if (domain !== '') found.push(...domains.match(domain));
    }
    if (recipient !== null && recipients !== undefined) found.push(...recipients.match(recipient));
    return found;
  }
}

/** Several tables as one: the rules of the settings, and those of the store. */
export function joinTables(tables: readonly RuleLookup[]): RuleLookup {
  return {
    match(subject, nowMs) {
      const found = tables.map((table) => table.match(subject, nowMs));
      return {
        global: found.flatMap(({ global }) => global),
        domain: found.flatMap(({ domain }) => domain),
        user: found.flatMap(({ user }) => user),
      };
    },
    hasAllow: (kinds) => tables.some((table) => table.hasAllow(kinds)),
  };
}
