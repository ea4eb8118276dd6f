// The compiled table gives what walking over all rules would, whatever comes in and goes out; and it stays fast.
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { RULE_KINDS, type AccessRule } from '../../../filters/access/rule.js';
import { canonicalAddress, canonicalIp, domainOf, NULL_SENDER } from '../../../filters/access/subject.js';
import { joinTables, RuleTable, type Subject } from '../../../filters/access/table.js';
import { matchesPattern } from '../../../pipeline/pattern.js';
import { rule } from './ground.js';

/** The rule as whoever wrote it reads it, one by one. */
function isMatch({ kind, value }: AccessRule, { client, sender, recipient }: Subject): boolean {
  if (kind === 'ip') return client !== null && client === value;
  if (kind === 'network') {
    if (client === null) return false;
    const [network, bits] = ipaddr.parseCIDR(value);
    const parsed = ipaddr.parse(client);
    return parsed.kind() === network.kind() && parsed.match.call(parsed, network, bits);
  }
  if (kind === 'recipient') return recipient !== null && matchesPattern(value, recipient);
  if (sender === null) return false;
  if (kind === 'sender') return matchesPattern(value, sender);
  return sender !== NULL_SENDER && domainOf(sender) !== '' && matchesPattern(value, domainOf(sender));
}

function walk(rules: readonly AccessRule[], subject: Subject, nowMs: number) {
  const { recipient } = subject;
  const of = (scope: string): readonly string[] =>
    rules
      .filter((one) => one.scope === scope && one.enabled && (one.expiresAt === null || one.expiresAt > nowMs))
      .filter((one) => isMatch(one, subject))
      .map(({ id }) => id)
      .sort();
  if (recipient === null) return { global: of('global'), domain: [], user: [] };
  return { global: of('global'), domain: of(`domain:${domainOf(recipient)}`), user: of(`user:${recipient}`) };
}

function compiled(table: RuleTable, subject: Subject, nowMs: number) {
  const { global, domain, user } = table.match(subject, nowMs);
  const ids = (rules: readonly AccessRule[]): readonly string[] => rules.map(({ id }) => id).sort();
  return { global: ids(global), domain: ids(domain), user: ids(user) };
}

// Few letters, so that patterns meet addresses often.
const letters = (least: number, most: number) =>
  fc.array(fc.constantFrom('a', 'b', '.', '-'), { minLength: least, maxLength: most }).map((all) => all.join(''));
const localPart = letters(1, 3);
const domain = fc
  .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 2 })
  .map((labels) => [...labels, 'test'].join('.'));
const mailbox = fc.tuple(localPart, domain).map(([local, host]) => `${local}@${host}`);
/** Stars in place of some runs of a text. */
const starred = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.array(fc.tuple(fc.nat(12), fc.nat(8)), { maxLength: 3 })).map(([plain, cuts]) => {
    let pattern = plain;
    for (const [at, length] of cuts) pattern = `${pattern.slice(0, at)}*${pattern.slice(at + length)}`;
    return pattern;
  });
const v4 = fc
  .tuple(fc.constantFrom(192, 10), fc.constantFrom(0, 128), fc.nat(3), fc.nat(255))
  .map((bytes) => bytes.join('.'));
const v6 = fc
  .array(fc.constantFrom(0, 1, 0x8000, 0xffff), { minLength: 7, maxLength: 7 })
  .map((words) => ['2001', ...words.map((word) => word.toString(16))].join(':'))
  .map((text) => canonicalIp(text) ?? text);
const client = fc.oneof(v4, v6);
const network = client.chain((address) =>
  fc.integer({ min: 0, max: address.includes(':') ? 128 : 32 }).map((bits) => {
    const family = address.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4;
    return `${family.networkAddressFromCIDR(`${address}/${String(bits)}`).toString()}/${String(bits)}`;
  }),
);
const VALUES: Readonly<Record<(typeof RULE_KINDS)[number], fc.Arbitrary<string>>> = {
  ip: client,
  network,
  sender: fc.oneof(starred(mailbox), fc.constantFrom('<>', '*', '*@a.test', 'a*@*')),
  recipient: starred(mailbox),
  domain: starred(domain),
};
const scope = fc.oneof(
  { weight: 4, arbitrary: fc.constant('global') },
  { weight: 1, arbitrary: domain.map((name) => `domain:${name}`) },
  { weight: 1, arbitrary: mailbox.map((name) => `user:${name}`) },
);
const anyRule = fc
  .tuple(
    fc.constantFrom(...RULE_KINDS).chain((kind) => VALUES[kind].map((value) => ({ kind, value }))),
    scope,
    fc.constantFrom(null, 50, 150),
    fc.boolean(),
  )
  .map(([{ kind, value }, where, expiresAt, isOff]): AccessRule | null => {
    try {
      return rule('allow', kind, value, { scope: where, expiresAt, enabled: !isOff });
    } catch {
      // A pattern that no address can match is no rule: nothing to compare.
      return null;
    }
  })
  .filter((one) => one !== null);
const subject = fc
  .record({
    client: fc.option(client, { freq: 4 }),
    sender: fc.option(fc.oneof(mailbox, fc.constant('')), { freq: 5 }),
    recipient: fc.option(mailbox, { freq: 3 }),
  })
  .map(({ client: from, sender, recipient }) => ({
    client: from,
    sender: sender === null ? null : canonicalAddress(sender),
    recipient: recipient === null ? null : canonicalAddress(recipient),
  }));

describe('the compiled table', () => {
  it('equals a walk over all rules, with rules taken out and changed in between', () => {
    let hits = 0;
    fc.assert(
      fc.property(
        fc.array(anyRule, { minLength: 20, maxLength: 80 }),
        fc.array(subject, { minLength: 10, maxLength: 30 }),
        fc.array(fc.nat(59), { maxLength: 20 }),
        (rules, subjects, gone) => {
          const table = new RuleTable(rules);
          const left = rules.filter((_, index) => !gone.includes(index));
          for (const one of subjects) {
            const found = compiled(table, one, 100);
            hits += found.global.length;
            expect(found).toEqual(walk(rules, one, 100));
          }
          for (const index of gone) if (rules[index] !== undefined) table.remove(rules[index].id);
          for (const one of subjects) expect(compiled(table, one, 100)).toEqual(walk(left, one, 100));
        },
      ),
      { numRuns: 400, seed: 20_261_122 },
    );
    // Rules that never match would prove nothing.
    expect(hits).toBeGreaterThan(1_000);
  });

  it('puts a rule in place of the one with its id', () => {
    const first = rule('allow', 'ip', '192.0.2.1');
    const table = new RuleTable([first]);
    table.put({ ...first, value: '192.0.2.2' });
    expect(compiled(table, { client: '192.0.2.1', sender: null, recipient: null }, 0).global).toEqual([]);
    expect(compiled(table, { client: '192.0.2.2', sender: null, recipient: null }, 0).global).toEqual([first.id]);
    expect(table.size).toBe(1);
  });

  it('knows whether an allow rule may come later, as rules come and go', () => {
    const table = new RuleTable();
    const allow = rule('allow', 'recipient', 'bob@here.example');
    const scoped = rule('allow', 'sender', 'a@b.test', { scope: 'user:bob@here.example' });
    table.put(rule('reject', 'sender', 'a@b.test'));
    table.put(scoped);
    expect(table.hasAllow(['sender', 'domain', 'recipient'])).toBe(false);
    table.put(allow);
    expect(table.hasAllow(['recipient'])).toBe(true);
    expect(joinTables([new RuleTable(), table]).hasAllow(['recipient'])).toBe(true);
    table.put({ ...allow, enabled: false });
    expect(table.hasAllow(['recipient'])).toBe(false);
  });

  it('tries few rules however alike their patterns are', () => {
    const table = new RuleTable();
    for (let index = 0; index < 20_000; index += 1)
      table.put(rule('reject', 'sender', `offer*${String(index).padStart(6, '0')}*@*.mail.test`));
    const found = table.match({ client: null, sender: 'offer-012345-x@a.mail.test', recipient: null }, 0);
    expect(found.global.map(({ value }) => value)).toEqual(['offer*012345*@*.mail.test']);
  });
});
