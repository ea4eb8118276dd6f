// Postfix's check_policy_service with the real Postfix: greylisting by the policy server alone, and beside the milter on
// one record.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPolicy, POLICY_NAMES, policyLines } from '../../programs/postfix-policy.js';
import { readPostfix } from '../../programs/postfix-read.js';
import { startLine, type Line, type LineOptions } from '../ground/line.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { findPorts, waitUntil } from '../ground/place.js';
import { GREYLIST, listTriplets, nameRecipients, RETRY_MS, sendThroughQueue } from './greylisting-line.js';

const ready = requirePackage('postfix') && requireRoot();

/** A line whose Postfix asks the policy server; `milter` says whether it has the milter too. */
async function startPolicyLine(
  name: string,
  milter: boolean,
  more: (service: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<Line> {
  const [port = 0] = await findPorts(1);
  const service = `inet:127.0.0.1:${port}`;
  const main: LineOptions['main'] = {
    // As `weir postfix` prints it.
    ...Object.fromEntries(
      policyLines({ policy: service, queueDirectory: '/' }).map(({ name: key, value }) => [key, value]),
    ),
    relay_recipient_maps: 'inline:{ {known@house.test=x} {both@house.test=x} {two@house.test=x} }',
    ...(milter ? {} : { smtpd_milters: '', non_smtpd_milters: '' }),
    ...more(`check_policy_service ${service}`),
  };
  return startLine({ name, main, config: `${GREYLIST}policy:\n  enabled: true\n  listen: [${service}]\n` });
}

describe.skipIf(!ready)('greylisting by the policy server', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startPolicyLine('policy', false);
  });
  afterAll(() => line?.stop());

  it('defers strangers, and lets a real server in when it tries again', async () => {
    await sendThroughQueue(line, 'known@house.test');
    await line.sink.mailFor('known@house.test', RETRY_MS);
    await line.settle();
    expect(line.sink.mailsFor('known@house.test')).toHaveLength(1);
    expect(line.sender.log()).toMatch(/status=deferred .*450 4\.7\.1 .*Recipient address rejected: Greylisted/);
    expect(await listTriplets(line, '--passed')).toMatchObject([{ recipient: 'known@house.test' }]);
  });

  it('leaves the last word to a final refusal', async () => {
    const [reply] = await nameRecipients(line, 'ann@away.test', ['nobody@house.test']);
    expect(reply).toMatchObject({ code: 550 });
  });

  it('is asked by many connections over many sessions', async () => {
    const sessions = Array.from({ length: 20 }, (_, index) =>
      nameRecipients(line, `s${index}@away.test`, ['known@house.test', 'two@house.test']),
    );
    for (const replies of await Promise.all(sessions)) expect(replies.map(({ code }) => code)).toEqual([450, 450]);
  });
});

describe.skipIf(!ready)('greylisting by both at once, Postfix asking at every step of the dialogue', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startPolicyLine('both', true, (ask) => ({
      smtpd_delay_reject: 'no',
      smtpd_client_restrictions: `permit_mynetworks, ${ask}`,
      smtpd_helo_restrictions: ask,
      smtpd_sender_restrictions: ask,
      smtpd_data_restrictions: ask,
      smtpd_end_of_data_restrictions: ask,
    }));
  });
  afterAll(() => line?.stop());

  it('counts an attempt once and lets its retry through both', async () => {
    await nameRecipients(line, 'ann@away.test', ['both@house.test']);
    expect(await listTriplets(line)).toMatchObject([{ recipient: 'both@house.test', attempts: 1 }]);
    await waitUntil('the retry to be taken', RETRY_MS, async () => {
      const [reply] = await nameRecipients(line, 'ann@away.test', ['both@house.test']);
      return reply?.code === 250 ? true : undefined;
    });
    expect(await listTriplets(line, '--passed')).toHaveLength(1);
  });
});

describe.skipIf(!ready)('the policy server asked before checks of Postfix', () => {
  let line: Line;
  let service = '';
  beforeAll(async () => {
    line = await startPolicyLine('before', false, (ask) => {
      service = ask.slice(ask.indexOf(' ') + 1);
      return { smtpd_relay_before_recipient_restrictions: 'no', smtpd_recipient_restrictions: ask };
    });
  });
  afterAll(() => line?.stop());

  it('costs what the check says it does', async () => {
    const replies = await nameRecipients(line, 'ann@away.test', ['nobody@house.test', 'else@where.test']);
    expect(replies.map(({ code, text }) => [code, text.includes('Greylisted')])).toEqual([
      [450, true],
      [454, false],
    ]);
    const recorded = (await listTriplets(line)).map(({ recipient }) => recipient);
    expect(recorded.sort()).toEqual(['else@where.test', 'nobody@house.test']);
    const site = { policy: service, queueDirectory: '/' };
    const names = [...policyLines(site).map(({ name }) => name), ...POLICY_NAMES];
    const { main } = await readPostfix(line.mta.configDirectory, names);
    expect(checkPolicy(site, main).map(({ state }) => state)).toEqual(['differs', 'differs']);
  });
});
