// `weir postfix` with the front listener and the policy server on: what is printed, and what the check says of a Postfix
// that still holds port 25, of a listener behind that is open to others, and of one that expects no PROXY header.
import { describe, expect, it } from 'vitest';
import { conductLines } from '../../programs/postfix-conduct.js';
import { checkFront, frontOptions, nameFront } from '../../programs/postfix-front.js';
import type { FrontSite } from '../../programs/postfix-lines.js';
import { policyLines } from '../../programs/postfix-policy.js';
import { printLines } from '../../programs/postfix-print.js';
import type { PostfixFacts, PostfixService } from '../../programs/postfix-read.js';
import { makeSite } from '../ground/site.js';

const FRONT: FrontSite = {
  listen: ['inet:0.0.0.0:25', 'inet:[::]:25'],
  upstream: 'inet:127.0.0.1:10025',
  handoffsMax: 100,
};

const service = (
  name: string,
  program = 'smtpd',
  options: Readonly<Record<string, string>> = {},
  type = 'inet',
): PostfixService => ({ name, type, chroot: true, program, options: new Map(Object.entries(options)) });

const factsOf = (...services: readonly PostfixService[]): PostfixFacts => {
  return { version: '3.7.11', running: true, main: new Map(), set: new Set(), services };
};

const PROXY = { smtpd_upstream_proxy_protocol: 'haproxy' };
const troubles = (facts: PostfixFacts, front = FRONT): string[] =>
  checkFront(front, facts)
    .filter(({ state }) => state !== 'ok')
    .map(({ state, subject }) => `${state} ${subject.trim()}`);

describe('the front listener', () => {
  it('is printed with the listener behind and what must go', () => {
    const text = printLines({ ...makeSite('inet:127.0.0.1:1', 10026, '/var/spool/postfix'), front: FRONT });
    expect(text).toContain('\n127.0.0.1:10025 inet n - y - - smtpd\n');
    for (const { name, value } of frontOptions()) expect(text).toContain(`\n  -o ${name}=${value}\n`);
    expect(text).toContain('comment out the line "smtp inet n - y - - smtpd"');
    expect(printLines(makeSite('inet:127.0.0.1:1', 10026, '/'))).not.toContain('smtpd_upstream_proxy_protocol=haproxy');
  });

  it('is as it should be', () => {
    expect(troubles(factsOf(service('127.0.0.1:10025', 'smtpd', PROXY), service('submission')))).toEqual([]);
  });

  it('is told of a Postfix that holds its port, by number or name, on any address', () => {
    const behind = service('127.0.0.1:10025', 'smtpd', PROXY);
    expect(troubles(factsOf(behind, service('smtp')))).toEqual(['differs master.cf smtp inet smtpd']);
    expect(troubles(factsOf(behind, service('192.0.2.1:25')))).toEqual(['differs master.cf 192.0.2.1:25 inet smtpd']);
    expect(troubles(factsOf(behind, service('smtp', 'postscreen')))).toEqual([
      'differs master.cf smtp inet postscreen',
      'differs master.cf smtp inet postscreen',
    ]);
  });

  it('is told of a listener behind that is not there, open to others, or expects no header', () => {
    expect(troubles(factsOf())).toEqual(['missing master.cf 127.0.0.1:10025 inet smtpd']);
    expect(troubles(factsOf(service('10025', 'smtpd', PROXY)))).toEqual([
      'differs master.cf 10025 inet smtpd is bound to every interface',
    ]);
    expect(troubles(factsOf(service('127.0.0.1:10025')))).toEqual(['missing -o smtpd_upstream_proxy_protocol =']);
  });

  it('may have a UNIX socket behind it', () => {
    const front = { ...FRONT, upstream: 'unix:/var/spool/postfix/private/weir-front' };
    expect(nameFront(front)).toEqual({ name: 'weir-front', type: 'unix' });
    expect(troubles(factsOf(service('weir-front', 'smtpd', PROXY, 'unix')), front)).toEqual([]);
  });
});

describe('the policy server', () => {
  const [line] = policyLines({
    policy: 'unix:/var/spool/postfix/weir/policy.sock',
    queueDirectory: '/var/spool/postfix',
  });

  it.each([
    ['reject_unauth_destination, check_policy_service unix:weir/policy.sock', true],
    ['permit_mynetworks check_policy_service { unix:weir/policy.sock, timeout=10s }, permit', true],
    ['check_policy_service unix:/var/spool/postfix/weir/policy.sock', true],
    ['check_policy_service inet:127.0.0.1:10023', false],
    ['permit_mynetworks, reject_unauth_destination', false],
    ['', false],
  ])('%s: %s', (found, serves) => {
    expect(line?.accepts(found)).toBe(serves);
  });

  it('is not printed where it is off', () => {
    expect(policyLines({ policy: null, queueDirectory: '/' })).toEqual([]);
  });
});

describe('limits on conduct', () => {
  const line = (name: string) => conductLines().find((one) => one.name === name);

  it.each([
    ['smtpd_client_connection_count_limit', '50', true],
    ['smtpd_client_connection_count_limit', '10', true],
    ['smtpd_client_connection_count_limit', '0', false],
    ['smtpd_client_connection_count_limit', '500', false],
    ['smtpd_data_restrictions', 'reject_unauth_pipelining, reject_multi_recipient_bounce', true],
    ['smtpd_data_restrictions', '', false],
    ['smtpd_error_sleep_time', '0s', false],
    ['smtpd_error_sleep_time', '5s', true],
    ['smtpd_helo_required', 'no', false],
  ])('%s = %s: %s', (name, found, serves) => {
    expect(line(name)?.accepts(found)).toBe(serves);
  });
});
