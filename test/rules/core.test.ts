// The core rules: each has an example that it hits and one that it misses, and all of them are run as whole messages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isSubRule } from '../../rules/definition.js';
import { EVALS } from '../../rules/evals/table.js';
import { coreRulesDirectory, loadRules, readCoreRules, refusalText } from '../../rules/load.js';
import { mailShowing } from '../../programs/rules/examples.js';
import { makeMail, readExampleMessages } from './examples.js';
import { namesOf, run } from './run.js';

const { set, refusals } = loadRules([]);
const messages = readExampleMessages();
const rules = [...set.byName.values()];
const scoring = rules.filter(({ name }) => !isSubRule(name));

describe('core rules', () => {
  it('load whole, some sixty and more of them', () => {
    expect(refusals.map(refusalText)).toEqual([]);
    expect(scoring.length).toBeGreaterThanOrEqual(60);
  });

  it('are described, each in one line, and score within bounds', () => {
    for (const rule of scoring) {
      expect(rule.description, rule.name).toMatch(/^[A-Z].{10,120}[^.]$/);
      expect(rule.name === 'GTUBE' || (rule.score > 0 && rule.score <= 5), rule.name).toBe(true);
    }
  });

  it('define each name once', () => {
    const names = readCoreRules().flatMap((statement) => (statement.kind === 'rule' ? [statement.name] : []));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('read only rules that exist, in metas', () => {
    for (const { name, test } of rules) {
      if (test.kind === 'meta')
        expect(
          test.expression.names.filter((read) => !set.byName.has(read)),
          name,
        ).toEqual([]);
    }
  });

  it('have an example that hits and one that misses', () => {
    const missing = scoring.flatMap(({ name, examples }) =>
      [true, false]
        .filter(
          (hits) =>
            !examples.some(({ ok }) => ok === hits) &&
            !messages.some((one) => one.hits === hits && one.names.includes(name)),
        )
        .map((hits) => `${name} ${hits ? 'hits' : 'misses'}`),
    );
    expect(missing).toEqual([]);
  });

  it('have example messages of rules that exist', () => {
    expect(messages.flatMap(({ names }) => names).filter((name) => !set.byName.has(name))).toEqual([]);
  });

  it('leave a plain message alone', () => {
    expect(run(set, makeMail([], 'Hello Ada,\n\nsee you on Tuesday.\n')).hits).toEqual([]);
  });
});

describe('test lines', () => {
  for (const rule of rules) {
    for (const { ok, text, line } of rule.examples) {
      it(`${rule.name}, line ${line}: ${ok ? 'ok' : 'fail'}`, () => {
        expect(namesOf(run(set, mailShowing(rule.test, text)!)).includes(rule.name)).toBe(ok);
      });
    }
  }
});

describe('example messages', () => {
  for (const { names, hits, content, place } of messages) {
    it(`${place}: ${names.join(', ')} ${hits ? 'hits' : 'misses'}`, () => {
      const found = namesOf(run(set, content));
      expect(names.filter((name) => found.includes(name))).toEqual(hits ? names : []);
    });
  }
});

describe('GTUBE', () => {
  const text = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';

  it('scores a thousand wherever it stands in a text', () => {
    expect(run(set, makeMail([], `Before ${text} after\n`)).score).toBeGreaterThanOrEqual(1000);
  });

  it('scores in a subject and in HTML', () => {
    expect(run(set, makeMail([`Subject: ${text}`], 'x')).score).toBeGreaterThanOrEqual(1000);
    expect(run(set, makeMail(['Content-Type: text/html'], `<p>${text}</p>`)).score).toBeGreaterThanOrEqual(1000);
  });
});

describe('evals', () => {
  const used = new Set(
    readCoreRules().flatMap((one) => (one.kind === 'rule' && one.test.kind === 'eval' ? [one.test.name] : [])),
  );

  it('that core rules use are all in the reference, and none that does not exist', () => {
    const page = readFileSync(join(coreRulesDirectory(), '../../docs/reference/evals.md'), 'utf8');
    const listed = new Set([...page.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name!));
    expect([...used].filter((name) => !listed.has(name))).toEqual([]);
    expect([...listed].filter((name) => !EVALS.has(name))).toEqual([]);
  });
});
