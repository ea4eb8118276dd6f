// Policy requests as moments of SMTP sessions: which session asks, which message, and that nothing is counted twice.
import { afterEach, describe, expect, it } from 'vitest';
import {
  createPolicyGateway,
  SESSION_IDLE_MS,
  SESSION_ORPHAN_MS,
  type EarlyHooks,
  type PolicyGateway,
} from '../../gateway/policy.js';
import { CONTINUE, type EnvelopeAnswer } from '../../pipeline/answer.js';
import { readQuery, type PolicyQuery } from '../../policy/query.js';
import { RequestReader } from '../../policy/request.js';
import { movedClock } from '../ground/state.js';
import { requestText } from '../policy/client.js';

const LATER: EnvelopeAnswer = { kind: 'tempfail', reply: { code: 451, enhanced: '4.7.1', text: 'later' } };

let now = 0;

function query(fields: Readonly<Record<string, string>> = {}): PolicyQuery {
  const [attributes] = [...new RequestReader().push(Buffer.from(requestText(fields)))];
  const read = attributes === undefined ? null : readQuery(attributes, (now += 1));
  if (read === null) throw new Error('no query');
  return read;
}

interface Heard {
  readonly moment: string;
  readonly session: object;
  readonly id: string;
  readonly helo: string | null;
  readonly mailFrom?: object;
  readonly rcptTo?: string;
  readonly accepted?: readonly string[];
}

function ground(answer: (moment: string, rcptTo: string) => EnvelopeAnswer = () => CONTINUE, sessionsMax = 100) {
  const heard: Heard[] = [];
  const hook =
    (moment: string) =>
    (event: Parameters<EarlyHooks['onConnect']>[0] & Partial<Parameters<EarlyHooks['onRcpt']>[0]>) => {
      const { session, connection, mailFrom, rcptTo, accepted } = event;
      heard.push({
        ...{ moment, session, id: connection.id, helo: connection.helo },
        ...(mailFrom && { mailFrom }),
        ...(rcptTo && { rcptTo: rcptTo.address }),
        ...(accepted && { accepted: accepted.map(({ address }) => address) }),
      });
      return answer(moment, rcptTo?.address ?? '');
    };
  const clock = movedClock();
  const hooks = {
    onConnect: hook('connect'),
    onHelo: hook('helo'),
    onMail: hook('mail'),
    onRcpt: hook('rcpt'),
    onEnd: hook('end'),
  };
  const gateway = createPolicyGateway(hooks, clock, sessionsMax);
  gateways.push(gateway);
  const { signal } = new AbortController();
  return {
    ...{ heard, clock, gateway },
    ask: async (fields: Readonly<Record<string, string>>, peer: object) => gateway.onQuery(query(fields), peer, signal),
    moments: () => heard.map(({ moment }) => moment),
  };
}

const gateways: PolicyGateway[] = [];
afterEach(() => {
  for (const gateway of gateways.splice(0)) gateway.close();
});

describe('steps', () => {
  it.each([
    ['CONNECT', ['connect']],
    ['EHLO', ['helo']],
    ['HELO', ['helo']],
    ['MAIL', ['mail']],
    ['RCPT', ['rcpt']],
    ['DATA', ['rcpt']],
    ['END-OF-MESSAGE', []],
    ['VRFY', []],
    ['ETRN', []],
  ])('%s', async (protocol_state, expected) => {
    const { ask, moments } = ground();
    await ask({ protocol_state }, {});
    expect(moments()).toEqual(expected);
  });

  it('asks nothing at DATA of several recipients', async () => {
    const { ask, moments } = ground();
    expect(await ask({ protocol_state: 'DATA', recipient: '', recipient_count: '2' }, {})).toEqual(CONTINUE);
    expect(moments()).toEqual([]);
  });
});

describe('one message', () => {
  it('is one session and one sender over all its requests', async () => {
    const { ask, heard } = ground();
    const peer = {};
    for (const recipient of ['a@house.test', 'b@house.test', 'c@house.test']) await ask({ recipient }, peer);
    expect(new Set(heard.map(({ session }) => session)).size).toBe(1);
    expect(new Set(heard.map(({ mailFrom }) => mailFrom)).size).toBe(1);
    expect(new Set(heard.map(({ id }) => id)).size).toBe(1);
    expect(heard.map(({ accepted }) => accepted?.length)).toEqual([0, 1, 2]);
  });

  it('counts no recipient that was refused, and none twice', async () => {
    const { ask, heard } = ground((_, rcptTo) => (rcptTo.startsWith('later') ? LATER : CONTINUE));
    const peer = {};
    const asked = ['a@house.test', 'later@house.test', 'a@house.test', 'b@house.test', 'b@house.test'];
    const answers: string[] = [];
    for (const recipient of asked) answers.push((await ask({ recipient }, peer)).kind);
    expect(answers).toEqual(['continue', 'tempfail', 'continue', 'continue', 'continue']);
    expect(heard.map(({ accepted }) => accepted?.length)).toEqual([0, 1, 0, 1, 1]);
    await ask({ protocol_state: 'DATA', recipient: 'b@house.test' }, peer);
    expect(heard.at(-1)).toMatchObject({ moment: 'rcpt', accepted: ['a@house.test'] });
  });

  it('is another one with another instance', async () => {
    const { ask, heard } = ground();
    const peer = {};
    await ask({ instance: '1' }, peer);
    await ask({ instance: '2' }, peer);
    expect(heard[0]?.session).toBe(heard[1]?.session);
    expect(heard[0]?.mailFrom).not.toBe(heard[1]?.mailFrom);
    expect(heard[1]?.accepted).toEqual([]);
  });

  it('is the same when Postfix asks on another connection', async () => {
    const { ask, heard, gateway } = ground();
    const [one, other] = [{}, {}];
    await ask({}, one);
    gateway.onGone?.(one);
    await ask({ recipient: 'c@house.test' }, other);
    expect(heard[0]?.session).toBe(heard[1]?.session);
    expect(heard[1]?.accepted).toEqual(['b@house.test']);
  });

  it('takes a name given anew', async () => {
    const { ask, heard } = ground();
    const peer = {};
    await ask({ helo_name: 'one.test', protocol_state: 'EHLO' }, peer);
    await ask({ helo_name: 'two.test', protocol_state: 'EHLO' }, peer);
    expect(heard.map(({ helo }) => helo)).toEqual(['one.test', 'two.test']);
  });
});

describe('the end of a session', () => {
  it('has come when its smtpd process asks of another one', async () => {
    const { ask, moments, heard } = ground();
    const peer = {};
    await ask({ client_port: '1' }, peer);
    await ask({ client_port: '2' }, peer);
    expect(moments()).toEqual(['rcpt', 'end', 'rcpt']);
    expect(heard[1]?.session).toBe(heard[0]?.session);
  });

  it('is told when it was silent for long, sooner without a connection', async () => {
    const { ask, moments, clock, gateway } = ground();
    const [idle, orphan] = [{}, {}];
    await ask({ client_port: '1' }, idle);
    await ask({ client_port: '2' }, orphan);
    gateway.onGone?.(orphan);
    clock.pass(SESSION_ORPHAN_MS + 1);
    gateway.sweep();
    expect(moments().filter((moment) => moment === 'end')).toHaveLength(1);
    clock.pass(SESSION_IDLE_MS);
    gateway.sweep();
    expect(moments().filter((moment) => moment === 'end')).toHaveLength(2);
    gateway.sweep();
    expect(moments()).toHaveLength(4);
  });

  it('comes for the one silent longest when there are too many', async () => {
    const { ask, heard } = ground(undefined, 2);
    for (const client_port of ['1', '2', '3']) await ask({ client_port }, {});
    expect(heard.filter(({ moment }) => moment === 'end').map(({ id }) => id)).toEqual([heard[0]?.id]);
    await ask({ client_port: '1' }, {});
    expect(heard.at(-1)?.session).not.toBe(heard[0]?.session);
  });
});

it('keeps nothing of 20,000 sessions', async () => {
  const { ask, heard, gateway } = ground(undefined, 50);
  const peer = {};
  for (let session = 0; session < 20_000; session += 1)
    await ask({ client_port: String(1 + (session % 60_000)), instance: String(session) }, peer);
  expect(heard.filter(({ moment }) => moment === 'end')).toHaveLength(19_999);
  expect(gateway.sessions).toBe(1);
});
