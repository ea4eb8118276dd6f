// What the section `authentication` is held to beyond its schema, with the line that is wrong.
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../config/load.js';
import { authenticationStage } from '../../../filters/authentication/stage.js';
import { stageSection } from '../../../pipeline/stage-section.js';

const problemsOf = (yaml: string): readonly string[] => {
  const loaded = parseConfiguration([stageSection(authenticationStage.spec)], yaml, 'weir.yaml');
  return loaded.ok ? [] : loaded.problems.map(({ line, message }) => `${line}: ${message}`);
};

describe('settings', () => {
  it('are taken as documented', () => {
    const yaml = `authentication:
  spf: { refuseSoftfail: true }
  forwarders:
    networks: [192.0.2.0/24, "2001:db8::/32", 198.51.100.7]
    names: ['*.alumni.example']
  dmarc:
    overrides:
      - { domain: '*.partner.example', policy: as-published }
`;
    expect(problemsOf(yaml)).toEqual([]);
  });

  it.each([
    ['forwarders:\n    networks:\n      - 192.0.2.0/24\n      - 192.0.2.0/33', 5, 'an address or network'],
    ['dkim:\n    allowNetworks: [somewhere]', 3, 'an address or network'],
    ['checksTimeoutMs: 19500', 2, 'at most timeLimitMs less 1000 (19000)'],
    ['timeLimitMs: 5000', 1, 'at most timeLimitMs less 1000 (4000)'],
    ['authservId: "x; dkim=pass"', 2, 'authservId'],
    ['dmarc:\n    overrides:\n      - { domain: a.example, policy: accept }', 4, 'as-published'],
    ['spf: { refuseFial: true }', 2, 'refuseFail'],
  ])('%j: line %d says %s', (yaml, line, words) => {
    const problems = problemsOf(`authentication:\n  ${yaml}\n`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(words);
    expect(problems[0]?.startsWith(`${line}: `)).toBe(true);
  });
});
