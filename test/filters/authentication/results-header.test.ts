// The Authentication-Results we write (RFC 8601): every method, its properties, folding; and that nothing from mail or DNS
// gets out of its place in it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuthenticationFacts } from '../../../filters/authentication/facts.js';
import { statedResult } from '../../../filters/authentication/stated-results.js';
import { writeResults, writeResultsField, type ReportedFacts } from '../../../filters/authentication/results-header.js';
import { makeConnection } from '../../ground/transaction.js';
import { arcFacts, AUTHOR, dkimFacts, dmarcFacts, factsWith, spfFacts } from './facts-made.js';

const reported = (facts: Partial<AuthenticationFacts>, fields: Partial<ReportedFacts> = {}): ReportedFacts => ({
  facts: factsWith({ spf: null, dmarc: null, ...facts }),
  author: AUTHOR,
  dkimChecked: false,
  connection: makeConnection({ clientResolve: 'unknown', clientAddress: '192.0.2.1' }),
  mailFrom: 'anna@away.test',
  ...fields,
});
const write = (facts: Partial<AuthenticationFacts>, fields: Partial<ReportedFacts> = {}) =>
  writeResults(reported(facts, fields));

describe('results', () => {
  it.each([
    [{ spf: spfFacts('pass') }, 'spf=pass smtp.mailfrom=anna@away.test'],
    [{ spf: spfFacts('temperror') }, 'spf=temperror reason="no answer" smtp.mailfrom=anna@away.test'],
    [
      { spf: spfFacts('pass'), spfHelo: spfFacts('none', { domain: 'client.test' }) },
      'spf=pass smtp.mailfrom=anna@away.test; spf=none smtp.helo=client.test',
    ],
    [
      { dkim: [dkimFacts('pass')] },
      'dkim=pass (2048-bit key) header.d=away.test header.i=@away.test header.s=s1 header.a=rsa-sha256 header.b="Abc+/def"',
    ],
    [{ dkim: [dkimFacts('none')] }, 'dkim=none'],
    [{ dmarc: dmarcFacts('fail') }, 'dmarc=fail (p=reject dis=reject) header.from=away.test policy.dmarc=reject'],
    [{ dmarc: dmarcFacts('none') }, 'dmarc=none header.from=away.test'],
    [{ arc: arcFacts('none') }, 'arc=none'],
    [{ arc: arcFacts('pass', { instances: 2 }) }, 'arc=pass (i=2) smtp.remote-ip=192.0.2.1'],
    [{}, 'none'],
  ] as const)('%o', (facts, expected) => {
    expect(write(facts)).toBe(expected);
  });

  it('says that there is no signature where it was looked for', () => {
    expect(write({}, { dkimChecked: true })).toBe('dkim=none');
    expect(write({ dkim: [dkimFacts('fail')] }, { dkimChecked: true })).not.toContain('none');
  });

  it('names HELO where the sender is null', () => {
    expect(write({ spf: spfFacts('pass', { domain: 'client.test' }) }, { mailFrom: '' })).toBe(
      'spf=pass smtp.helo=client.test',
    );
  });

  it('never says more of DMARC than that the author is unclear where it is', () => {
    const author = { domain: null, problem: 'repeated' } as const;
    expect(write({ dmarc: dmarcFacts('pass') }, { author })).toMatch(/^dmarc=permerror reason="more than one From/);
    const claimed = dmarcFacts('fail', { problem: 'more than one From field' });
    expect(write({ dmarc: claimed }, { author })).toMatch(/^dmarc=fail \(p=reject dis=reject\) reason="more than one/);
  });

  it.each([
    ['ok', 'client.example', 'iprev=pass (client.example) policy.iprev=192.0.2.1'],
    ['forged', null, 'iprev=fail policy.iprev=192.0.2.1'],
    ['fail', null, 'iprev=permerror policy.iprev=192.0.2.1'],
    ['temp', null, 'iprev=temperror policy.iprev=192.0.2.1'],
  ] as const)('reports what the MTA found of the reverse name: %s', (clientResolve, clientName, expected) => {
    const connection = makeConnection({ clientResolve, clientName, clientAddress: '192.0.2.1' });
    expect(write({}, { connection })).toBe(expected);
  });

  it('quotes an IPv6 address', () => {
    const connection = makeConnection({ clientResolve: 'fail', clientName: null, clientAddress: '2001:db8::1' });
    expect(write({}, { connection })).toBe('iprev=permerror policy.iprev="2001:db8::1"');
  });
});

describe('the field', () => {
  it('begins with the authserv-id and folds before a result and before a property', () => {
    const value = writeResultsField('mx.house.test', reported({ spf: spfFacts('pass'), dkim: [dkimFacts('pass')] }));
    const lines = value.split('\n');
    expect(lines[0]).toBe('mx.house.test;');
    expect(lines.slice(1).every((line) => line.startsWith('\t') && line.length <= 80)).toBe(true);
    expect(lines[1]).toBe('\tspf=pass smtp.mailfrom=anna@away.test;');
  });

  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.constantFrom(
      '"; dkim=pass header.d=bank.test',
      'x\r\nSubject: y',
      '\\"; spf=pass',
      'a) dkim=pass (',
      'x; dmarc=pass',
      'ä@ö',
    ),
  );

  it('cannot be broken out of, whatever a mail or a record holds', () => {
    fc.assert(
      fc.property(hostile, hostile, (first, second) => {
        const text = writeResultsField(
          'mx.house.test',
          reported(
            {
              spf: spfFacts('fail', { domain: first, problem: second }),
              spfHelo: spfFacts('fail', { domain: second, problem: first }),
              dkim: [
                dkimFacts('fail', {
                  domain: first,
                  identity: second,
                  selector: first,
                  signatureStart: second,
                  problem: first,
                }),
                dkimFacts('permerror', { domain: second, algorithm: first, problem: second }),
              ],
              dmarc: dmarcFacts('fail', { domain: first, problem: second }),
              arc: arcFacts('fail', { sealer: first, problem: second }),
            },
            { mailFrom: `${first}@${second}`, connection: makeConnection({ clientName: first }) },
          ),
        );
        expect(text).toMatch(/^[ -~\n\t]*$/);
        expect(
          text
            .split('\n')
            .slice(1)
            .every((line) => line.startsWith('\t')),
        ).toBe(true);
        expect(text.length).toBeLessThan(12_000);
        // Read back by a strict reader: the results are those written, and no other.
        const stated = `i=1; ${text}`;
        expect(statedResult(stated, 'spf')?.result).toBe('fail');
        expect(statedResult(stated, 'dmarc')?.result).toBe('fail');
        expect(statedResult(stated, 'arc')?.result).toBe('fail');
        expect(statedResult(stated, 'dkim')).toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
