// Greylisting through the gateway, by milter and policy server on one record, under a clock that the test moves: what is
// answered, counted and logged, what one recipient's wait means for the others, and what happens when the store is away.
import { afterEach, describe, expect, it } from 'vitest';
import { listTriplets } from '../../filters/greylist/records.js';
import { greylistStage } from '../../filters/greylist/stage.js';
import { createPolicyGateway, type PolicyGateway } from '../../gateway/policy.js';
import type { Finding } from '../../pipeline/finding.js';
import type { StageModule } from '../../pipeline/stage.js';
import { readQuery } from '../../policy/query.js';
import { RequestReader } from '../../policy/request.js';
import { memoryState, movedClock } from '../ground/state.js';
import { fixedStage } from '../filters/early-job.js';
import { requestText } from '../policy/client.js';
import { Dialog, makeHouse, messagesIn, sessionsIn } from './early-house.js';

const MINUTE = 60_000;
const gateways: PolicyGateway[] = [];
afterEach(() => {
  for (const gateway of gateways.splice(0)) gateway.close();
});

let port = 30_000;

/** A house with greylisting alone, or behind other stages, on a store and a clock of the test. */
async function ground(yaml = '', before: readonly StageModule[] = []) {
  const clock = movedClock();
  const state = memoryState(clock);
  const greylist: StageModule = {
    spec: greylistStage.spec,
    create: (settings, outside, files) => greylistStage.create(settings as never, { ...outside, clock, state }, files),
  };
  const house = await makeHouse(
    [...before, greylist],
    `directions: { ownDomains: [house.test] }\ngreylist:\n  enabled: true\n${yaml}`,
  );
  const policy = createPolicyGateway(house.gateway, clock, 100);
  gateways.push(policy);
  const { signal } = new AbortController();
  return {
    ...{ house, state, clock },
    session: () => new Dialog(house, { clientAddress: '192.0.2.7', clientPort: (port += 1), clientName: null }),
    ask: async (fields: Readonly<Record<string, string>>, peer: object = {}) => {
      const [attributes] = [...new RequestReader().push(Buffer.from(requestText(fields)))];
      const query = attributes === undefined ? null : readQuery(attributes, clock.now());
      if (query === null) throw new Error('no query');
      return policy.onQuery(query, peer, signal);
    },
    triplets: async () => (await listTriplets(state, { state: 'all' }, 100)).triplets,
  };
}

describe('by the milter', () => {
  it('refuses for now, in its own words and with an event that names the recipient; then takes the retry', async () => {
    const { session, house, clock } = await ground();
    const first = session();
    await first.mail('a@away.test');
    expect(await first.rcpt('b@house.test')).toEqual({
      kind: 'tempfail',
      reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again in 300 seconds' },
    });
    expect(sessionsIn(house)).toMatchObject([
      {
        step: 'rcpt',
        category: 'greylist',
        clientAddress: '192.0.2.7',
        mailFrom: 'a@away.test',
        rcptTo: 'b@house.test',
      },
    ]);
    clock.pass(5 * MINUTE);
    const again = session();
    await again.mail('a@away.test');
    expect(await again.rcpt('b@house.test')).toEqual({ kind: 'continue' });
    expect(await again.message()).toMatchObject({ answer: { kind: 'accept' } });
    expect(messagesIn(house)[0]?.findings).toMatchObject([{ id: 'GREYLIST_PASSED', score: 0, recipient: 0 }]);
  });

  it('never asks a user who logged in, nor anybody inside', async () => {
    const { house, triplets } = await ground();
    for (const client of [
      new Dialog(house, { clientAddress: '192.0.2.7' }, 'ann'),
      new Dialog(house, { clientAddress: '127.0.0.1' }),
    ]) {
      await client.mail('a@house.test');
      expect(await client.rcpt('b@away.test')).toEqual({ kind: 'continue' });
    }
    expect(await triplets()).toEqual([]);
  });

  it('may be turned into a mark by the settings, and then refuses nobody', async () => {
    const { session, house } = await ground('verdict: { greylist: tag }\n');
    const client = session();
    await client.mail('a@away.test');
    expect(await client.rcpt('b@house.test')).toEqual({ kind: 'continue' });
    await client.message();
    expect(messagesIn(house)[0]?.recipients).toMatchObject([{ action: 'tag', category: 'greylist' }]);
  });
});

describe('one who waits at the end of a message', () => {
  const score: Finding = { id: 'ODD', category: 'spam', group: 'rules', score: 4, evidence: '' };
  const odd = fixedStage(
    { onMessage: () => ({ findings: [score] }) },
    { name: 'rules', findings: [{ id: 'ODD', category: 'spam', score: 4, meaning: 'Of the test.' }] },
  );

  it('makes all recipients wait, once, and the retry goes to all', async () => {
    const { session, house, clock, triplets } = await ground('  when: suspicious\n', [odd]);
    const send = async (...recipients: readonly string[]) => {
      const client = session();
      await client.mail('a@away.test');
      for (const recipient of recipients) expect(await client.rcpt(recipient)).toEqual({ kind: 'continue' });
      return (await client.message()).answer;
    };
    expect(await send('b@house.test')).toMatchObject({ kind: 'tempfail', reply: { code: 451 } });
    clock.pass(6 * MINUTE);
    expect(await send('b@house.test', 'c@house.test')).toMatchObject({
      kind: 'tempfail',
      reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again in 300 seconds' },
    });
    expect(
      messagesIn(house)
        .at(-1)
        ?.recipients.map(({ action }) => action),
    ).toEqual(['tempfail', 'tempfail']);
    clock.pass(5 * MINUTE);
    expect(await send('b@house.test', 'c@house.test')).toMatchObject({ kind: 'accept' });
    expect((await triplets()).map(({ attempts }) => attempts)).toEqual([1, 1]);
  });

  it('leaves mail alone that looks good', async () => {
    const { session, triplets } = await ground('  when: suspicious\n  suspiciousFrom: 4.1\n', [odd]);
    const client = session();
    await client.mail('a@away.test');
    await client.rcpt('b@house.test');
    expect((await client.message()).answer).toMatchObject({ kind: 'accept' });
    expect(await triplets()).toEqual([]);
  });
});

describe('by the policy server', () => {
  it('counts RCPT, RCPT, DATA and END-OF-MESSAGE of one instance as one message', async () => {
    const { ask, triplets, clock, house } = await ground();
    const message = async (client_port: string): Promise<readonly string[]> => {
      const peer = {};
      const answers: string[] = [];
      for (const step of ['RCPT', 'RCPT', 'DATA', 'END-OF-MESSAGE'])
        answers.push((await ask({ client_port, instance: client_port, protocol_state: step }, peer)).kind);
      return answers;
    };
    expect(await message('1')).toEqual(['tempfail', 'tempfail', 'tempfail', 'continue']);
    expect(await triplets()).toMatchObject([{ attempts: 1 }]);
    expect(await message('2')).toHaveLength(4);
    expect(await triplets()).toMatchObject([{ attempts: 2 }]);
    clock.pass(5 * MINUTE);
    expect(await message('3')).toEqual(['continue', 'continue', 'continue', 'continue']);
    expect(sessionsIn(house).every(({ category, step }) => category === 'greylist' && step === 'rcpt')).toBe(true);
  });

  it('shares its record with the milter: the same moment counts once', async () => {
    const { ask, house, triplets } = await ground();
    await ask({ client_port: '4000' });
    const milter = new Dialog(house, { clientAddress: '192.0.2.7', clientPort: 4_000 });
    await milter.mail('a@away.test');
    expect((await milter.rcpt('b@house.test')).kind).toBe('tempfail');
    expect(await triplets()).toMatchObject([{ attempts: 1 }]);
  });
});

describe('when the store is away', () => {
  it.each([
    ['goes on without, by default', '', 'continue'],
    ['makes all wait where the settings say so', '  onBreak: tempfail\n', 'tempfail'],
  ])('%s, with an alert that goes when it is back', async (_, yaml, expected) => {
    const { session, state, house, ask } = await ground(yaml);
    state.fail(true);
    const client = session();
    const kinds = [await client.mail('a@away.test'), await client.rcpt('b@house.test'), await ask({})].map(
      ({ kind }) => kind,
    );
    expect(kinds).toContain(expected);
    expect(kinds.slice(1)).toEqual([expected, expected]);
    expect(house.alerts.some((alert) => alert.startsWith('raised stage-broken: greylist'))).toBe(true);
    state.fail(false);
    // A call after the store came back may still find it away once: what it learns from is the next.
    await expect
      .poll(async () => {
        const later = session();
        await later.mail('x@away.test');
        await later.rcpt('b@house.test');
        return sessionsIn(house).at(-1)?.event;
      })
      .toMatch(/^tempfail: GREYLISTED/);
    expect(house.alerts.at(-1)).toMatch(/^cleared stage-broken/);
  });
});
