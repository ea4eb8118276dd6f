// Running a set: counts, points, metas, order, deadlines; and hostile mail.
import { describe, expect, it } from 'vitest';
import { compileRules } from '../../rules/compile.js';
import { evaluateInSlices, evaluateRules } from '../../rules/evaluate.js';
import { loadRules } from '../../rules/load.js';
import { parseRules } from '../../rules/language/reader.js';
import { makeMail } from './examples.js';
import { inputsOf, namesOf, rulesOf, run } from './run.js';
import { cpuMsSince } from '../ground/cpu.js';

const MAIL = 'Subject: word\nFrom: a@example.net\n\nword one word\n\nword two\n';

describe('counting', () => {
  it('takes the first match alone without multiple', () => {
    expect(run('body A /word/\nscore A 2', MAIL).hits).toMatchObject([{ count: 1, score: 2 }]);
  });

  it('adds the score once per match with multiple, subject included', () => {
    expect(run('body A /word/\nscore A 2\ntflags A multiple', MAIL).hits).toMatchObject([{ count: 4, score: 8 }]);
  });

  it('stops at maxhits, over elements', () => {
    expect(run('body A /word/\nscore A 2\ntflags A multiple maxhits=3', MAIL).hits).toMatchObject([
      { count: 3, score: 6 },
    ]);
  });

  it('leaves the subject out with nosubject', () => {
    expect(run('body A /word/\ntflags A multiple nosubject', MAIL).hits).toMatchObject([{ count: 3 }]);
  });

  it('anchors at the ends of elements', () => {
    expect(namesOf(run('body A /^word two/\nbody B /^two/\n', MAIL))).toEqual(['A']);
  });
});

describe('metas', () => {
  it('see counts, score once, and pass on their value', () => {
    const result = run(
      'body __W /word/\ntflags __W multiple\nmeta A __W\nscore A 1.5\nmeta B A > 3\nmeta C A + B\n',
      MAIL,
    );
    expect(result.hits.map(({ rule, count, score }) => [rule.name, count, score])).toEqual([
      ['A', 4, 1.5],
      ['B', 1, 1],
      ['C', 5, 1],
    ]);
    expect(result.subRules).toEqual(['__W']);
  });

  it('take a rule whose score is 0 as not hit', () => {
    expect(namesOf(run('body A /word/\nscore A 0\nmeta B !A\n', MAIL))).toEqual(['B']);
  });

  it('may be defined before what they read', () => {
    expect(namesOf(run('meta A B && __C\nmeta B __C\nbody __C /word/\n', MAIL))).toEqual(['A', 'B', '__C']);
  });

  it('in a circle never hit, and are told', () => {
    const { statements } = parseRules('meta A B || 1\nmeta B A || 1\nmeta C 1\n', 'x.cf');
    const { set, refusals } = compileRules(statements);
    expect(refusals.map(({ line, reason }) => [line, reason.split(' ')[0]])).toEqual([
      [1, 'A'],
      [2, 'B'],
    ]);
    expect(namesOf(run(set, MAIL))).toEqual(['C']);
  });

  it('that are empty never hit', () => {
    expect(namesOf(run('meta A ()\nmeta B !A\n', MAIL))).toEqual(['B']);
  });
});

describe('the result', () => {
  it('is in name order, with a total rounded to three decimals', () => {
    const result = run('body B /word/\nscore B 0.1\nbody A /word/\nscore A 0.2\nbody C /one/\nscore C -0.0004\n', MAIL);
    expect(result.hits.map(({ rule }) => rule.name)).toEqual(['A', 'B', 'C']);
    expect(result.score).toBe(0.3);
  });

  it('carries evidence that holds no text of the mail', () => {
    const result = run(
      'uri A /x\\.example/\nheader B Subject =~ /word/\nbody C /one/\n',
      'Subject: word\n\none http://u:p@x.example/secret?q\n',
    );
    expect(result.hits.map(({ evidence }) => evidence)).toEqual(['x.example', 'Subject', 'body']);
  });

  it('is the same for the same mail', () => {
    const { set } = loadRules([]);
    const mail = makeMail(['Subject: URGENT NOTICE NOW'], 'verify your account http://198.51.100.7/ within 24 hours');
    expect(run(set, mail)).toEqual(run(set, mail));
  });
});

describe('the deadline', () => {
  const names = Array.from({ length: 60 }, (_, index) => `R${10 + index}`);
  const set = rulesOf(names.map((name) => `body ${name} /word/`).join('\n'));

  it('ends the run and is told', () => {
    let now = 0;
    const result = evaluateRules(set, inputsOf(MAIL), { deadline: 3, monotonicMs: () => now++ });
    expect(result.outOfTime).toBe(true);
    expect(result.hits.length).toBeGreaterThan(0);
    expect(result.hits.map(({ rule }) => rule.name)).toEqual(names.slice(0, result.hits.length));
    expect(result.hits.length).toBeLessThan(names.length);
  });

  it('that is over at the start lets nothing run', () => {
    const result = evaluateRules(set, inputsOf(MAIL), { deadline: 5, monotonicMs: () => 5 });
    expect(result).toMatchObject({ outOfTime: true, hits: [], score: 0 });
  });
});

describe('slices', () => {
  const limit = (step: number) => {
    let now = 0;
    return { deadline: Infinity, monotonicMs: () => (now += step) };
  };
  const texts = Array.from({ length: 1_500 }, (_, index) => `word ${index} http://h${index}.example/`).join('\n\n');
  const mail = `Subject: many\n\n${texts}\n`;
  const { set } = loadRules([]);
  const inSlices = (step: number, pauses: { count: number }) =>
    evaluateInSlices(set, inputsOf(mail), limit(step), {
      sliceMs: 10,
      pause: () => {
        pauses.count++;
        return Promise.resolve();
      },
    });

  it('give what one go gives, however thin they are cut', async () => {
    const whole = run(set, mail);
    const pauses = { count: 0 };
    expect(await inSlices(1_000, pauses)).toEqual(whole);
    expect(pauses.count).toBeGreaterThan(3);
  });

  it('are one where time allows it, and the result is there at once', () => {
    const pauses = { count: 0 };
    expect(inSlices(0, pauses)).not.toBeInstanceOf(Promise);
    expect(pauses.count).toBe(0);
  });

  it('count through a search that was cut', async () => {
    const counting = rulesOf('body A /word/\ntflags A multiple\nmeta B A == 1500\n');
    const result = await evaluateInSlices(counting, inputsOf(mail), limit(1_000), {
      sliceMs: 1,
      pause: () => Promise.resolve(),
    });
    expect(result.counts.get('A')).toBe(1_500);
    expect(result.counts.get('B')).toBe(1);
  });
});

describe('hostile mail', () => {
  const { set } = loadRules([]);
  const within = (mail: string | Buffer, limitMs: number) => {
    const started = process.cpuUsage();
    run(set, mail);
    expect(cpuMsSince(started)).toBeLessThan(limitMs);
  };

  it('names nothing of Object', () => {
    const mail =
      '__proto__: polluted\nconstructor: x\ntoString: y\nContent-Type: text/html; __proto__=1; toString=2\n\n<__proto__ constructor=1>x';
    expect(() => run(set, mail)).not.toThrow();
    expect(namesOf(run('header A exists:hasOwnProperty\nheader B exists:__proto__\n', mail))).toEqual(['B']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('of every kind of repetition stays quick', () => {
    const bodies = [
      'a'.repeat(400_000),
      ' '.repeat(400_000),
      '\n'.repeat(400_000),
      '\n \t'.repeat(130_000),
      'a.'.repeat(200_000),
      'http://a.'.repeat(40_000),
      'a@'.repeat(200_000),
      'million dollars '.repeat(25_000),
      '$1,'.repeat(130_000),
      'verify your account within 24 hours click here '.repeat(8_000),
      '1A2b3C4d5E6f7G8h9J'.repeat(20_000),
    ];
    for (const body of bodies) within(`Subject: s\n\n${body}`, 4_000);
    for (const body of bodies) within(`Subject: s\nContent-Type: text/html\n\n<p>${body}`, 4_000);
  });

  it('with long headers stays quick', () => {
    for (const value of [
      'a'.repeat(60_000),
      ' '.repeat(60_000),
      '('.repeat(60_000),
      'a.'.repeat(30_000),
      '=?utf-8?Q?a?= '.repeat(4_000),
    ]) {
      within(
        `From: ${value}\nSubject: ${value}\nTo: ${value}\nDate: ${value}\nReply-To: ${value}\nMessage-ID: ${value}\n\nx`,
        3_000,
      );
    }
  });
});

describe('named groups', () => {
  const RULES =
    'header __TO To:addr =~ /(?<TO_ADDR>\\S+)/\nuri LINK /\\?%{TO_ADDR}$/i\nbody NEVER /word %{NOBODY}/\nbody OTHER /%{TO_ADDR}/\n';

  it('of one rule stand in the patterns of others, quoted', () => {
    const mail = 'Subject: s\nTo: <a.b+c@example.net>\n\nhttp://x.example/?A.b+c@example.net\n';
    expect(namesOf(run(RULES, mail))).toContain('LINK');
    const near = 'Subject: s\nTo: <a.b+c@example.net>\n\nhttp://x.example/?aXbbc@example.net\n';
    expect(namesOf(run(RULES, near))).not.toContain('LINK');
  });

  it('that took nothing leave rules on them unrun', () => {
    expect(namesOf(run(RULES, 'Subject: s\n\nword %{NOBODY} http://x.example/?\n'))).toEqual([]);
  });

  it('that took more than a pattern holds are told as given up', () => {
    const result = run(RULES, `Subject: s\nTo: <${'a'.repeat(4_001)}@example.net>\n\nz\n`);
    expect(namesOf(result)).toEqual(['__TO']);
    expect(result.gaveUp).toEqual(['OTHER']);
  });

  it('take hostile texts as texts', () => {
    const mail = 'Subject: s\nTo: <.*@example.net>\n\n.*@example.net\n';
    expect(namesOf(run(RULES, mail))).toEqual(['OTHER', '__TO']);
    expect(namesOf(run(RULES, 'Subject: s\nTo: <.*@example.net>\n\nz@example.net\n'))).toEqual(['__TO']);
  });
});
