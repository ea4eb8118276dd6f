// `weir serve` as an operator sees it: start, sockets and their rights, reload under open connections, death and
// replacement, a second server, stop.
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callControl } from '../../programs/control.js';
import type { ServerStatus } from '../../programs/process-messages.js';
import { runCommand, waitUntil } from '../ground/place.js';
import { WEIR_PROGRAM } from '../ground/weir.js';
import { CONTENT, ENVELOPE, EOM, Mta, OPENING, optneg, V6_ACTIONS, type ReplyPacket } from '../milter/wire.js';
import { openHouse, SETTLE_MS, type House } from './house-of-processes.js';

const pidsOf = (house: House, role: string): Promise<readonly number[]> =>
  house.status().then(({ processes }) => processes.filter((one) => one.role === role).map(({ pid }) => pid));

/** The house whole again, that process replaced: a socket closes a moment before the supervisor hears of its death. */
const wholeWithout = (house: House, victim: number): Promise<ServerStatus> =>
  waitUntil('the process to be replaced', SETTLE_MS, async () => {
    const status = await house.whole();
    return status.processes.every(({ pid }) => pid !== victim) ? status : null;
  });

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** A session that has every event answered. */
async function openSession(house: House): Promise<Mta> {
  const mta = await Mta.to(`unix:${house.socket}`);
  await mta.ask(optneg(6, V6_ACTIONS, 0));
  return mta;
}

/** Ends a message whose content was sent; gives everything said to it. */
function endMessage(mta: Mta): Promise<ReplyPacket[]> {
  mta.send(EOM);
  return mta.finalReplies();
}

/** Sends envelope and content of one message; gives everything said at its end. */
async function sendMessage(mta: Mta): Promise<ReplyPacket[]> {
  await mta.askEach([...ENVELOPE, ...CONTENT.slice(0, -1)]);
  return endMessage(mta);
}

const codeOf = (replies: readonly ReplyPacket[]): string => replies.at(-1)?.code ?? '';
const adds = (replies: readonly ReplyPacket[], name: string): boolean =>
  replies.some(({ data }) => data.includes(name));

describe('weir serve', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  }, 60_000);
  afterAll(() => house.end());

  it('has the workers asked for and one admin process, on private sockets and files', async () => {
    const { processes, listen, version } = await house.status();
    expect(processes.map(({ role, state }) => `${role} ${state}`)).toEqual([
      'admin ready',
      'worker ready',
      'worker ready',
    ]);
    expect(new Set(processes.map((one) => one.version))).toEqual(new Set([version]));
    expect(listen).toEqual([`unix:${house.socket}`, `inet:127.0.0.1:${house.port}`]);
    const mode = (path: string): number => statSync(path).mode & 0o777;
    expect(mode(house.socket)).toBe(0o660);
    expect(mode(house.control)).toBe(0o600);
    expect(mode(join(house.directory, 'store'))).toBe(0o700);
    expect(mode(join(house.directory, 'store', 'run'))).toBe(0o700);
  });

  it('takes mail', async () => {
    expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
  });

  it('keeps the old settings when the new file is bad, tells so, and goes on with an open connection', async () => {
    const before = await house.status();
    const mta = await openSession(house);
    await mta.askEach([...OPENING]);
    house.rewrite(`${house.config}\nverdict: { tagAtt: 3 }\n`);
    house.weir.signal('SIGHUP');
    const refused = await waitUntil('the refusal', SETTLE_MS, async () => {
      const { reload } = await house.status();
      return reload?.taken === false ? reload : null;
    });
    expect(refused.lines.join()).toMatch(/weir\.yaml.*tagAtt.*tagAt/);
    expect((await house.status()).version).toBe(before.version);
    expect(house.weir.log()).toContain('new settings refused');
    await waitUntil('the alert', SETTLE_MS, async () => {
      const answer = await callControl(house.control, 'alerts', {});
      return answer.running && JSON.stringify(answer.result).includes('settings-refused');
    });
    expect(codeOf(await sendMessage(mta))).toBe('a');
    mta.destroy();
  });

  it('puts a good file in force at once, between two messages of one connection', async () => {
    const before = (await house.status()).processes.map(({ pid }) => pid);
    const mta = await openSession(house);
    await mta.askEach([...OPENING]);
    const first = await sendMessage(mta);
    expect([codeOf(first), adds(first, 'X-Spam-Status')]).toEqual(['a', true]);
    house.rewrite(`${house.config}\nverdict: { headers: none }\n`);
    const answer = await callControl(house.control, 'reload', {});
    expect(answer).toMatchObject({ running: true, result: { taken: true } });
    const second = await sendMessage(mta);
    expect([codeOf(second), adds(second, 'X-Spam-Status')]).toEqual(['a', false]);
    mta.destroy();
    const { processes, version } = await house.whole();
    expect(processes.map(({ pid }) => pid)).toEqual(before);
    expect(new Set(processes.map((one) => one.version))).toEqual(new Set([version]));
    const alerts = await callControl(house.control, 'alerts', {});
    expect(JSON.stringify(alerts)).not.toContain('settings-refused');
  });

  it('refuses what a stage cannot take, in every process', async () => {
    const before = (await house.status()).version;
    house.rewrite(`${house.config}\ndirections: { ownDomainsFile: ${house.directory}/missing }\n`);
    const answer = await callControl(house.control, 'reload', {});
    expect(answer).toMatchObject({ running: true, result: { taken: false, version: before } });
    expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
  });

  it('refuses what needs a full stop, in words', async () => {
    house.rewrite(house.config.replace('/store', '/elsewhere').replace(`, 'inet:127.0.0.1:${house.port}'`, ''));
    const answer = await callControl(house.control, 'reload', {});
    expect(JSON.stringify(answer)).toMatch(/storage\.dir can only change.*milter\.listen can only change/);
  });

  it('takes more and fewer workers with a reload', async () => {
    house.rewrite(house.config.replace('workers: 2', 'workers: 3'));
    await callControl(house.control, 'reload', {});
    expect((await house.whole()).processes).toHaveLength(4);
    house.rewrite(house.config.replace('workers: 2', 'workers: 1'));
    await callControl(house.control, 'reload', {});
    expect((await house.whole()).processes).toHaveLength(2);
    house.rewrite(house.config);
    await callControl(house.control, 'reload', {});
    await house.whole();
    expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
  });

  it('replaces a worker that was killed, while others take mail', async () => {
    const [victim = 0] = await pidsOf(house, 'worker');
    const { crashes } = await house.status();
    process.kill(victim, 'SIGKILL');
    for (let index = 0; index < 10; index += 1) expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
    const after = await wholeWithout(house, victim);
    expect(after.crashes).toBe(crashes + 1);
    const alerts = JSON.stringify(await callControl(house.control, 'alerts', {}));
    expect(alerts).toContain('worker-died');
  });

  it('keeps connections waiting while every worker is dead', async () => {
    const victims = await pidsOf(house, 'worker');
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    // A connection that a dying worker takes is lost with it: only those that come after count.
    await waitUntil('the workers to be gone', SETTLE_MS, () => !victims.some(isAlive));
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => house.submit('hello')));
    expect(outcomes.map(({ reply }) => reply)).toEqual(Array.from({ length: 8 }, () => 'SMFIR_ACCEPT'));
    await house.whole();
    expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
  });

  it('replaces the admin process, and mail flows meanwhile', async () => {
    const [victim = 0] = await pidsOf(house, 'admin');
    process.kill(victim, 'SIGKILL');
    expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
    await wholeWithout(house, victim);
    const alerts = JSON.stringify(await callControl(house.control, 'alerts', {}));
    expect(alerts).toContain('admin-died');
  });

  it('lets no second server onto the same storage', async () => {
    const other = join(house.directory, 'other.yaml');
    writeFileSync(other, house.config.replace(String(house.port), '0').replace('milter.sock', 'other.sock'));
    const second = await runCommand(process.execPath, [WEIR_PROGRAM, '-c', other, 'serve']);
    expect(second.status).toBe(1);
    expect(second.stdout).toMatch(/running already.*cannot start/s);
    expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
  });

  it('ends a refused configuration with code 78 and every problem', async () => {
    const bad = join(house.directory, 'bad.yaml');
    writeFileSync(bad, 'processes: { worker: 2 }\nverdict: { tagAt: many }\n');
    const refused = await runCommand(process.execPath, [WEIR_PROGRAM, '-c', bad, 'serve']);
    expect(refused.status).toBe(78);
    expect(refused.stderr).toMatch(/bad\.yaml:1.*workers[\s\S]*bad\.yaml:2/);
  });

  it('cannot start where it may not listen, and says where', async () => {
    const taken = join(house.directory, 'taken.yaml');
    const config = house.config.replace('/store', '/store2').replace('milter.sock', 'third.sock');
    writeFileSync(taken, config);
    const failed = await runCommand(process.execPath, [WEIR_PROGRAM, '-c', taken, 'serve']);
    expect(failed.status).toBe(1);
    expect(failed.stdout).toContain(`cannot listen on inet:127.0.0.1:${house.port}`);
  });

  it('finishes a message that is on its way when told to stop, takes no new ones, and leaves nothing behind', async () => {
    const mta = await openSession(house);
    await mta.askEach([...OPENING, ...ENVELOPE, ...CONTENT.slice(0, -1)]);
    const children = house.weir.children();
    const stopped = house.weir.stop();
    await waitUntil('the listeners to close', SETTLE_MS, () =>
      house.submit('late').then(
        () => false,
        () => true,
      ),
    );
    expect(codeOf(await endMessage(mta))).toBe('a');
    expect(await stopped).toBe(0);
    expect(() => statSync(house.socket)).toThrow(/ENOENT/);
    expect(() => statSync(house.control)).toThrow(/ENOENT/);
    for (const pid of children) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });
});
