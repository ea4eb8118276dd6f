// Processes killed amid work on all stores: what was acknowledged is there, and everything that was to be sent arrives.
import { expect, onTestFinished, test } from 'vitest';
import { startSink } from '../ground/sink.js';
import { makeDir } from '../logs/fixtures.js';
import { open, runAndKill, securityIds, settings, type Told } from './stores-ground.js';

test(
  'two processes killed again and again: log, quarantine and outbox keep what they acknowledged',
  { timeout: 120_000 },
  async () => {
    const dir = await makeDir();
    const sink = await startSink();
    onTestFinished(() => sink.stop());
    const given = settings(dir, sink.port);
    const all: Told = new Map();
    for (let round = 0; round < 3; round += 1) {
      const told = await runAndKill(
        given,
        [`a${String(round)}`, `b${String(round)}`],
        (so) => (so.get('log')?.length ?? 0) > 60 && (so.get('sent')?.length ?? 0) > 20,
      );
      for (const [kind, ids] of told) all.set(kind, [...(all.get(kind) ?? []), ...ids]);
    }
    expect(all.get('refused')).toBeUndefined();
    const stores = await open(given);
    const logged = await securityIds(stores);
    expect(all.get('log')?.filter((id) => !logged.has(id))).toEqual([]);
    for (const id of all.get('held') ?? []) expect(await stores.quarantine.content(id), id).not.toBeNull();
    const { runner } = await stores.startWork();
    const recipients = new Set(all.get('sent'));
    expect(recipients.size).toBeGreaterThan(60);
    const arrived = (): ReadonlySet<string> => new Set(sink.mails.flatMap(({ rcptTo }) => rcptTo));
    // The dead runner's lease must run out first.
    const end = Date.now() + 60_000;
    while ([...recipients].some((one) => !arrived().has(one)) && Date.now() < end) {
      await runner.runOnce();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const there = arrived();
    expect([...recipients].filter((one) => !there.has(one))).toEqual([]);
  },
);
