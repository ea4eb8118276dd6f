// What `weir postfix` says of the policy server: the line as printed is accepted, and so are other ways to write it; a
// Postfix that does not ask is not, and one that asks before its own checks is told which to put before.
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { listenRequests } from '../../programs/listening.js';
import { checkPolicy, policyLines } from '../../programs/postfix-policy.js';
import { readSite } from '../../programs/postfix-site.js';
import { SECTIONS } from '../../programs/sections.js';

function settings(yaml: string) {
  const loaded = parseConfiguration(SECTIONS, yaml, 'test.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

const ON = "policy: { enabled: true, listen: ['inet:127.0.0.1:11335'] }\n";
const QUEUE = '/var/spool/postfix';

describe('the line for the policy server', () => {
  it('is printed where it is on, and only there', () => {
    expect(policyLines(readSite(settings(''), QUEUE))).toEqual([]);
    expect(policyLines(readSite(settings(ON), QUEUE))[0]?.value).toBe(
      'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, reject_unlisted_recipient, check_policy_service inet:127.0.0.1:11335',
    );
  });

  it('names a socket below the queue directory from there', () => {
    const yaml = "policy: { enabled: true, listen: ['unix:/var/spool/postfix/weir/policy.sock'] }\n";
    expect(policyLines(readSite(settings(yaml), QUEUE))[0]?.value).toContain(
      'check_policy_service unix:weir/policy.sock',
    );
  });

  it.each([
    ['permit_mynetworks reject_unauth_destination check_policy_service inet:127.0.0.1:11335 permit', true],
    ['reject_unauth_destination, check_policy_service { inet:127.0.0.1:11335, default_action=DUNNO }', true],
    ['reject_unauth_destination, check_policy_service inet:127.0.0.1:10023', false],
    ['reject_unauth_destination', false],
    ['', false],
  ])('takes %s for asking: %s', (found, expected) => {
    expect(policyLines(readSite(settings(ON), QUEUE))[0]?.accepts(found)).toBe(expected);
  });
});

describe('where it is asked', () => {
  const ASK = 'check_policy_service inet:127.0.0.1:11335';
  const UNLISTED = 'differs check_policy_service not behind reject_unlisted_recipient';
  const RELAY = 'differs check_policy_service not behind reject_unauth_destination';
  const troubles = (recipient: string, more: Readonly<Record<string, string>> = {}): readonly string[] => {
    const main = new Map(Object.entries({ smtpd_recipient_restrictions: recipient, ...more }));
    return checkPolicy(readSite(settings(ON), QUEUE), main).flatMap(({ state, subject, cost }) => {
      expect(cost === '').toBe(state === 'ok');
      return state === 'ok' ? [] : [`${state} ${subject.replace('smtpd_recipient_restrictions: ', '')}`];
    });
  };

  it('is right as printed', () => {
    const [line] = policyLines(readSite(settings(ON), QUEUE));
    expect(troubles(line?.value ?? '')).toEqual([]);
    expect(checkPolicy(readSite(settings(ON), QUEUE), new Map([[line?.name ?? '', line?.value ?? '']]))).toHaveLength(
      2,
    );
  });

  it.each<[string, readonly string[]]>([
    [`reject_unauth_destination, reject_unlisted_recipient, ${ASK}`, []],
    [`REJECT_UNLISTED_RECIPIENT reject_unauth_destination Check_Policy_Service inet:127.0.0.1:11335`, []],
    [`defer_unauth_destination reject_unverified_recipient ${ASK}`, []],
    [
      `reject_unlisted_recipient, reject_unauth_destination, check_policy_service { inet:127.0.0.1:11335, timeout=9s }`,
      [],
    ],
    [`permit_mynetworks, reject_unauth_destination, ${ASK}`, [UNLISTED]],
    [`reject_unauth_destination, ${ASK}, reject_unlisted_recipient`, [UNLISTED]],
    [`reject_unauth_destination, warn_if_reject reject_unlisted_recipient, ${ASK}`, [UNLISTED]],
    [`reject_unlisted_recipient, ${ASK}, reject_unauth_destination`, [RELAY]],
    [ASK, [UNLISTED, RELAY]],
    [`${ASK}, reject_unauth_destination, reject_unlisted_recipient, ${ASK}`, [UNLISTED, RELAY]],
    // Another service may stand where it likes, and where ours is not asked the line says so.
    [`check_policy_service inet:127.0.0.1:10023, reject_unauth_destination, reject_unlisted_recipient, ${ASK}`, []],
    ['check_policy_service inet:127.0.0.1:10023', []],
    ['', []],
  ])('finds in %s: %j', (found, expected) => {
    expect(troubles(found)).toEqual(expected);
  });

  it('counts the restrictions on relaying where they come first', () => {
    const relay = { smtpd_relay_restrictions: 'permit_mynetworks, defer_unauth_destination' };
    const found = `reject_unlisted_recipient ${ASK}`;
    expect(troubles(found, { ...relay, smtpd_relay_before_recipient_restrictions: 'yes' })).toEqual([]);
    expect(troubles(found, { ...relay, smtpd_relay_before_recipient_restrictions: 'no' })).toEqual([RELAY]);
    expect(troubles(found, relay)).toEqual([RELAY]);
  });

  it('says what to do', () => {
    const main = new Map([['smtpd_recipient_restrictions', ASK]]);
    expect(checkPolicy(readSite(settings(ON), QUEUE), main).map(({ cost }) => cost)).toEqual([
      expect.stringMatching(/greylisted before they are refused.*put reject_unlisted_recipient before/),
      expect.stringMatching(/put reject_unauth_destination before check_policy_service$/),
    ]);
    expect(checkPolicy(readSite(settings(''), QUEUE), main)).toEqual([]);
  });
});

it('opens a socket where it is on, and none where it is off', () => {
  const opened = (yaml: string) =>
    listenRequests(settings(yaml)).flatMap(({ protocol, listen }) => (protocol === 'policy' ? listen : []));
  expect(opened('')).toEqual([]);
  expect(opened(ON)).toEqual(['inet:127.0.0.1:11335']);
});
