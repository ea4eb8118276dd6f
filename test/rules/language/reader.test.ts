// Rule files as configuration: conditions, plugins, includes, versions, languages; and what a hostile set may try.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseRules, RuleReader, type ReadOptions } from '../../../rules/language/reader.js';
import { readRuleFiles } from '../../../rules/load.js';

const namesIn = (text: string, options: Partial<ReadOptions> = {}) => {
  const { statements, refusals } = parseRules(text, 'site.cf', options);
  expect(refusals).toEqual([]);
  return statements.map(({ name }) => name);
};
const PLUGIN = 'Mail::SpamAssassin::Plugin';

describe('conditions', () => {
  const cases: readonly (readonly [condition: string, holds: boolean])[] = [
    ['if 1', true],
    ['if 0', false],
    ['if (version >= 4.000000)', true],
    ['if version >= 4.000002', false],
    ['if (version >= 3.004) && !(version > 5)', true],
    ['if perl_version >= 5.010', true],
    ['if local_tests_only', false],
    ['if !local_tests_only', true],
    ['if 0 || 2 == 2', true],
    [`ifplugin ${PLUGIN}::FreeMail`, true],
    [`ifplugin ${PLUGIN}::TextCat`, false],
    [`ifplugin ${PLUGIN}::Dmarc`, true],
    [`ifplugin Elsewhere::Plugin`, false],
    [`if plugin(${PLUGIN}::DKIM)`, true],
    [`if !plugin ( ${PLUGIN}::DKIM )`, false],
    [`if can(${PLUGIN}::DKIM::has_arc)`, true],
    [`if has(${PLUGIN}::DKIM::has_nothing)`, false],
    [`if can(${PLUGIN}::ASN::has_check_asn)`, false],
    ['if can(Mail::SpamAssassin::Conf::feature_capture_rules)', true],
    ['if can(Mail::SpamAssassin::Conf::compat_other)', false],
  ];
  for (const [condition, holds] of cases)
    it(`${condition} ${holds ? 'holds' : 'does not hold'}`, () => {
      expect(namesIn(`${condition}\nbody A /x/\nelse\nbody B /x/\nendif\nbody C /x/\n`)).toEqual([
        holds ? 'A' : 'B',
        'C',
      ]);
    });

  it('nest, and "else" does not wake what an outer block skips', () => {
    expect(
      namesIn(
        'if 0\nif 1\nbody A /x/\nelse\nbody B /x/\nendif\nelse\nbody C /x/\nif 0\nelse\nbody D /x/\nendif\nendif',
      ),
    ).toEqual(['C', 'D']);
  });

  it('see the plugins and flags that the set itself names', () => {
    const text = `loadplugin ${PLUGIN}::TextCat\nenable_compat odd\nifplugin ${PLUGIN}::TextCat\nbody A /x/\nendif\nif can(Mail::SpamAssassin::Conf::compat_odd)\nbody B /x/\nendif\n`;
    expect(namesIn(text)).toEqual(['A', 'B']);
  });

  it('skip their block when they cannot be read', () => {
    for (const broken of ['if (1', 'if system("id")', 'if 1 1', `if ${'('.repeat(500)}1`, 'if bogus(xy)', 'if 1 = 1']) {
      const { statements, refusals } = parseRules(`${broken}\nbody A /x/\nendif\nbody B /x/\n`, 'site.cf');
      expect(statements.map(({ name }) => name)).toEqual(['B']);
      expect(refusals).toHaveLength(1);
      expect(refusals[0]).toMatchObject({ line: 1 });
    }
  });

  it('begin no block with a term that is nothing at all, as in SpamAssassin', () => {
    for (const broken of ['if', 'if $x', 'if plugin(X)', 'ifplugin']) {
      const { statements, refusals } = parseRules(`${broken}\nbody A /x/\nendif\nbody B /x/\n`, 'site.cf');
      expect(statements.map(({ name }) => name)).toEqual(['A', 'B']);
      expect(refusals.map(({ line }) => line)).toEqual([1, 3]);
    }
  });

  it('end with the file, and are told of when left open or closed too often', () => {
    const reader = new RuleReader();
    reader.read({ file: 'a.cf', text: 'body A /x/\nif 0\nbody B /x/\n' });
    reader.read({ file: 'b.cf', text: 'body C /x/\nendif\nelse\nendif now\n' });
    const { statements, refusals } = reader.finish();
    expect(statements.map(({ name }) => name)).toEqual(['A', 'C']);
    expect(refusals.map(({ file, line }) => `${file}:${line}`)).toEqual(['a.cf:2', 'b.cf:2', 'b.cf:3', 'b.cf:4']);
  });
});

describe('plugins', () => {
  it('that come with nobody are refused, and what they guard is left out', () => {
    const { statements, refusals } = parseRules(
      'loadplugin Own::Thing thing.pm\nifplugin Own::Thing\nbody A /x/\nendif',
      'a.pre',
    );
    expect(statements).toEqual([]);
    expect(refusals).toMatchObject([{ line: 1 }]);
    expect(parseRules('tryplugin Own::Thing', 'a.pre').refusals).toEqual([]);
  });
});

describe('lines', () => {
  it('of another language are left out', () => {
    const text = 'body A /x/\ndescribe A word\nlang de describe A Wort\nlang en describe A words\n';
    const said = (language: string) =>
      parseRules(text, 'a.cf', { language })
        .statements.filter(({ kind }) => kind === 'describe')
        .map((statement) => statement.kind === 'describe' && statement.text);
    expect(said('en_US')).toEqual(['word', 'words']);
    expect(said('de_DE')).toEqual(['word', 'Wort']);
  });

  it('after a version that is not ours are not read', () => {
    expect(namesIn('require_version @@VERSION@@\nbody A /x/\n')).toEqual(['A']);
    expect(namesIn('require_version 4.000001\nbody A /x/\n')).toEqual(['A']);
    const { statements, refusals } = parseRules('body A /x/\nrequire_version 3.4.6\nbody B /x/\n', 'a.cf');
    expect(statements.map(({ name }) => name)).toEqual(['A']);
    expect(refusals).toMatchObject([{ line: 2 }]);
  });

  it('that define mimeheader and uri_detail rules, and rules for others to hit', () => {
    const { statements, refusals } = parseRules(
      'mimeheader A Content-Type:raw !~ /x/ [if-unset: none]\nuri_detail B domain =~ /a/ text !~ m!b!i\nreuse C D\nreuse A\naskdns E _SENDERDOMAIN_.x.example TXT /y/\n',
      'a.cf',
    );
    expect(refusals).toEqual([]);
    expect(statements.map((statement) => [statement.name, statement.kind === 'rule' && statement.test])).toEqual([
      [
        'A',
        {
          kind: 'mimeheader',
          name: 'Content-Type',
          raw: true,
          negated: true,
          pattern: { source: 'x', flags: '' },
          ifUnset: 'none',
        },
      ],
      [
        'B',
        {
          kind: 'uriDetail',
          criteria: [
            { key: 'domain', negated: false, pattern: { source: 'a', flags: '' } },
            { key: 'text', negated: true, pattern: { source: 'b', flags: 'i' } },
          ],
        },
      ],
      ['C', { kind: 'empty' }],
      ['E', { kind: 'empty' }],
    ]);
  });
});

describe('tags in patterns', () => {
  const expanded = (text: string) => {
    const { statements } = parseRules(text, 'a.cf');
    const [first] = statements;
    return first?.kind === 'rule' && first.test.kind === 'text' ? first.test.pattern.source : null;
  };
  const TAGS =
    'replace_tag A [aA4]\nreplace_tag B (?:b|<A>8)\nreplace_pre P1 p\nreplace_inter I1 \\W?\nreplace_post Q1 {1,2}\n';

  it('stand for what the set says, in the rules it names alone', () => {
    expect(expanded(`${TAGS}body R /x<A>y/\nreplace_rules R`)).toBe('x[aA4]y');
    expect(expanded(`${TAGS}body R /x<A>y/\n`)).toBe('x<A>y');
  });

  it('nest, and leave unknown ones alone', () => {
    expect(expanded(`${TAGS}body R /<B><C>/\nreplace_rules R`)).toBe('(?:b|[aA4]8)<C>');
  });

  it('take a prefix, what stands between, and a suffix', () => {
    expect(expanded(`${TAGS}body R /<pre P1><post Q1>x<A>/\nreplace_rules R`)).toBe('xp[aA4]{1,2}');
    expect(expanded(`${TAGS}body R /<inter I1>x<A><A>y/\nreplace_rules R`)).toBe('x[aA4]\\W?[aA4]y');
  });

  it('that grow without end are cut', () => {
    const source = expanded(`replace_tag Z ${'<Z>'.repeat(1_000)}\nbody R /<Z>/\nreplace_rules R`);
    expect(source!.length).toBeLessThanOrEqual(1_000_000);
  });
});

describe('settings', () => {
  const settingsOf = (text: string) => {
    const { settings, refusals } = parseRules(text, 'a.cf');
    expect(refusals).toEqual([]);
    return settings;
  };

  it('take lists under old and new names, and give entries back', () => {
    const { addressLists } = settingsOf(
      'whitelist_from *@A.example b@b.example\nwelcomelist_from c@c.example\nunwhitelist_from b@b.example\nblacklist_from x@y.example\nenlist_addrlist (MINE) *@d.example\n',
    );
    expect([...addressLists].map(([name, globs]) => [name, [...globs]])).toEqual([
      ['welcomelist_from', ['*@a.example', 'c@c.example']],
      ['blocklist_from', ['x@y.example']],
      ['MINE', ['*@d.example']],
    ]);
  });

  it('take networks with exclusions, and clear them', () => {
    const { trustedNetworks, internalNetworks, msaNetworks } = settingsOf(
      'trusted_networks 192.0.2.0/24 !192.0.2.1\ntrusted_networks 10.\ninternal_networks 198.51.100.1\nclear_internal_networks\n',
    );
    expect(trustedNetworks).toEqual({ configured: true, entries: ['192.0.2.0/24', '!192.0.2.1', '10.'] });
    expect(internalNetworks).toEqual({ configured: false, entries: [] });
    expect(msaNetworks.configured).toBe(false);
  });

  it('take hosts, domains, and addresses with domains', () => {
    const settings = settingsOf(
      'enlist_uri_host (L) a.example !b.example\nutil_rb_tld example\nutil_rb_2tld co.example\ndef_whitelist_from_dkim *@a.example\ndef_whitelist_from_dkim *@a.example B.example\nwhitelist_from_rcvd x@a.example mx.example\nadsp_override a.example custom_low\nuridnsbl_skip_domain A.example\nfreemail_domains free.example *.mail.example\n',
    );
    expect([...settings.uriHostLists.get('L')!]).toEqual([
      ['a.example', true],
      ['b.example', false],
    ]);
    expect([...settings.tlds, ...settings.secondLevelDomains]).toEqual(['example', 'co.example']);
    expect(settings.domainLists.get('def_welcomelist_from_dkim')!.get('*@a.example')!.domains).toEqual([
      '',
      'b.example',
    ]);
    expect(settings.domainLists.get('welcomelist_from_rcvd')!.get('x@a.example')!.domains).toEqual(['mx.example']);
    expect(settings.adspOverrides.get('a.example')).toBe('1');
    expect([...settings.freemail.domains]).toEqual(['free.example', '*.mail.example']);
  });

  it('take DNS zones of rules with their subtests in decimal', () => {
    const { uriDnsZones } = settingsOf(
      'urirhssub U1 multi.example. A 0x08\nurirhssub U2 multi.example A 127.0.0.2\nuridnsbl U3 ips.example TXT\nuridnssub U4 ips.example A 127.0.0.1-127.0.0.9\n',
    );
    expect([...uriDnsZones.values()].map(({ kind, type, subtest }) => [kind, type, subtest])).toEqual([
      ['urirhsbl', 'A', '8'],
      ['urirhsbl', 'A', '2130706434-2130706434'],
      ['uridnsbl', 'TXT', null],
      ['uridnsbl', 'A', '2130706433-2130706441'],
    ]);
  });

  it('refuse values that cannot be meant', () => {
    const broken = [
      'trusted_networks',
      'required_score high',
      'report_safe 3',
      'use_bayes maybe',
      'util_rb_2tld com',
      'enlist_uri_host a.example',
      'welcomelist_from_rcvd a@b.example',
      'urirhssub U1 multi.example A',
      'urirhssub U1 multi.example A word',
      'rewrite_header Date x',
      'clear_util_rb now',
      'time_limit soon',
      'freemail_domains a_b',
    ];
    for (const line of broken) expect(parseRules(line, 'a.cf').refusals, line).toHaveLength(1);
  });

  it('keep hostile names out of objects', () => {
    const { addressLists } = settingsOf('enlist_addrlist (__proto__) x@y.example\nreplace_tag constructor x\n');
    expect([...addressLists.keys()]).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['x@y.example']).toBeUndefined();
  });
});

describe('directories', () => {
  let home = '';
  const put = (name: string, text: string) => writeFileSync(join(home, name), text);
  const fresh = () => {
    home = mkdtempSync(join(tmpdir(), 'weir-rules-'));
    mkdirSync(join(home, 'set'));
  };
  const read = () => readRuleFiles([join(home, 'set')]);
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('are read plugins first, then rules, in byte order', () => {
    fresh();
    put('set/b.cf', `ifplugin ${PLUGIN}::DKIM\nbody B /x/\nendif\n`);
    put('set/A.cf', `ifplugin ${PLUGIN}::SPF\nbody A /x/\nendif\n`);
    put('set/z.pre', `loadplugin ${PLUGIN}::DKIM\n`);
    const { statements, refusals } = read();
    expect(refusals).toEqual([]);
    expect(statements.map(({ name }) => name)).toEqual(['B']);
  });

  it('include what lies in them, however deep, and nothing else', () => {
    fresh();
    put('outside.cf', 'body OUT /x/\n');
    symlinkSync(join(home, 'outside.cf'), join(home, 'set/link.inc'));
    mkdirSync(join(home, 'set/more'));
    put('set/more/in.inc', 'body IN /x/\n');
    const lines = ['more/in.inc', '../outside.cf', join(home, 'outside.cf'), '/etc/passwd', 'link.inc', 'none.inc', ''];
    put('set/a.cf', lines.map((name) => `include ${name}`).join('\n'));
    const { statements, refusals } = read();
    expect(statements.map(({ name }) => name)).toEqual(['IN']);
    expect(refusals.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(JSON.stringify(refusals)).not.toContain('root:');
  });

  it('do not include themselves without end', () => {
    fresh();
    put('set/a.cf', 'include a.cf\nbody A /x/\n');
    const { refusals } = read();
    expect(refusals.some(({ reason }) => reason.includes('deeper'))).toBe(true);
  });
});

describe('a redirector pattern', () => {
  it('that cannot run is refused with its line, and the others hold', () => {
    const text = ['redirector_pattern /^http:\\/\\/go\\.test\\/(.*)$/i', 'redirector_pattern /a(?{ die })(b)/'].join(
      '\n',
    );
    const { settings, refusals } = parseRules(text, 'site.cf');
    expect(settings.redirectorPatterns).toHaveLength(1);
    expect(refusals).toEqual([{ file: 'site.cf', line: 2, reason: 'code in a pattern' }]);
  });
});

describe('words without effect', () => {
  it('are told once, where they stand first, with what to set instead', () => {
    const { notes, refusals } = parseRules(
      'report one\nrequired_hits 4\nreport two\nrewrite_header Subject X\ntrusted_networks 10.0.0.0/8\n',
      'a.cf',
    );
    expect(refusals).toEqual([]);
    expect(notes.map(({ line }) => line)).toEqual([1, 2, 4]);
    expect(notes[0]?.reason).toMatch(/^"report" \(2 lines\) has no effect here: reports around spam/);
    expect(notes[1]?.reason).toMatch(/"required_hits" has no effect here: thresholds .*"verdict"/);
  });
});
