// The settings of rule updates: what is held against values that fit the schema, and what their defaults mean.
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { ruleSettingsOf } from '../../programs/rules/in-force.js';
import { SECTIONS } from '../../programs/sections.js';

/** Problems with `rules.update`, given as YAML in one line. */
function problemsOf(update: string): readonly string[] {
  const loaded = parseConfiguration(SECTIONS, `rules: { update: { ${update} } }\n`, 'weir.yaml');
  return loaded.ok ? [] : loaded.problems.map(({ message }) => message);
}

const KEYS = 'keyring: /etc/weir/keys.asc';
const PRINT = '0123456789abcdef0123456789ABCDEF01234567';

describe('rules.update', () => {
  it('has the project’s channel and no time of day unless told otherwise', () => {
    const loaded = parseConfiguration(SECTIONS, 'rules: {}\n', 'weir.yaml');
    expect(loaded.ok && ruleSettingsOf(loaded.configuration).update).toEqual({
      daily: null,
      channels: [{ name: 'updates.spamassassin.org' }],
      allowPrivate: [],
      timeoutMs: 120_000,
    });
  });

  it.each([
    "daily: '03:30'",
    "daily: '23:59', channels: []",
    `channels: [{ name: rules.example.org, ${KEYS}, fingerprints: [${PRINT}] }]`,
    'channels: [{ name: rules.example.org, signature: none, mirrors: ["https://m.example/sa/"] }]',
    'channels: [{ name: updates.spamassassin.org, mirrors: ["http://10.1.2.3:8080/sa"], wrongLines: leaveOut }]',
    "allowPrivate: ['10.0.0.0/8', '127.0.0.1', 'fd00::/8']",
  ])('takes %s', (update) => expect(problemsOf(update)).toEqual([]));

  it.each([
    ["daily: '24:00'", 'rules.update.daily'],
    ["daily: '3:30'", 'rules.update.daily'],
    ['channels: [{ name: rules.example.org }]', 'keyring'],
    [`channels: [{ name: Rules.Example.org, ${KEYS} }]`, 'rules.update.channels'],
    [`channels: [{ name: ../../etc, ${KEYS} }]`, 'rules.update.channels'],
    [`channels: [{ name: localhost, ${KEYS} }]`, 'rules.update.channels'],
    ['channels: [{ name: updates.spamassassin.org }, { name: updates.spamassassin.org }]', 'only once'],
    [`channels: [{ name: rules.example.org, signature: none, ${KEYS} }]`, 'openpgp'],
    ['channels: [{ name: rules.example.org, signature: none, mirrors: ["http://m.example/"] }]', 'https://'],
    [`channels: [{ name: rules.example.org, ${KEYS}, mirrors: ["file:///etc"] }]`, 'rules.update.channels'],
    [`channels: [{ name: rules.example.org, ${KEYS}, fingerprints: ['24F434CE'] }]`, 'rules.update.channels'],
    ['channels: [{ name: rules.example.org, keyring: keys.asc }]', 'rules.update.channels'],
    ["allowPrivate: ['lan']", 'such as 10.1.0.0/16'],
  ])('refuses %s', (update, word) => expect(problemsOf(update).join('\n')).toContain(word));
});
