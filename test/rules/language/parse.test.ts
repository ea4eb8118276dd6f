// The rule language: what each line means, and that a line which cannot be taken is refused with its place and the
// nearest right word while the rest is read on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRules } from '../../../rules/compile.js';
import { parseRules } from '../../../rules/language/reader.js';

const parse = (text: string) => parseRules(text, 'site.cf');
const only = (text: string) => {
  const { statements, refusals } = parse(text);
  expect(refusals).toEqual([]);
  expect(statements).toHaveLength(1);
  return statements[0]!;
};
const reason = (text: string) => {
  const { statements, refusals } = parse(text);
  expect(statements).toEqual([]);
  expect(refusals).toHaveLength(1);
  return refusals[0]!.reason;
};

describe('lines', () => {
  it('carry file and line, comments and blank lines aside', () => {
    const { statements } = parse('# a comment\n\n  body A /x/ # why\n');
    expect(statements).toEqual([
      {
        kind: 'rule',
        name: 'A',
        test: { kind: 'text', input: 'body', pattern: { source: 'x', flags: '' } },
        file: 'site.cf',
        line: 3,
      },
    ]);
  });

  it('keep an escaped hash', () => {
    expect(only('body A /a\\#b/i')).toMatchObject({ test: { pattern: { source: 'a#b', flags: 'i' } } });
  });

  it('take keys in any case, with dashes', () => {
    expect(only('BODY A /x/')).toMatchObject({ kind: 'rule', name: 'A' });
  });

  it('take other delimiters', () => {
    for (const written of ['m{a/b}i', 'm!a/b!i', 'm(a/b)i', 'qr(a/b)i']) {
      expect(only(`uri A ${written}`)).toMatchObject({
        test: { input: 'uri', pattern: { source: 'a/b', flags: 'i' } },
      });
    }
    expect(only('uri A /a\\/b/i')).toMatchObject({ test: { pattern: { source: 'a\\/b', flags: 'i' } } });
  });

  it('take headers with modifiers, negation and if-unset', () => {
    expect(only('header A From:addr =~ /x/')).toMatchObject({
      test: { kind: 'header', selector: { name: 'From', modifiers: ['addr'] }, negated: false, ifUnset: null },
    });
    expect(only('header A Subject:raw !~ /x/ [if-unset: none]')).toMatchObject({
      test: { selector: { name: 'Subject', modifiers: ['raw'] }, negated: true, ifUnset: 'none' },
    });
    expect(only('header A exists:X-Odd')).toMatchObject({ test: { kind: 'exists', name: 'X-Odd' } });
  });

  it('take evals with quoted arguments', () => {
    expect(only(`header A eval:check_oddity('NUL, x', "B", 3)`)).toMatchObject({
      test: { kind: 'eval', input: 'header', name: 'check_oddity', args: ['NUL, x', 'B', '3'] },
    });
    expect(only('body A eval:check_for_mime_html_only()')).toMatchObject({ test: { args: [] } });
    expect(only("header A eval:check_rbl('zen', 'zen.example.')")).toMatchObject({ test: { input: 'rbl' } });
  });

  it('take one score or four, plain or relative', () => {
    expect(only('score A 1.5')).toMatchObject({ scores: [1.5, 1.5, 1.5, 1.5], relative: false });
    expect(only('score A 0 1 -2 0.5')).toMatchObject({ scores: [0, 1, -2, 0.5], relative: false });
    expect(only('score A (0.5)')).toMatchObject({ scores: [0.5, 0.5, 0.5, 0.5], relative: true });
  });

  it('take no other scores', () => {
    for (const scores of ['1 2', '1 2 3', '1 2 3 4 5']) expect(reason(`score A ${scores}`)).toMatch(/one score or 4/);
    for (const score of ['+1', '.5', '1.', '1,5', '1e3']) expect(reason(`score A ${score}`)).toMatch(/no score/);
  });

  it('take flags with commas between', () => {
    expect(only('tflags A multiple,maxhits=2; nice')).toMatchObject({ flags: ['multiple', 'maxhits=2', 'nice'] });
  });

  it('take describe as text, tflags, priority and test', () => {
    expect(only('describe A Gr\xc3\xbc\xc3\x9fe an alle')).toMatchObject({ text: 'Grüße an alle' });
    expect(only('tflags A nice  multiple maxhits=3')).toMatchObject({ flags: ['nice', 'multiple', 'maxhits=3'] });
    expect(only('priority A -100')).toMatchObject({ priority: -100 });
    expect(only('test A fail some text')).toMatchObject({ ok: false, text: 'some text' });
  });
});

describe('refusals', () => {
  it('name the nearest right word', () => {
    expect(reason('hedaer A Subject =~ /x/')).toBe('unknown word "hedaer", did you mean "header"?');
    expect(reason('header A Subject:adr =~ /x/')).toBe('unknown header modifier ":adr", did you mean ":addr"?');
  });

  it('leave the other lines in force', () => {
    const { statements, refusals } = parse('body A /x/\nnonsense\nbody B /y/\n');
    expect(statements.map((statement) => statement.name)).toEqual(['A', 'B']);
    expect(refusals).toEqual([{ file: 'site.cf', line: 2, reason: 'unknown word "nonsense"' }]);
  });

  it('end with the loading of the plugin whose word it is', () => {
    const after = (line: string) =>
      parseRules(`loadplugin Mail::SpamAssassin::Plugin::Shortcircuit\n${line}\n`, 'a.cf').refusals;
    expect(after('shortcircuit A ham')).toEqual([]);
    expect(after('shortcircuit A maybe')[0]?.reason).toMatch(/on, ham, spam, off/);
  });

  it('cover every kind of broken line', () => {
    const broken = [
      ['body', /rule name/],
      ['body 1A /x/', /rule name/],
      [`body ${'A'.repeat(200)} /x/`, /longer than 100/],
      ['body A', /nothing after it/],
      ['body A x', /pattern between slashes/],
      ['body A /x', /closing/],
      ['body A /x/e', /modifiers/],
      ['body A /x/i y', /modifiers/],
      ['header A Subject', /expected/],
      ['header A Subject = /x/', /expected/],
      ['uri A /a/b/i', /must be written/],
      ['header A eval:1(', /eval/],
      ["body A eval:check_oddity('x)", /arguments/],
      ['score A', /nothing after it/],
      ['body A eval:check_for_mime_html_only', /eval:name/],
      ['meta A B ** C', /no operator/],
      ['shortcircuit A ham', /plugin Shortcircuit, which is not loaded/],
      ['url_shortener bit.ly', /plugin DecodeShortURLs, which is not loaded/],
      ['score A many', /no score/],
      ['priority A high', /whole number/],
      ['test A maybe x', /"ok" or "fail"/],
      [`body A /${'x'.repeat(40_000)}/`, /line is longer/],
    ] as const;
    for (const [line, expected] of broken) expect(reason(line), line.slice(0, 40)).toMatch(expected);
  });

  it('are bounded', () => {
    const { refusals } = parse('nonsense\n'.repeat(5_000));
    expect(refusals).toHaveLength(1_001);
    expect(refusals.at(-1)!.reason).toBe('4000 further lines refused');
  });
});

describe('compiling', () => {
  const compile = (text: string) => {
    const { statements, refusals } = parse(text);
    const compiled = compileRules(statements);
    return { ...compiled, refusals: [...refusals, ...compiled.refusals] };
  };

  it('lets later definitions override, also of another type', () => {
    const { set } = compile('body A /x/\nheader A Subject =~ /y/\nscore A 2\nscore A 3\n');
    expect(set.byName.get('A')).toMatchObject({ score: 3, line: 2, test: { kind: 'header' } });
  });

  it('keeps an earlier definition when a later one cannot be run', () => {
    const { set, refusals } = compile('body A /x/\nbody A /(?{ 1 })x/\n');
    expect(set.byName.get('A')).toMatchObject({ line: 1 });
    expect(refusals).toMatchObject([{ file: 'site.cf', line: 2 }]);
  });

  it('settles default scores: 1, -1 for nice, 0.01 for T_, none for __', () => {
    const { set } = compile('body A /x/\nbody B /x/\ntflags B nice\nbody T_C /x/\nbody __D /x/\n');
    expect([...set.byName.values()].map(({ score }) => score)).toEqual([1, -1, 0.01, 0]);
  });

  it('refuses a relative score that has none before it', () => {
    const { refusals } = compile('body A /x/\nscore A (0.5)\n');
    expect(refusals).toMatchObject([{ line: 2, reason: 'A: a relative score without one before it' }]);
  });

  it('adds relative scores to the value before', () => {
    const { set } = compile('body A /x/\nscore A 2\nscore A (0.5)\n');
    expect(set.byName.get('A')!.score).toBe(2.5);
  });

  it('leaves out rules with score 0 in the active set', () => {
    const { statements } = parse('body A /x/\nscore A 0 1 0 1\n');
    expect(compileRules(statements).set.byName.has('A')).toBe(false);
    const net = compileRules(statements, { scoreSet: 1, disabled: new Set(), scores: new Map() });
    expect(net.set.byName.get('A')!.score).toBe(1);
  });

  it('takes overrides and switched-off names from settings, and tells of unknown ones', () => {
    const { statements } = parse('body BIG_ONE /x/\nbody B /x/\n');
    const { set, refusals } = compileRules(statements, {
      scoreSet: 0,
      disabled: new Set(['B', 'BIG_OEN']),
      scores: new Map([['BIG_ONE', 4]]),
    });
    expect([...set.byName.keys()]).toEqual(['BIG_ONE']);
    expect(set.byName.get('BIG_ONE')!.score).toBe(4);
    expect(refusals.map((refusal) => refusal.reason)).toEqual(['BIG_OEN, which is no rule, did you mean BIG_ONE?']);
  });

  it('replaces tflags rather than adding to them', () => {
    const { set } = compile('body A /x/\ntflags A multiple\ntflags A nosubject\n');
    expect(set.byName.get('A')).toMatchObject({ countMax: 1, flags: new Set(['nosubject']) });
  });

  it('refuses unknown evals and wrong arguments, and notes lines for rules that do not exist', () => {
    const { refusals, notes } = compile(
      "body A eval:html_tag_exist('b')\nbody B eval:html_tag_exists()\nheader C eval:check_for_shifted_date('1', '2')\nscore D 1\n",
    );
    expect(refusals.map((refusal) => refusal.reason)).toEqual([
      'A: unknown eval "html_tag_exist", did you mean "html_tag_exists"?',
      'B: eval "html_tag_exists" takes 1 argument, not 0',
    ]);
    expect(notes.map(({ reason, line }) => [line, reason])).toEqual([[4, 'score for D, which is no rule']]);
  });
});

describe('a hostile rule file', () => {
  const hostile = [
    'loadplugin ../../x',
    'loadplugin Mail::SpamAssassin::Plugin::Evil /tmp/evil.pm',
    'include /etc/passwd',
    'meta A system("id")',
    'meta B process.exit(1)',
    'meta C (A + (1',
    `meta D ${'('.repeat(5_000)}1`,
    'body E /(?{ exec "id" })/',
    'body F /x/e',
    'header __proto__ Subject =~ /x/',
    'header constructor eval:constructor()',
    'header toString eval:__proto__()',
    'score __proto__ 100',
    'describe constructor x',
    'tflags hasOwnProperty nice',
  ].join('\n');

  it('evaluates nothing, pollutes nothing, and is told line by line', () => {
    const { statements, refusals } = parse(hostile);
    const compiled = compileRules(statements);
    const lines = new Set([...refusals, ...compiled.refusals].map(({ line }) => line));
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12].filter((line) => !lines.has(line))).toEqual([]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect([...compiled.set.byName.keys()]).toEqual(['__proto__']);
    expect(Object.prototype).not.toHaveProperty('scores');
  });

  it('never makes the reader throw, whatever its bytes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom('body', 'header', 'meta', 'score', 'test', 'tflags', 'uri', 'if', 'endif', 'full'),
            fc.string({ unit: 'binary-ascii', maxLength: 40 }),
          ),
          { maxLength: 12 },
        ),
        (lines) => {
          const { statements } = parse(lines.map(([word, rest]) => `${word} A ${rest}`).join('\n'));
          compileRules(statements);
        },
      ),
      { numRuns: 1_000, seed: 3 },
    );
  });
});
