// A bad file: each fault is told with file, line and column, what was expected and the nearest right name.
import { describe, expect, it } from 'vitest';
import { PROBLEMS_MAX } from '../../config/problem.js';
import { FAULTS_MAX } from '../../config/source.js';
import { problemsOf } from './fixture.js';

const CASES: readonly (readonly [string, string, string])[] = [
  [
    'a misspelt key',
    'listener:\n  conectionsMax: 5\n',
    'weir.yaml:2:3: unknown key "conectionsMax" in listener; did you mean "connectionsMax"?',
  ],
  [
    'another way of writing a key',
    'listener: {time_limit_ms: 5}',
    'weir.yaml:1:12: unknown key "time_limit_ms" in listener; did you mean "timeLimitMs"?',
  ],
  ['a misspelt section', 'verdit: {}', 'weir.yaml:1:1: unknown key "verdit"; did you mean "verdict"?'],
  [
    'a key in the wrong section',
    'verdict: {connectionsMax: 5}',
    'weir.yaml:1:11: unknown key "connectionsMax" in verdict; there is a "listener.connectionsMax"',
  ],
  ['a key like nothing', 'zzzzzzzzz: 1', 'weir.yaml:1:1: unknown key "zzzzzzzzz"; expected listener or verdict'],
  [
    'a misspelt key further in',
    'verdict:\n  caps:\n    rulez: 1\n',
    'weir.yaml:3:5: unknown key "rulez" in verdict.caps; did you mean "rules"?',
  ],
  [
    'a number out of bounds',
    'listener:\n  connectionsMax: 0\n',
    'weir.yaml:2:19: listener.connectionsMax: expected a whole number from 1 to 1000, found 0',
  ],
  [
    'a fraction',
    'listener: {connectionsMax: 1.5}',
    'weir.yaml:1:28: listener.connectionsMax: expected a whole number from 1 to 1000, found 1.5',
  ],
  [
    'a number in quotes',
    'listener: {connectionsMax: "25"}',
    'weir.yaml:1:28: listener.connectionsMax: expected a whole number from 1 to 1000, found the text "25"; take away the quotes',
  ],
  [
    'a size with a unit',
    'listener: {sizeMaxBytes: 2MB}',
    'weir.yaml:1:26: listener.sizeMaxBytes: expected a whole number of at least 1, found the text "2MB"; write 2097152',
  ],
  [
    'a time with a unit',
    'listener: {timeLimitMs: 30 s}',
    'weir.yaml:1:25: listener.timeLimitMs: expected a whole number of at least 1, found the text "30 s"; write 30000',
  ],
  [
    'no for false',
    'listener: {tls: no}',
    'weir.yaml:1:17: listener.tls: expected true or false, found the text "no"; write false',
  ],
  ['infinity', 'verdict: {rejectAt: .inf}', 'weir.yaml:1:21: verdict.rejectAt: expected a number, found .inf'],
  [
    'a number for text',
    'listener: {address: 25}',
    'weir.yaml:1:21: listener.address: expected text of at least 1 characters such as "inet:127.0.0.1:1", found 25; put it in quotes',
  ],
  ['nothing', 'listener:\n  tls:\n', 'weir.yaml:2:7: listener.tls: expected true or false, found nothing'],
  [
    'a misspelt choice',
    'verdict: {virus: quarantaine}',
    'weir.yaml:1:18: verdict.virus: expected quarantine, reject or discard, found the text "quarantaine"; did you mean "quarantine"?',
  ],
  [
    'a choice of a kind or null',
    'verdict: {tagAt: high}',
    'weir.yaml:1:18: verdict.tagAt: expected a number from -100 to 100 or null, found the text "high"',
  ],
  [
    'a list for a map',
    'verdict: [1]',
    'weir.yaml:1:10: verdict: expected a map with the keys tagAt, rejectAt, virus, caps, names, scores and recipients, found a list',
  ],
  [
    'a word for the whole file',
    'hello',
    'weir.yaml:1:1: the file: expected a map with the keys listener and verdict, found the text "hello"',
  ],
  [
    'a bad entry of a list',
    'verdict:\n  names:\n    - ok\n    - NO\n',
    'weir.yaml:4:7: verdict.names.2: expected text that matches ^[a-z.]+$, found the text "NO"',
  ],
  [
    'too many entries',
    'verdict: {names: [a, b, c, d, e]}',
    'weir.yaml:1:18: verdict.names: expected a list of at most 4 entries, each text that matches ^[a-z.]+$, none twice, found 5 entries',
  ],
  ['an entry twice', 'verdict: {names: [a, b, a]}', 'weir.yaml:1:25: verdict.names: the same entry stands before'],
  [
    'a free key of the wrong form',
    'verdict: {scores: {lower: 1}}',
    'weir.yaml:1:20: "lower" cannot be a key of verdict.scores: expected a name that matches ^[A-Z_]+$',
  ],
  [
    'a key missing in an entry',
    'verdict: {recipients: [{tagAt: 1}]}',
    'weir.yaml:1:24: verdict.recipients.1.recipient is missing',
  ],
  [
    'keys that cross',
    'verdict:\n  rejectAt: 3\n  tagAt: 4\n',
    'weir.yaml:3:3: verdict.tagAt: expected at most rejectAt (3)',
  ],
  [
    'keys that cross, one at its default',
    'verdict:\n  rejectAt: 3\n',
    'weir.yaml:1:1: verdict.tagAt: expected at most rejectAt (3)',
  ],
  ['a key set twice', 'listener:\n  tls: true\n  tls: false\n', 'weir.yaml:3:3: "tls" is set twice, first in line 2'],
  ['an alias of nothing', 'listener: {tls: *x}', 'weir.yaml:1:17: the alias *x has no anchor &x before it'],
  [
    'a merge key',
    'listener: {<<: {tls: true}}',
    'weir.yaml:1:12: unknown key "<<" in listener; expected address, connectionsMax, timeLimitMs, sizeMaxBytes or tls',
  ],
  ['a map as a key', '{[a]: 1}', 'weir.yaml:1:2: a key must be a plain word'],
  [
    'two documents',
    'listener: {}\n---\nverdict: {}\n',
    'weir.yaml:2:1: a second document begins here; one file holds one',
  ],
];

describe('a bad file', () => {
  it.each(CASES)('%s', (_name, text, expected) => {
    expect(problemsOf(text)).toEqual([expected]);
  });

  it('is told of all its faults at once, in the order of the file', () => {
    const text = 'verdict:\n  virus: none\nlistener:\n  tls: 1\n  adress: x\nzzzzzzzzz: 1\n';
    expect(problemsOf(text).map((line) => /^weir\.yaml:(\d+):/.exec(line)?.[1])).toEqual(['2', '4', '5', '6']);
  });

  it('is told of a bounded number of faults', () => {
    const lines = problemsOf(Array.from({ length: 1_000 }, (_, index) => `key${index}: 1`).join('\n'));
    expect(lines).toHaveLength(PROBLEMS_MAX + 1);
    expect(lines.at(-1)).toContain(`and at least ${FAULTS_MAX - PROBLEMS_MAX} more problems`);
  });

  it('never writes control characters of the file to the terminal', () => {
    const [line = ''] = problemsOf('"\\e[31m\\r\\nx\\u202e": 1');
    expect(line).toContain('unknown key "\\u{1b}[31m\\u{d}\\u{a}x\\u{202e}"');
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it('quotes long values in short', () => {
    const [line = ''] = problemsOf(`listener: {tls: ${'x'.repeat(5_000)}}`);
    expect(line.length).toBeLessThan(200);
  });
});
