// Sessions before the content: what is refused when, what counts for the message, who is spared, what is made up for, and
// what is written of it.
import { describe, expect, it } from 'vitest';
import type { Finding, FindingSpec } from '../../pipeline/finding.js';
import type { EarlyJob, Stage, StageReport } from '../../pipeline/stage.js';
import { fixedStage } from '../filters/early-job.js';
import { Dialog, makeHouse, messagesIn, sessionsIn } from './early-house.js';

const finding = (id: string, fields: Partial<Finding> = {}): Finding => ({
  ...{ id, category: 'policy', score: 1, evidence: '' },
  ...fields,
});
const says = (...findings: readonly Finding[]): StageReport => ({ findings });
const spec = (id: string, fields: Partial<FindingSpec> = {}): FindingSpec => ({
  ...{ id, category: 'policy', score: 1, meaning: 'Of the test.' },
  ...fields,
});

describe('when a refusal is said', () => {
  const cap = fixedStage(
    { onConnect: () => says(finding('TOO_MANY', { evidence: '51 at once' })) },
    {
      name: 'cap',
      runsAt: ['connect'],
      findings: [
        spec('TOO_MANY', {
          action: 'tempfail',
          reply: { code: 421, enhanced: '4.7.0', text: 'Too many connections' },
        }),
      ],
    },
  );
  const names = fixedStage(
    { onConnect: () => says(finding('NO_NAME')) },
    {
      name: 'names',
      runsAt: ['connect'],
      directions: ['received'],
      findings: [spec('NO_NAME', { check: 'restriction' })],
    },
  );

  it('at once for what spares nobody, with its own reply, found by client', async () => {
    const house = await makeHouse([cap]);
    const client = new Dialog(house);
    expect(await client.connect()).toEqual({
      kind: 'tempfail',
      reply: { code: 421, enhanced: '4.7.0', text: 'Too many connections' },
    });
    expect(sessionsIn(house)).toMatchObject([
      {
        step: 'connect',
        clientAddress: '203.0.113.5',
        category: 'policy',
        event: 'tempfail: TOO_MANY: 51 at once',
        findings: [{ stage: 'cap', id: 'TOO_MANY' }],
        mailFrom: null,
        rcptTo: null,
      },
    ]);
  });

  it('at RCPT for what a rule could spare, once for each recipient, found by recipient', async () => {
    const house = await makeHouse([names]);
    const client = new Dialog(house);
    expect([await client.connect(), await client.helo('x.test'), await client.mail('a@outside.test')]).toEqual(
      Array(3).fill({ kind: 'continue' }),
    );
    const refused = { kind: 'reject', reply: { code: 554, enhanced: '5.7.1', text: 'Refused by policy' } };
    expect([await client.rcpt('b@house.test'), await client.rcpt('c@house.test')]).toEqual([refused, refused]);
    expect(sessionsIn(house).map(({ step, mailFrom, rcptTo, helo }) => [step, mailFrom, rcptTo, helo])).toEqual([
      ['rcpt', 'a@outside.test', 'b@house.test', 'x.test'],
      ['rcpt', 'a@outside.test', 'c@house.test', 'x.test'],
    ]);
  });

  it('at once for everything where the settings say so', async () => {
    const house = await makeHouse([names], 'pipeline:\n  refuseAtRcpt: false\n');
    expect((await new Dialog(house).connect()).kind).toBe('reject');
  });

  it('never to a client that logs in, for what was held against strangers', async () => {
    const house = await makeHouse([names]);
    const client = new Dialog(house);
    await client.connect();
    client.loggedIn('user');
    await client.mail('me@house.test');
    expect(await client.rcpt('b@outside.test')).toEqual({ kind: 'continue' });
    await client.message();
    expect(messagesIn(house)[0]?.findings).toEqual([]);
    expect(sessionsIn(house)).toEqual([]);
  });
});

describe('what leads to no refusal', () => {
  it('counts for the message once, of a recipient for that one alone', async () => {
    const stage = fixedStage(
      {
        onConnect: () => says(finding('SLOW', { category: 'spam', score: 3 })),
        onRcpt: ({ rcptTo }) =>
          rcptTo?.address === 'c@house.test' ? says(finding('DROP', { category: 'blocked' })) : says(),
      },
      {
        name: 'probe',
        runsAt: ['connect', 'rcpt'],
        findings: [spec('DROP', { category: 'blocked', action: 'discard' })],
      },
    );
    const house = await makeHouse([stage]);
    const client = new Dialog(house);
    await client.connect();
    await client.mail('a@outside.test');
    for (const to of ['b@house.test', 'c@house.test', 'd@house.test'])
      expect(await client.rcpt(to)).toEqual({ kind: 'continue' });
    const { answer } = await client.message();
    const [event] = messagesIn(house);
    expect(event?.recipients.map(({ action, score }) => [action, score])).toEqual([
      ['accept', 3],
      ['discard', 3],
      ['accept', 3],
    ]);
    expect(event?.findings.map(({ id, recipient }) => [id, recipient])).toEqual([
      ['SLOW', undefined],
      ['DROP', 1],
    ]);
    expect(answer).toMatchObject({ kind: 'accept' });
    // The next message of the session has the client's findings and nothing of the recipients before.
    await client.mail('a@outside.test');
    await client.rcpt('b@house.test');
    await client.message();
    expect(messagesIn(house)[1]?.findings.map(({ id }) => id)).toEqual(['SLOW']);
  });
});

describe('exemptions', () => {
  const rule = { check: 'restriction' as const, rule: 'allow partner' };
  const names = fixedStage(
    { onConnect: () => says(finding('NO_NAME')) },
    { name: 'names', runsAt: ['connect'], findings: [spec('NO_NAME', { check: 'restriction' })] },
  );
  const lists = fixedStage(
    {
      onRcpt: ({ rcptTo }) => (rcptTo?.address === 'free@house.test' ? { findings: [], exempts: [rule] } : says()),
    },
    { name: 'lists', runsAt: ['rcpt'] },
  );

  it('spare the recipient they are for, and are logged', async () => {
    const house = await makeHouse([names, lists]);
    const client = new Dialog(house);
    await client.connect();
    await client.mail('a@outside.test');
    expect((await client.rcpt('b@house.test')).kind).toBe('reject');
    expect((await client.rcpt('free@house.test')).kind).toBe('continue');
    await client.message();
    const [event] = messagesIn(house);
    expect(event?.recipients.map(({ address, action }) => [address, action])).toEqual([['free@house.test', 'accept']]);
    expect(event?.findings.map(({ id }) => id)).toEqual(['NO_NAME']);
    expect(event?.exempts).toEqual([{ ...rule, recipient: 0 }]);
  });
});

describe('moments that nobody told of', () => {
  const counting = () => {
    const jobs: EarlyJob[] = [];
    // Kept as it was: what is accepted later is no part of it.
    const hook = (job: EarlyJob): StageReport => (
      jobs.push({ ...job, accepted: [...job.accepted] }),
      says(finding(job.moment.toUpperCase()))
    );
    const stage: Stage = { onConnect: hook, onHelo: hook, onMail: hook, onRcpt: hook };
    return {
      jobs,
      module: fixedStage(stage, {
        name: 'probe',
        runsAt: ['connect', 'helo', 'mail', 'rcpt'],
        findings: ['CONNECT', 'HELO', 'MAIL', 'RCPT'].map((id) => spec(id, { action: 'tag' })),
      }),
    };
  };
  const told = (jobs: readonly EarlyJob[]) => jobs.map(({ moment, rcptTo }) => rcptTo?.address ?? moment);

  it('are made up for at the next that is heard, each once', async () => {
    const { jobs, module } = counting();
    const house = await makeHouse([module]);
    const client = new Dialog(house);
    client.greeted('x.test');
    await client.mail('a@outside.test');
    expect(told(jobs)).toEqual(['connect', 'helo', 'mail']);
    expect(jobs[0]).toMatchObject({ login: null, mailFrom: null, rcptTo: null, recipientIsOurs: null });
    await client.rcpt('b@house.test');
    client.to('c@house.test');
    await client.message();
    expect(told(jobs).slice(3)).toEqual(['b@house.test', 'c@house.test']);
    expect(jobs.map(({ accepted }) => accepted.length)).toEqual([0, 0, 0, 0, 1]);
    const [event] = messagesIn(house);
    expect(event?.findings.map(({ id, recipient }) => [id, recipient])).toEqual([
      ['CONNECT', undefined],
      ['HELO', undefined],
      ['MAIL', undefined],
      ['RCPT', 0],
      ['RCPT', 1],
    ]);
  });

  it('are made up for at the message where no session was told of at all', async () => {
    const { jobs, module } = counting();
    const house = await makeHouse([module]);
    const client = new Dialog(house);
    client.greeted('x.test');
    client.from('a@outside.test');
    client.to('b@house.test');
    await client.message(undefined, false);
    expect(told(jobs)).toEqual(['connect', 'helo', 'mail', 'b@house.test']);
  });

  it('refuse the message where they would have refused the recipient', async () => {
    const stage = fixedStage(
      { onRcpt: () => says(finding('NO')) },
      { name: 'probe', runsAt: ['rcpt'], findings: [spec('NO')] },
    );
    const house = await makeHouse([stage]);
    const client = new Dialog(house);
    client.from('a@outside.test');
    client.to('b@house.test');
    expect((await client.message()).answer).toMatchObject({ kind: 'reject' });
  });

  it('are made up for by a stage that a reload brought into the session', async () => {
    const { jobs, module } = counting();
    const house = await makeHouse([]);
    const client = new Dialog(house);
    await client.connect();
    await client.helo('x.test');
    await house.reload([module]);
    await client.mail('a@outside.test');
    expect(told(jobs)).toEqual(['connect', 'helo', 'mail']);
  });

  it('a greeting given anew is judged anew, the connection is not', async () => {
    const { jobs, module } = counting();
    const client = new Dialog(await makeHouse([module]));
    await client.connect();
    await client.helo('x.test');
    await client.helo('y.test');
    expect(told(jobs)).toEqual(['connect', 'helo', 'helo']);
  });
});

describe('behind a trusted relay', () => {
  it('a client that nobody knows yet is not judged; sender and recipient are, with no client told', async () => {
    const told: string[] = [];
    const hook = ({ moment, connection }: EarlyJob): StageReport => {
      told.push(`${moment} ${String(connection.clientAddress)} ${String(connection.helo)}`);
      return says();
    };
    const stage = fixedStage(
      { onConnect: hook, onHelo: hook, onMail: hook, onRcpt: hook },
      { name: 'probe', runsAt: ['connect', 'helo', 'mail', 'rcpt'], directions: ['received'] },
    );
    const house = await makeHouse([stage], 'directions:\n  trustedRelays: [203.0.113.0/24]\n');
    const relay = new Dialog(house);
    await relay.connect();
    await relay.helo('relay.example');
    await relay.mail('a@outside.test');
    await relay.rcpt('b@house.test');
    expect(told).toEqual(['mail null null', 'rcpt null null']);
  });

  it('own networks are no strangers: what is for received mail alone is not asked', async () => {
    const stage = fixedStage(
      { onConnect: () => says(finding('NO_NAME')) },
      { name: 'names', runsAt: ['connect'], directions: ['received'], findings: [spec('NO_NAME')] },
    );
    const house = await makeHouse([stage], 'directions:\n  ownNetworks: [203.0.113.0/24]\n');
    expect(await new Dialog(house).connect()).toEqual({ kind: 'continue' });
    expect((await new Dialog(house, { clientAddress: '198.51.100.1' }).connect()).kind).toBe('reject');
  });
});

describe('a stage that breaks', () => {
  const shaky = () => {
    const store = { down: true };
    const stage = fixedStage(
      {
        onMail: () => {
          if (store.down) throw new Error('store is down');
          return says();
        },
      },
      { name: 'shaky', runsAt: ['mail'] },
    );
    return { store, stage };
  };

  it('puts recipients off by its policy, with an alert that goes when it works again', async () => {
    const { store, stage } = shaky();
    const house = await makeHouse([stage]);
    const client = new Dialog(house);
    await client.mail('a@outside.test');
    expect(await client.rcpt('b@house.test')).toMatchObject({
      kind: 'tempfail',
      reply: { code: 451, enhanced: '4.3.0' },
    });
    store.down = false;
    await client.mail('a@outside.test');
    expect(await client.rcpt('b@house.test')).toEqual({ kind: 'continue' });
    expect(house.alerts).toEqual([
      'raised stage-broken: shaky: store is down',
      'cleared stage-broken: every stage works again',
    ]);
    expect(sessionsIn(house)).toMatchObject([{ event: 'tempfail: stage shaky broke: store is down', step: 'rcpt' }]);
  });

  it('goes on where its policy says so, and the message’s row tells of it', async () => {
    const { stage } = shaky();
    const house = await makeHouse([stage], 'shaky:\n  onBreak: continue\n');
    const client = new Dialog(house);
    await client.mail('a@outside.test');
    expect(await client.rcpt('b@house.test')).toEqual({ kind: 'continue' });
    await client.message();
    expect(messagesIn(house)[0]?.broken).toEqual([{ stage: 'shaky', reason: 'store is down', policy: 'continue' }]);
  });

  it('holds the message where its policy is quarantine', async () => {
    const { stage } = shaky();
    const house = await makeHouse([stage], 'shaky:\n  onBreak: quarantine\n');
    const client = new Dialog(house);
    await client.mail('a@outside.test');
    await client.rcpt('b@house.test');
    await client.message();
    expect(messagesIn(house)[0]?.recipients.map(({ action }) => action)).toEqual(['quarantine']);
  });
});

describe('mail handed in by a program', () => {
  it('is told nothing before its message: a refusal there would leave it in the queue', async () => {
    const stage = fixedStage(
      { onRcpt: () => says(finding('NO')) },
      { name: 'probe', runsAt: ['rcpt'], findings: [spec('NO')] },
    );
    const house = await makeHouse([stage]);
    const program = new Dialog(house, { smtp: false });
    await program.mail('me@house.test');
    expect(await program.rcpt('b@outside.test')).toEqual({ kind: 'continue' });
    expect((await program.message()).answer).toMatchObject({ kind: 'reject' });
  });
});

describe('a session that ends', () => {
  it('is told to the stages that heard it begin, and to no others', async () => {
    const ended: string[] = [];
    const counter = (name: string, directions: readonly ('received' | 'sent')[]) =>
      fixedStage(
        { onConnect: () => says(), onEnd: () => void ended.push(name) },
        { name, runsAt: ['connect'], directions },
      );
    const house = await makeHouse([counter('strangers', ['received']), counter('users', ['sent'])]);
    const client = new Dialog(house);
    await client.connect();
    client.end();
    await new Promise((done) => setImmediate(done));
    expect(ended).toEqual(['strangers']);
  });
});
