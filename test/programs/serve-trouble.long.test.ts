// `weir serve` in trouble: an event loop that stands still, mail that kills whatever reads it, a restart under load, few
// open files. Neighbours go on, nothing is lost in silence.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { submitMessage } from '../../milter/client.js';
import { callControl } from '../../programs/control.js';
import { runCommand, waitUntil } from '../ground/place.js';
import { openHouse, SETTLE_MS, type House } from './house-of-processes.js';
import { MARKERS } from './marked-mail.js';

let house: House;
afterEach(() => house.end());

const alertCodes = async (): Promise<string> => JSON.stringify(await callControl(house.control, 'alerts', {}));

/** Sends until `stop`, so many at once; gives every outcome. */
function keepSending(lanes: number): { stop(): Promise<readonly string[]> } {
  const outcomes: string[] = [];
  let going = true;
  const lane = async (): Promise<void> => {
    while (going) {
      const outcome = await house.submit('neighbour').then(
        ({ reply }) => reply,
        (error: Error) => `lost: ${error.message}`,
      );
      outcomes.push(outcome);
    }
  };
  const all = Promise.all(Array.from({ length: lanes }, lane));
  return {
    stop: async () => {
      going = false;
      await all;
      return outcomes;
    },
  };
}

/** The whole house again after so many deaths: a socket closes a moment before the supervisor hears of its death. */
const afterDeath = (crashes: number) =>
  waitUntil('the death to be known and made good', SETTLE_MS, async () => {
    const status = await house.whole();
    return status.crashes >= crashes ? status : null;
  });

describe('trouble', () => {
  it('kills a worker whose event loop stands still; its message is tried alone, then held; neighbours arrive', async () => {
    house = await openHouse({ processes: 'watchdogMs: 1500', marked: true });
    const before = await house.status();
    const first = await house.submit(MARKERS.stuck, 'stuck').catch((error: Error) => error.message);
    expect(first).toMatch(/hung up|ECONNRESET|EPIPE|closed/);
    const after = await afterDeath(before.crashes + 1);
    expect(after.suspects).toBe(1);
    expect(house.weir.log()).toContain('its event loop stood still');

    const neighbours = keepSending(2);
    const second = await house.submit(MARKERS.stuck, 'stuck').catch((error: Error) => error.message);
    // Other Message-ID: another message, so a worker must find out once more.
    expect(typeof second).toBe('string');
    await house.whole();
    const sent = await neighbours.stop();
    expect(sent.filter((outcome) => outcome === 'SMFIR_ACCEPT').length).toBeGreaterThan(sent.length - 4);
  });

  it.each(['deadly', 'stuck'] as const)(
    'holds a %s message at its second delivery, tried alone, with an alert',
    async (kind) => {
      house = await openHouse({ processes: 'watchdogMs: 1500', marked: true });
      const mail = house.mailOf(`${MARKERS[kind]}\r\n`, 'poison');
      const deliver = () => submitMessage({ path: house.socket }, mail);
      await expect(deliver()).rejects.toThrow();
      const { crashes } = await afterDeath(1);
      const neighbours = keepSending(2);
      expect((await deliver()).reply).toBe('SMFIR_DISCARD');
      const sent = await neighbours.stop();
      expect(new Set(sent)).toEqual(new Set(['SMFIR_ACCEPT']));
      expect((await house.whole()).crashes).toBe(crashes);
      // Recorded by the admin process, which hears of it while the answer is on its way.
      await expect.poll(alertCodes, { timeout: SETTLE_MS }).toContain('message-unprocessable');

      const held = await house.weir.rows(['quarantine', 'list']);
      expect(held).toHaveLength(1);
      expect(held[0]).toMatchObject({ category: 'unprocessable', subject: 'poison', sizeBytes: mail.content.length });
      expect((await deliver()).reply).toBe('SMFIR_DISCARD');
      expect((await house.status()).suspects).toBe(1);
    },
  );

  it('clears an innocent that was in hand when a worker died: put off once, then judged by its findings alone', async () => {
    house = await openHouse({ workers: 1, processes: 'watchdogMs: 20000', marked: true });
    const innocent = house.mailOf(`${MARKERS.busy}\r\n`, 'innocent');
    const deliver = () => submitMessage({ path: house.socket }, innocent);
    const first = deliver().catch((error: Error) => error.message);
    const worker = await waitUntil('the message to be in hand', SETTLE_MS, async () => {
      return (await house.status()).processes.find(({ role, inFlight }) => role === 'worker' && inFlight === 1);
    });
    process.kill(worker.pid, 'SIGKILL');
    expect(typeof (await first)).toBe('string');
    expect((await afterDeath(1)).suspects).toBe(1);
    expect((await deliver()).reply).toBe('SMFIR_ACCEPT');
    await waitUntil('it to be cleared', SETTLE_MS, async () => (await house.status()).suspects === 0);
    await waitUntil('it to be told', SETTLE_MS, () => house.weir.log().includes('survived alone'));
  });

  it('makes suspects of what was in hand when everything was killed at once', async () => {
    house = await openHouse({ marked: true });
    void house.submit(`${MARKERS.busy}`, 'in hand').catch(() => undefined);
    await waitUntil('the message to be in hand', SETTLE_MS, async () => {
      return (await house.status()).processes.some(({ inFlight }) => inFlight === 1);
    });
    const children = house.weir.children();
    house.weir.signal('SIGKILL');
    for (const pid of children) process.kill(pid, 'SIGKILL');
    const again = await house.reopen();
    expect((await again.status()).suspects).toBe(1);
  });

  it('restarts on USR2 under load and drops nothing', async () => {
    house = await openHouse();
    const before = (await house.status()).processes.map(({ pid }) => pid);
    const load = keepSending(8);
    for (let round = 0; round < 2; round += 1) {
      const now = (await house.whole()).processes.map(({ pid }) => pid);
      house.weir.signal('SIGUSR2');
      await waitUntil('all processes to be new', SETTLE_MS, async () => {
        const status = await house.status().catch(() => null);
        return status !== null && status.processes.every(({ pid, state }) => !now.includes(pid) && state === 'ready');
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    const sent = await load.stop();
    process.stdout.write(`two restarts under load: ${sent.length} messages, all answered\n`);
    expect(sent.length).toBeGreaterThan(20);
    expect(new Set(sent)).toEqual(new Set(['SMFIR_ACCEPT']));
    expect((await house.status()).processes.map(({ pid }) => pid).filter((pid) => before.includes(pid))).toEqual([]);
    expect((await house.status()).crashes).toBe(0);
  });

  it('puts settings in force that need new processes, without dropping a message', async () => {
    house = await openHouse();
    const load = keepSending(4);
    const before = await house.status();
    house.rewrite(`${house.config}\nlog: { level: debug }\n`);
    expect(await callControl(house.control, 'reload', {})).toMatchObject({ running: true, result: { taken: true } });
    await waitUntil('all processes to be new', SETTLE_MS, async () => {
      const now = await house.status().catch(() => null);
      const pids = before.processes.map(({ pid }) => pid);
      return now !== null && now.processes.every(({ pid, state }) => !pids.includes(pid) && state === 'ready');
    });
    expect(new Set(await load.stop())).toEqual(new Set(['SMFIR_ACCEPT']));
  });

  it('answers a message that is being scanned when it is told to stop', async () => {
    house = await openHouse({ marked: true });
    const scanned = house.submit(MARKERS.busy);
    await waitUntil('the message to be in hand', SETTLE_MS, async () => {
      return (await house.status()).processes.some(({ inFlight }) => inFlight === 1);
    });
    const stopped = house.weir.stop();
    expect((await scanned).reply).toBe('SMFIR_ACCEPT');
    expect(await stopped).toBe(0);
  });

  it('survives few open files: connections over the cap are closed, others served, nothing spins', async () => {
    house = await openHouse({ workers: 1 });
    const { processes } = await house.status();
    const worker = processes.find(({ role }) => role === 'worker')?.pid ?? 0;
    await runCommand('prlimit', ['--pid', String(worker), '--nofile=160:160']);
    const idle = Array.from({ length: 300 }, () => net.connect(house.socket).on('error', () => undefined));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const spent = cpuMs(worker);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(cpuMs(worker) - spent).toBeLessThan(1_000);
    for (const socket of idle) socket.destroy();
    await waitUntil('mail to be taken again', SETTLE_MS, () =>
      house.submit('after').then(
        ({ reply }) => reply === 'SMFIR_ACCEPT',
        () => false,
      ),
    );
    expect((await house.status()).crashes).toBe(0);
  });
});

/** Processor time a process has used, ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
