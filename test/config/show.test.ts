// What is shown loads again: the effective settings, the pinned ones alone, and the sample.
import { describe, expect, it } from 'vitest';
import { defaultConfiguration } from '../../config/load.js';
import { uncommentSample, writeSample } from '../../config/sample.js';
import { writeEffective, writeJson, writePinned } from '../../config/show.js';
import { FIXTURE, load } from './fixture.js';

const TEXT = `listener:
  tls: true
verdict:
  caps:
    lists: 3
  names: [a, b]
  scores: {A_RULE: 0.5}
`;

describe('effective settings', () => {
  it('name the place of every key that the file sets', () => {
    const shown = writeEffective(load(TEXT));
    expect(shown.split('\n')).toEqual([
      `# Effective settings, version ${load(TEXT).version}, from "weir.yaml"`,
      '',
      'listener:',
      '  address: inet:127.0.0.1:1 # default',
      '  connectionsMax: 100 # default',
      '  timeLimitMs: 5000 # default',
      '  sizeMaxBytes: 1000 # default',
      '  tls: true # set in "weir.yaml", line 2',
      '',
      'verdict:',
      '  tagAt: 5 # default',
      '  rejectAt: 15 # default',
      '  virus: quarantine # default',
      '  caps:',
      '    rules: 20 # default',
      '    lists: 3 # set in "weir.yaml", line 5',
      '  names: [a, b] # set in "weir.yaml", line 6',
      '  scores: {A_RULE: 0.5} # set in "weir.yaml", line 7',
      '  recipients: [] # default',
      '',
    ]);
  });

  it('load again to the same settings, whatever they hold', () => {
    const odd = ['"# no comment"', '"a\\nb: c"', '"null"', '"-"', '"\\u2028\\e"', `"${'long '.repeat(60)}"`, "'[x'"];
    for (const address of odd) {
      const configuration = load(`listener: {address: ${address}}\nverdict: {names: [${'a, b, c, d'}]}`);
      expect(load(writeEffective(configuration)).version, address).toBe(configuration.version);
      expect(load(writePinned(configuration)).version, address).toBe(configuration.version);
    }
  });

  it('are one JSON object for programs', () => {
    const { settings, ...rest } = JSON.parse(writeJson(load(TEXT), false)) as { settings: unknown };
    expect(rest).toEqual({ version: load(TEXT).version, file: 'weir.yaml' });
    expect(settings).toEqual([
      { key: 'listener.tls', value: true, origin: { line: 2, column: 3 } },
      { key: 'verdict.caps.lists', value: 3, origin: { line: 5, column: 5 } },
      { key: 'verdict.names', value: ['a', 'b'], origin: { line: 6, column: 3 } },
      { key: 'verdict.scores', value: { A_RULE: 0.5 }, origin: { line: 7, column: 3 } },
    ]);
    const all = JSON.parse(writeJson(load(TEXT), true)) as { settings: { key: string }[] };
    expect(all.settings.map(({ key }) => key)).toContain('listener.address');
  });
});

describe('pinned settings', () => {
  it('are the smallest file with the same effect', () => {
    expect(writePinned(load(TEXT))).toBe(
      'listener:\n  tls: true\nverdict:\n  caps:\n    lists: 3\n  names:\n    - a\n    - b\n  scores:\n    A_RULE: 0.5\n',
    );
    expect(writePinned(load(''))).toBe('');
  });
});

describe('the sample', () => {
  const sample = writeSample(FIXTURE, ['First.', 'Second.']);

  it('loads to the defaults, commented and uncommented', () => {
    const { version } = defaultConfiguration(FIXTURE);
    expect(load(sample).version).toBe(version);
    expect(writePinned(load(sample))).toBe('');
    const whole = load(uncommentSample(sample));
    expect(whole.version).toBe(version);
    expect(writeEffective(whole)).not.toContain('# default');
  });

  it('says of each key what it is and what it takes', () => {
    expect(sample).toContain('  # Most connections. Value: a whole number from 1 to 1000.\n  #connectionsMax: 100\n');
    expect(sample).toContain('  #caps:\n    # Cap of rules. Value: a number of at least 0.\n    #rules: 20\n');
  });
});
