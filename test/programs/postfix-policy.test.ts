// What `weir postfix` says of the policy server: the line as printed is accepted, and so are other ways to write it; a
// Postfix that does not ask is not.
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { listenRequests } from '../../programs/listening.js';
import { policyLines } from '../../programs/postfix-conduct.js';
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

it('opens a socket where it is on, and none where it is off', () => {
  const opened = (yaml: string) =>
    listenRequests(settings(yaml)).flatMap(({ protocol, listen }) => (protocol === 'policy' ? listen : []));
  expect(opened('')).toEqual([]);
  expect(opened(ON)).toEqual(['inet:127.0.0.1:11335']);
});
