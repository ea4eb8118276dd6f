// The front listener as a process of `weir serve`: what it refuses can be found by recipient, rules of the administrator
// hold at the door, settings are taken live, and it is replaced without letting go of those it has handed on.
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callControl } from '../../programs/control.js';
import { Caller, type Door } from '../ground/caller.js';
import { findPorts, waitUntil } from '../ground/place.js';
import { openHouse, SETTLE_MS, type House } from './house-of-processes.js';

const WAIT_MS = 400;
const TALK = ['MAIL FROM:<anna@away.test>', 'RCPT TO:<ben@house.test>', 'QUIT'] as const;

/** A mail server that takes PROXY headers, greets, and says 250 to everything. */
function openMailServer(port: number, headers: string[]): Promise<Server> {
  const serve = (socket: Socket): void => {
    let isKnown = false;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      if (!isKnown) {
        headers.push(text.slice(0, text.indexOf('\r\n')));
        isKnown = true;
        socket.write('220 mail.test\r\n');
      } else for (const line of text.split('\r\n').filter(Boolean)) socket.write(`250 2.0.0 ${line.slice(0, 4)}\r\n`);
    });
  };
  const server = createServer(serve);
  return new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)));
}

describe('the front listener under the supervisor', () => {
  let house: House;
  let server: Server;
  let door: Door;
  const headers: string[] = [];

  beforeAll(async () => {
    const [port = 0, upstream = 0] = await findPorts(2);
    server = await openMailServer(upstream, headers);
    house = await openHouse({
      workers: 1,
      // On a machine that is busy a new process takes longer to be ready than sessions would be let live.
      graceMs: 60_000,
      more: `screen:
  enabled: true
  listen: ["inet:127.0.0.1:${port}"]
  upstream: "inet:127.0.0.1:${upstream}"
  proxyVersion: v1
  greetWaitMs: ${WAIT_MS}
  permitNetworks: []
`,
    });
    door = { host: '127.0.0.1', port, waitMs: WAIT_MS };
  });
  afterAll(async () => {
    await house?.end();
    server?.close();
  });

  const told = (words: string) => waitUntil(words, SETTLE_MS, () => house.weir.log().includes(words));

  /** 0 while there is none, or while the process that answers is itself replaced. */
  const screenPid = async (): Promise<number> => {
    const processes = await house.status().then(
      (status) => status.processes,
      () => [],
    );
    return processes.find(({ role, state }) => role === 'screen' && state === 'ready')?.pid ?? 0;
  };

  /** Talks before it may, then goes through a whole dialogue. */
  const talkEarly = async (from: string): Promise<readonly string[]> => {
    const caller = await Caller.open(door, from);
    caller.send('EHLO early.test\r\n');
    const said = [await caller.reply(), ...(await caller.talk(...TALK))];
    caller.hangUp();
    return said;
  };

  const greeted = async (from: string): Promise<Caller> => {
    const caller = await Caller.open(door, from);
    expect(await caller.reply()).toBe('220');
    return caller;
  };

  it('refuses an early talker, and the refusal is found by recipient', async () => {
    expect(await talkEarly('127.9.0.1')).toEqual(['250', 'MAIL 250 2.1.0', 'RCPT 550 5.5.1', 'QUIT 221 2.0.0']);
    const [row] = await waitUntil('the refusal to be in the log', SETTLE_MS, async () => {
      const rows = await house.weir.rows(['log', 'search', '--security', '--recipient', 'ben@house.test']);
      return rows.length > 0 ? rows : null;
    });
    expect(row).toMatchObject({
      step: 'rcpt',
      category: 'postscreen',
      clientAddress: '127.9.0.1',
      mailFrom: 'anna@away.test',
      helo: 'early.test',
    });
    await told('NOQUEUE: reject: RCPT from [127.9.0.1]');
    expect(house.weir.log()).toMatch(/PREGREET 17 after .* from \[127\.9\.0\.1\]:\d+: EHLO early\.test\\\\r\\\\n/);
  });

  it('hands a good client on by a PROXY header, and remembers it', async () => {
    const first = await greeted('127.9.0.2');
    expect(await first.talk(...TALK)).toEqual(['MAIL 250 2.0.0', 'RCPT 250 2.0.0', 'QUIT 250 2.0.0']);
    first.hangUp();
    expect(headers.at(-1)).toMatch(/^PROXY TCP4 127\.9\.0\.2 127\.0\.0\.1 \d+ \d+$/);
    await told('PASS NEW [127.9.0.2]');
    const again = await greeted('127.9.0.2');
    again.hangUp();
    await told('PASS OLD [127.9.0.2]');
  });

  it('heeds rules of the administrator at the door', async () => {
    await house.weir.run(['access', 'add', 'reject', 'ip', '127.9.0.3']);
    await house.weir.run(['access', 'add', 'allow', 'network', '127.9.4.0/24']);
    await waitUntil('the block to hold', SETTLE_MS, async () => {
      const caller = await greeted('127.9.0.3');
      const said = await caller.talk('EHLO blocked.test', ...TALK);
      caller.hangUp();
      return said.includes('RCPT 550 5.3.2');
    });
    const allowed = await Caller.open(door, '127.9.4.1');
    expect(await allowed.greeting()).toMatch(/^220/);
    allowed.hangUp();
    const rows = await house.weir.rows(['log', 'search', '--security', '--recipient', 'ben@house.test']);
    expect(rows.map(({ category }) => category)).toContain('block-list');
  });

  it('is looked at by the doctor, with the mail server behind', async () => {
    const { stdout } = await house.weir.run(['doctor', '--json']);
    const { lines } = JSON.parse(stdout) as { lines: { area: string; state: string; detail: string }[] };
    const mine = lines.filter(({ area }) => area === 'screen').map(({ state, detail }) => `${state} ${detail}`);
    expect(mine.join('\n')).toMatch(/ok process \d+, \d+ clients now/);
    expect(mine.join('\n')).toMatch(/ok inet:127\.0\.0\.1:\d+ takes clients with a PROXY header/);
    expect(mine.join('\n')).toContain('ok deep tests are off');
  });

  it('takes new settings without being replaced', async () => {
    const pid = await screenPid();
    house.rewrite(house.config.replace('screen:\n', 'screen:\n  pregreetAction: drop\n'));
    house.weir.signal('SIGHUP');
    await waitUntil('early talkers to be dropped', SETTLE_MS, async () =>
      (await talkEarly('127.9.0.5')).includes('521 5.5.1'),
    );
    expect(await screenPid()).toBe(pid);
  });

  it('refuses settings that would move its sockets', async () => {
    house.rewrite(house.config.replace(`127.0.0.1:${door.port}`, '127.0.0.1:1'));
    house.weir.signal('SIGHUP');
    await told('screen.listen can only change with a full stop and start');
    house.rewrite(house.config);
  });

  it('is replaced without letting go of whom it has handed on', async () => {
    const before = await screenPid();
    const held = await greeted('127.9.0.6');
    house.weir.signal('SIGUSR2');
    await waitUntil('another process', SETTLE_MS, async () => ![0, before].includes(await screenPid()));
    const newcomer = await greeted('127.9.0.7');
    newcomer.hangUp();
    expect(await held.talk(...TALK)).toEqual(['MAIL 250 2.0.0', 'RCPT 250 2.0.0', 'QUIT 250 2.0.0']);
    held.hangUp();
  });

  it('comes back after it was killed, with an alert', async () => {
    await house.whole();
    const victim = await screenPid();
    process.kill(victim, 'SIGKILL');
    await waitUntil('another process', SETTLE_MS, async () => ![0, victim].includes(await screenPid()));
    const caller = await greeted('127.9.0.8');
    caller.hangUp();
    expect(JSON.stringify(await callControl(house.control, 'alerts', {}))).toContain('screen-died');
  });
});
