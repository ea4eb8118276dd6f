// Rules as files of others: CSV, Postfix's access maps, SpamAssassin's preferences; there and back again, and what is
// wrong in them told by its line, however hostile.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CSV_HEADING, readCsv, writeCsvRows } from '../../../filters/access/formats/csv.js';
import { LINE_MAX_CHARS, LINES_MAX, type Imported } from '../../../filters/access/formats/lines.js';
import { readPostfixMap, writePostfixMap, type MapKind } from '../../../filters/access/formats/postfix.js';
import { readPreferences, writePreferences } from '../../../filters/access/formats/spamassassin.js';
import { makeRule, wishOf, type AccessRule, type RuleBody } from '../../../filters/access/rule.js';
import { requirePackage } from '../../ground/packages.js';
import { rule } from './ground.js';

const GLOBAL = { scope: 'global', authenticated: true };
const OF_BOB = { scope: 'user:bob@here.example', authenticated: true };

const brief = ({ rules }: Imported): readonly string[] =>
  rules.map(({ rule: { effect, kind, value } }) => `${effect} ${kind} ${value}`);
const told = ({ problems }: Imported): readonly string[] => problems.map(({ line, message }) => `${line}: ${message}`);
const bodies = ({ rules }: Imported): readonly RuleBody[] => rules.map((one) => one.rule);
function bare(one: AccessRule): RuleBody {
  const { name, kind, value, effect, enabled, note, expiresAt, scope, final, authenticated, skips } = one;
  return { name, kind, value, effect, enabled, note, expiresAt, scope, final, authenticated, skips };
}

describe('CSV', () => {
  const all = [
    rule('reject', 'ip', '192.0.2.1', { note: 'he said "no", twice' }),
    rule('allow', 'network', '2001:db8::/32', { name: 'lab', skips: 'dnsbl,restriction', final: true }),
    rule('allow', 'sender', '*@partner.example', { authenticated: false, expiresAt: 1_900_000_000_000 }),
    rule('discard', 'recipient', 'trap@here.example', { enabled: false }),
    rule('allow', 'domain', '*.example', { scope: 'domain:here.example', skips: 'none' }),
    rule('reject', 'sender', '<>', { scope: 'user:bob@here.example', name: '=HYPERLINK("http://evil.example")' }),
  ];

  it('holds everything a rule says, there and back again', () => {
    const text = CSV_HEADING + writeCsvRows(all);
    const again = readCsv(text);
    expect(told(again)).toEqual([]);
    expect(bodies(again)).toEqual(all.map(bare));
  });

  it('never begins a cell as a spreadsheet begins a formula', () => {
    const starts = ['=1+1', '+1', '-1', '@SUM(A1)', "'=1", '\t=1'].map((note) =>
      rule('reject', 'ip', '192.0.2.1', { note, name: 'n' }),
    );
    const text = writeCsvRows([...all, ...starts]);
    for (const cell of text.split(/\r\n|,/)) expect(cell).not.toMatch(/^"?[=+\-@\t]/);
    const again = readCsv(CSV_HEADING + writeCsvRows(starts));
    expect(bodies(again).map(({ note }) => note)).toEqual(starts.map(({ note }) => note));
  });

  it('is read back as it was written, whatever names and notes hold', () => {
    const words = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(words, words, (name, note) => {
        const made = makeRule({ kind: 'ip', value: '192.0.2.1', effect: 'reject', name, note });
        if ('fault' in made) return;
        const written = { ...made.rule, id: 'x', author: 'ann', createdAt: 0 };
        const again = readCsv(CSV_HEADING + writeCsvRows([written]));
        expect(bodies(again)).toEqual([made.rule]);
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  it('tells what is wrong by its line, and takes the rest', () => {
    const text = [
      'kind,value,effect,enabled',
      'ip,192.0.2.1,reject,yes',
      'ip,192.0.2.300,reject,',
      'ip,192.0.2.2',
      'ip,192.0.2.3,reject,perhaps',
      '',
      'ip,"192.0.2.4,reject,yes',
      'ip,192.0.2.5,reject,no',
    ].join('\n');
    const found = readCsv(text);
    expect(brief(found)).toEqual(['reject ip 192.0.2.1', 'reject ip 192.0.2.5']);
    expect(found.rules.map(({ line }) => line)).toEqual([2, 8]);
    expect(told(found).map((one) => one.slice(0, 2))).toEqual(['3:', '4:', '5:', '7:']);
    expect(told(readCsv('kind,value\nip,192.0.2.1'))[0]).toContain('effect is missing');
    expect(told(readCsv('kind,value,effect,__proto__\n'))[0]).toContain('__proto__');
    expect(told(readCsv(''))).toHaveLength(1);
  });

  it.each([
    ['a line of ten megabytes', `kind,value,effect\nip,${'1'.repeat(10_000_000)},reject\nip,192.0.2.1,reject`, 1, '2:'],
    ['quotes without end', `kind,value,effect\n${'"\n'.repeat(200_000)}ip,192.0.2.1,reject`, 1, '2:'],
    ['controls', 'kind,value,effect,note\nip,192.0.2.1,reject,\u001b[31mred\nip,192.0.2.2,reject,x\u202ey', 0, '2:'],
    [
      'NUL and halves of characters',
      'kind,value,effect\nsender,a\u0000@b.example,reject\nsender,\ud800@b.example,reject',
      0,
      '2:',
    ],
  ])('survives %s', (_, text, rules, first) => {
    const found = readCsv(text);
    expect(found.rules).toHaveLength(rules);
    expect(told(found)[0]?.startsWith(first)).toBe(true);
    expect(found.problems.length).toBeLessThanOrEqual(1_000);
    for (const { message } of found.problems) expect(message).toMatch(/^[\x20-\x7e…]{1,400}$/);
  });
});

describe('lines', () => {
  it('are bounded in length and number', () => {
    const long = readPostfixMap(`192.0.2.1 OK ${'x'.repeat(LINE_MAX_CHARS)}\n192.0.2.2 OK`, 'client', GLOBAL);
    expect(told(long)).toEqual([`1: longer than ${LINE_MAX_CHARS} characters`]);
    expect(brief(long)).toEqual(['allow ip 192.0.2.2']);
    const many = readPostfixMap('\n'.repeat(LINES_MAX + 5), 'client', GLOBAL);
    expect(told(many)).toEqual([`${LINES_MAX + 1}: only the first ${LINES_MAX} lines are read`]);
  });
});

describe('a Postfix access map', () => {
  it('of clients', () => {
    const text = [
      '# a comment',
      '192.0.2.1 OK',
      '  # an indented one',
      '192.0.2.2 REJECT no',
      '   more of it',
      '198.51.100 550 5.7.1 go away',
      '2001:db8 DISCARD',
      '203.0.113.0/24 REJECT',
      '203.0.113.1/24 REJECT',
      'mail.example OK',
      '/expression/ REJECT',
      '192.0.2.3 450 later',
      '192.0.2.4 DUNNO',
      '192.0.2.5',
    ].join('\n');
    const found = readPostfixMap(text, 'client', GLOBAL);
    expect(brief(found)).toEqual([
      'allow ip 192.0.2.1',
      'reject ip 192.0.2.2',
      'reject network 198.51.100.0/24',
      'discard network 2001:db8::/32',
      'reject network 203.0.113.0/24',
    ]);
    expect(found.rules[1]?.rule.note).toBe('no more of it');
    // Letting somebody through there never was to let viruses through.
    expect(found.rules[0]?.rule.skips).toBe('safe');
    expect(told(found).map((one) => Number.parseInt(one, 10))).toEqual([9, 10, 11, 12, 13, 14]);
  });

  it('of senders and recipients: a domain stands for those below it', () => {
    const text =
      'ann@a.example OK\nb.example REJECT\n.c.example DISCARD\npostmaster@ OK\n<> REJECT\n*@d.example REJECT\n';
    const senders = readPostfixMap(text, 'sender', GLOBAL);
    expect(brief(senders)).toEqual([
      'allow sender ann@a.example',
      'reject sender *@b.example',
      'reject sender *@*.b.example',
      'discard sender *@*.c.example',
      'allow sender postmaster@*',
      'reject sender <>',
    ]);
    expect(senders.rules[0]?.rule.authenticated).toBe(true);
    expect(told(senders)).toHaveLength(1);
    expect(told(readPostfixMap(text, 'recipient', GLOBAL))).toHaveLength(2);
  });

  it.each<[MapKind, string]>([
    ['client', '192.0.2.1 OK\n192.0.2.2 REJECT no\n2001:db8::/32 DISCARD\n'],
    ['sender', 'ann@a.example REJECT\nb.example DISCARD\n.c.example REJECT\nbounce@ REJECT\n<> REJECT\n'],
    ['recipient', 'bob@here.example OK\ntrap@here.example REJECT gone\n'],
  ])('of %ss, there and back again', (map, lines) => {
    const first = readPostfixMap(lines, map, GLOBAL);
    const written = writePostfixMap(bodies(first), map);
    expect(written.left).toEqual([]);
    expect(written.text.split('\n').slice(1).join('\n')).toBe(lines);
    expect(bodies(readPostfixMap(written.text, map, GLOBAL))).toEqual(bodies(first));
  });

  it('leaves out what it cannot say, with why', () => {
    const rules = [
      rule('allow', 'sender', 'ann@a.example'),
      rule('reject', 'sender', '*@only.example'),
      rule('reject', 'sender', 'a*b@c.example'),
      rule('reject', 'sender', 'x@c.example', { expiresAt: 1 }),
      rule('reject', 'sender', 'y@c.example', { enabled: false }),
      rule('reject', 'sender', 'z@c.example', { scope: 'user:bob@here.example' }),
    ];
    const { text, left } = writePostfixMap(rules, 'sender');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
    expect(left).toHaveLength(rules.length);
  });

  it.skipIf(!requirePackage('postfix'))('is read by Postfix itself as it was meant', () => {
    const rules = [
      rule('reject', 'network', '198.51.100.0/24', { note: 'no' }),
      rule('allow', 'ip', '192.0.2.1', { skips: 'safe' }),
    ];
    const dir = mkdtempSync(join(tmpdir(), 'weir-map-'));
    const file = join(dir, 'client_access.cidr');
    writeFileSync(file, writePostfixMap(rules, 'client').text);
    const query = (key: string): string => {
      const { status, stdout, stderr } = spawnSync('postmap', ['-q', key, `cidr:${file}`], { encoding: 'utf8' });
      return status === 0 ? stdout.trim() : `none ${stderr}`;
    };
    expect([query('198.51.100.200'), query('192.0.2.1'), query('192.0.2.2')]).toEqual(['REJECT no', 'OK', 'none ']);
    rmSync(dir, { recursive: true });
  });
});

describe('preferences of SpamAssassin', () => {
  it('are rules of one user; older names are the same', () => {
    const text = [
      'required_score 5',
      'whitelist_from ann@a.example *@b.example # comment',
      'welcomelist_auth news@shop.example',
      'blacklist_from *@spam.example',
      'all_spam_to bob@here.example',
      'welcomelist_from_rcvd c@d.example relay.example',
      'more_spam_to bob@here.example',
      'welcomelist_from j?n@e.example',
      'unwhitelist_from ann@a.example',
      'blocklist_from',
    ].join('\n');
    const found = readPreferences(text, OF_BOB);
    expect(brief(found)).toEqual([
      'allow sender *@b.example',
      'allow sender news@shop.example',
      'reject sender *@spam.example',
      'allow recipient bob@here.example',
    ]);
    expect(bodies(found).map(({ authenticated }) => authenticated)).toEqual([false, true, false, false]);
    expect(new Set(bodies(found).map(({ scope }) => scope))).toEqual(new Set(['user:bob@here.example']));
    expect(told(found).map((one) => Number.parseInt(one, 10))).toEqual([6, 7, 8, 10]);
  });

  it('there and back again', () => {
    const lines =
      'welcomelist_from *@b.example\nwelcomelist_auth news@shop.example\nblocklist_from *@spam.example\nall_spam_to bob@here.example\nblocklist_to old@here.example\n';
    const first = bodies(readPreferences(lines, OF_BOB));
    const { text, left } = writePreferences(first);
    expect([text, left]).toEqual([lines, []]);
    expect(bodies(readPreferences(text, OF_BOB))).toEqual(first);
  });

  it('leave out what they cannot say, with why', () => {
    const scope = { scope: 'user:bob@here.example' };
    const rules = [
      rule('reject', 'ip', '192.0.2.1', scope),
      rule('reject', 'sender', 'a@b.example'),
      rule('reject', 'sender', 'a@b.example', { ...scope, expiresAt: 1 }),
    ];
    expect(writePreferences(rules).left).toHaveLength(3);
  });
});

describe('a wish', () => {
  it('made of a rule makes the same rule', () => {
    const one = bare(
      rule('allow', 'network', '192.0.2.0/24', { skips: 'dnsbl,spf', final: true, name: 'x', note: 'y' }),
    );
    expect(makeRule(wishOf(one))).toEqual({ rule: one });
  });

  it.each([
    [{ kind: 'ip', value: '192.0.2.1/24', effect: 'reject' }, 'value'],
    [{ kind: 'network', value: '192.0.2.1/24', effect: 'reject' }, 'value'],
    [{ kind: 'network', value: '192.0.2.0/33', effect: 'reject' }, 'value'],
    [{ kind: 'ip', value: '1.2.3', effect: 'reject' }, 'value'],
    [{ kind: 'ip', value: 'fe80::1%eth0', effect: 'reject' }, 'value'],
    [{ kind: 'sender', value: 'spam.example', effect: 'reject' }, 'value'],
    [{ kind: 'sender', value: 'a b@c.example', effect: 'reject' }, 'value'],
    [{ kind: 'sender', value: 'a\u202eb@c.example', effect: 'reject' }, 'value'],
    [{ kind: 'sender', value: `${'a'.repeat(400)}@c.example`, effect: 'reject' }, 'value'],
    [{ kind: 'recipient', value: '<>', effect: 'reject' }, 'value'],
    [{ kind: 'domain', value: 'a..b', effect: 'allow' }, 'value'],
    [{ kind: 'domain', value: 'a.example', effect: 'reject' }, 'effect'],
    [{ kind: 'ip', value: '192.0.2.1', effect: 'drop' }, 'effect'],
    [{ kind: 'host', value: 'x', effect: 'allow' }, 'kind'],
    [{ kind: 'ip', value: '192.0.2.1', effect: 'allow', scope: 'user:*@a.example' }, 'scope'],
    [{ kind: 'ip', value: '192.0.2.1', effect: 'allow', scope: 'user:' }, 'scope'],
    [{ kind: 'ip', value: '192.0.2.1', effect: 'allow', skips: 'everything' }, 'skips'],
    [{ kind: 'ip', value: '192.0.2.1', effect: 'allow', authenticated: true }, 'authenticated'],
    [{ kind: 'ip', value: '192.0.2.1', effect: 'allow', name: 'a\nb' }, 'name'],
    [{ kind: 'ip', value: '192.0.2.1', effect: 'allow', note: '\u001b[2J' }, 'note'],
  ])('that is not sound says what is wrong: %o', (wish, key) => {
    expect(makeRule(wish)).toMatchObject({ fault: { key } });
  });

  it('is brought into one spelling', () => {
    const values = [
      makeRule({ kind: 'ip', value: '::ffff:192.0.2.1', effect: 'reject' }),
      makeRule({ kind: 'network', value: '192.0.2.0/255.255.255.0', effect: 'reject' }),
      makeRule({ kind: 'network', value: '2001:DB8:0::/32', effect: 'reject' }),
      makeRule({ kind: 'sender', value: '<Ann@BÜCHER.example>', effect: 'reject' }),
      makeRule({ kind: 'sender', value: '**@*.Example', effect: 'reject' }),
      makeRule({ kind: 'domain', value: '@partner.example', effect: 'allow' }),
    ].map((made) => ('rule' in made ? made.rule.value : made.fault.expected));
    expect(values).toEqual([
      '192.0.2.1',
      '192.0.2.0/24',
      '2001:db8::/32',
      'ann@xn--bcher-kva.example',
      '*@*.example',
      'partner.example',
    ]);
  });
});
