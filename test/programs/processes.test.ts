// The parts of the process model by themselves: identities, life files, suspects, the guard around the gateway, back-off.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Child, Death } from '../../programs/child.js';
import { ALONE_WAITING_MAX, createGuard, UNPROCESSABLE, type GuardDeps } from '../../programs/guard.js';
import {
  HEARTBEAT_MS,
  identifyContent,
  LifeFile,
  readHeartbeat,
  readLife,
  SLOTS_MAX,
} from '../../programs/in-flight.js';
import type { AloneOutcome } from '../../programs/scan-alone.js';
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, Slot, STEADY_MS } from '../../programs/slot.js';
import { StandIns } from '../../programs/stand-in.js';
import { Suspects } from '../../programs/suspects.js';
import type { MilterHandler } from '../../milter/handler.js';
import type { ScanJob, ScanResult } from '../../pipeline/run.js';
import type { NewQuarantineEntry, Quarantine } from '../../quarantine/quarantine.js';
import { makeTransaction } from '../ground/transaction.js';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-processes-'));
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true, force: true });
});

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('identity of a message', () => {
  const same = (a: string, b: string): boolean => identifyContent(bytes(a)) === identifyContent(bytes(b));

  it('leaves Received and Return-Path out, folded lines with them', () => {
    const plain = 'Subject: a\r\nFrom: x\r\n\r\nbody\r\n';
    expect(same(plain, `Received: from a\r\n\tby b\r\n ; date\r\n${plain}`)).toBe(true);
    expect(same(plain, `RETURN-PATH:<a@b>\r\nSubject: a\r\nreceived: z\r\nFrom: x\r\n\r\nbody\r\n`)).toBe(true);
    expect(same(plain.replaceAll('\r', ''), `Received: q\n${plain.replaceAll('\r', '')}`)).toBe(true);
  });

  it('differs for everything else', () => {
    expect(same('Subject: a\r\n\r\nx', 'Subject: b\r\n\r\nx')).toBe(false);
    expect(same('Subject: a\r\n\r\nx', 'Subject: a\r\n\r\ny')).toBe(false);
    expect(same('Receivedx: a\r\n\r\nx', 'Receivedx: b\r\n\r\nx')).toBe(false);
    expect(same('Subject: a\r\n\r\nReceived: a', 'Subject: a\r\n\r\nReceived: b')).toBe(false);
  });

  it('takes any bytes, and long ones in linear time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (raw) => {
        expect(identifyContent(Buffer.from(raw))).toMatch(/^[0-9a-f]{64}$/);
      }),
    );
    const before = performance.now();
    identifyContent(bytes('Received: a\n'.repeat(2_000_000)));
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

describe('life file', () => {
  it('shows what is in hand, and no longer what was', () => {
    const path = join(dir, 'a.life');
    const life = new LifeFile(path, () => ({ connections: 7 }));
    const [one, two] = [identifyContent(bytes('one')), identifyContent(bytes('two'))];
    const letGo = life.hold(one);
    life.hold(two);
    expect(readLife(path)?.identities.toSorted()).toEqual([one, two].toSorted());
    letGo?.();
    letGo?.();
    expect(readLife(path)?.identities).toEqual([two]);
    expect(readLife(path)?.connections).toBe(7);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    life.close();
  });

  it('beats while the event loop turns and stands still with it', async () => {
    const path = join(dir, 'b.life');
    const life = new LifeFile(path, () => ({ connections: 0 }));
    const first = readHeartbeat(path)?.beat ?? 0;
    await expect.poll(() => readHeartbeat(path)?.beat ?? 0, { timeout: 5_000 }).toBeGreaterThan(first + 1);
    const before = readHeartbeat(path)?.beat;
    const until = performance.now() + 3 * HEARTBEAT_MS;
    while (performance.now() < until);
    expect(readHeartbeat(path)?.beat).toBe(before);
    life.close();
  });

  it('gives no slot beyond its number, and the slot of a message that left again', () => {
    const life = new LifeFile(join(dir, 'c.life'), () => ({ connections: 0 }));
    const held = Array.from({ length: SLOTS_MAX }, (_, index) => life.hold(identifyContent(bytes(String(index)))));
    expect(held).not.toContain(null);
    expect(life.hold(identifyContent(bytes('x')))).toBeNull();
    held[5]?.();
    expect(life.hold(identifyContent(bytes('x')))).not.toBeNull();
    life.close();
  });

  it('is nothing when there is none, or another file', () => {
    expect(readLife(join(dir, 'none'))).toBeNull();
    writeFileSync(join(dir, 'other'), 'x'.repeat(200));
    expect(readLife(join(dir, 'other'))).toBeNull();
    expect(readHeartbeat(join(dir, 'other'))).toBeNull();
  });
});

describe('suspects', () => {
  const id = (index: number): string => identifyContent(bytes(String(index)));
  const limits = { countMax: 3, keepMs: 1_000 };

  it('outlive the process, are bounded, and are forgotten after their time', () => {
    const path = join(dir, 'suspects.json');
    const first = new Suspects(path, limits);
    first.add([id(1), id(2)], 100);
    first.add([id(3), id(4)], 500);
    expect(first.current(500)).toEqual([id(2), id(3), id(4)]);
    const second = new Suspects(path, limits);
    expect(second.load(600)).toBeNull();
    expect(second.current(600)).toEqual([id(2), id(3), id(4)]);
    second.clear(id(3));
    const third = new Suspects(path, limits);
    third.load(600);
    expect(third.current(1_101)).toEqual([id(4)]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('say so when their file is no good, and take only what is an identity', () => {
    const path = join(dir, 'suspects.json');
    writeFileSync(path, '{"a":');
    expect(new Suspects(path, limits).load(0)).toMatch(/could not be read/);
    writeFileSync(path, '{"a":1}');
    expect(new Suspects(path, limits).load(0)).toMatch(/not a list/);
    writeFileSync(path, JSON.stringify([['../../x', 1], [id(1), 5], [id(2), 'x'], 7, null, [id(3), 9_999]]));
    const suspects = new Suspects(path, limits);
    expect(suspects.load(10)).toBeNull();
    expect(suspects.current(10)).toEqual([id(1)]);
  });
});

describe('guard', () => {
  const result: ScanResult = {
    findings: [],
    edits: [],
    subRules: ['alone'],
    sealBasis: null,
    stageMs: {},
    totalMs: 1,
    broken: [],
    exempts: [],
  };
  const accept = { answer: { kind: 'accept' as const, edits: [] } };

  function makeGuard(outcome: () => Promise<AloneOutcome>, over: Partial<GuardDeps> = {}) {
    const told: string[] = [];
    const life = new LifeFile(join(dir, `${Math.random()}.life`), () => ({ connections: 0 }));
    const guard = createGuard({
      life,
      aloneMax: () => 1,
      scanAlone: outcome,
      onCleared: (identity) => told.push(`cleared ${identity}`),
      onCondemned: (identity) => told.push(`condemned ${identity}`),
      ...over,
    });
    return { guard, told };
  }

  /** A gateway that scans what it is given. */
  function gateway(
    scan: (job: ScanJob) => Promise<ScanResult>,
    seen: { content: Buffer; result: ScanResult }[],
  ): MilterHandler {
    return {
      async onMessage(transaction) {
        seen.push({ content: transaction.content, result: await scan({ transaction } as ScanJob) });
        return accept;
      },
    };
  }

  const signal = new AbortController().signal;
  const normal: ScanResult = { ...result, subRules: ['here'] };

  it('lets what is no suspect through untouched', async () => {
    const { guard } = makeGuard(() => Promise.reject(new Error('not to be called')));
    const seen: { content: Buffer; result: ScanResult }[] = [];
    const transaction = makeTransaction('Subject: a\r\n\r\nb\r\n');
    await guard
      .handler(
        gateway(
          guard.scan(async () => normal),
          seen,
        ),
      )
      .onMessage(transaction, signal);
    expect(seen).toEqual([{ content: transaction.content, result: normal }]);
  });

  it('takes the findings of a suspect that survived alone, and clears it', async () => {
    const { guard, told } = makeGuard(async () => ({ kind: 'survived', result }));
    const seen: { content: Buffer; result: ScanResult }[] = [];
    const transaction = makeTransaction('Subject: a\r\n\r\nb\r\n');
    const identity = identifyContent(transaction.content);
    guard.setSuspects([identity]);
    const handler = guard.handler(
      gateway(
        guard.scan(async () => normal),
        seen,
      ),
    );
    await handler.onMessage(transaction, signal);
    await handler.onMessage(makeTransaction('Subject: a\r\n\r\nb\r\n'), signal);
    expect(seen.map((one) => one.result.subRules[0])).toEqual(['alone', 'here']);
    expect(told).toEqual([`cleared ${identity}`]);
  });

  it('never hands on the content of one that was killed alone, and keeps and logs the original', async () => {
    const { guard, told } = makeGuard(async () => ({ kind: 'killed', reason: 'the process was ended by SIGKILL' }));
    const seen: { content: Buffer; result: ScanResult }[] = [];
    const kept: NewQuarantineEntry[] = [];
    const logged: string[] = [];
    const store = guard.standIns.quarantine({
      add: async (entry: NewQuarantineEntry) => String(kept.push(entry)),
    } as unknown as Quarantine);
    const log = guard.standIns.log({ write: async (event) => void logged.push(JSON.stringify(event)) });
    const transaction = makeTransaction('Subject: a\r\nX-Poison: 1\r\nMessage-ID: <q@x>\r\n\r\nSubject: poison\r\n');
    guard.setSuspects([identifyContent(transaction.content)]);
    const inner = gateway(
      guard.scan(async () => normal),
      seen,
    );
    await guard
      .handler({
        async onMessage(given, abort) {
          await store.add({ content: given.content } as NewQuarantineEntry);
          const { createHash } = await import('node:crypto');
          const contentSha256 = createHash('sha256').update(given.content).digest('hex');
          await log.write({ kind: 'message', contentSha256 } as never);
          return inner.onMessage(given, abort);
        },
      })
      .onMessage(transaction, signal);
    expect(seen[0]?.content.toString()).toBe('Subject: a\r\nMessage-ID: <q@x>\r\n\r\n');
    expect(seen[0]?.result.findings).toMatchObject([{ id: UNPROCESSABLE, category: 'unprocessable', score: 1 }]);
    expect(kept[0]?.content).toBe(transaction.content);
    const { createHash } = await import('node:crypto');
    expect(logged[0]).toContain(createHash('sha256').update(transaction.content).digest('hex'));
    expect(told[0]).toMatch(/^condemned/);
  });

  it('passes on a failure that is not the deed of the message: no verdict, still suspect', async () => {
    const { guard, told } = makeGuard(() => Promise.reject(new Error('no room for a process')));
    const transaction = makeTransaction('a: b\r\n\r\n');
    guard.setSuspects([identifyContent(transaction.content)]);
    const handler = guard.handler(
      gateway(
        guard.scan(async () => normal),
        [],
      ),
    );
    await expect(handler.onMessage(transaction, signal)).rejects.toThrow('no room');
    expect(told).toEqual([]);
  });

  it('puts off suspects beyond the line of those that wait', async () => {
    const { guard } = makeGuard(() => new Promise(() => undefined));
    const mail = (index: number) => makeTransaction(`a: ${index}\r\n\r\n`);
    const all = Array.from({ length: ALONE_WAITING_MAX + 2 }, (_, index) => mail(index));
    guard.setSuspects(all.map(({ content }) => identifyContent(content)));
    const handler = guard.handler(
      gateway(
        guard.scan(async () => normal),
        [],
      ),
    );
    for (const transaction of all.slice(0, -1)) void handler.onMessage(transaction, signal);
    const last = all.at(-1) ?? mail(0);
    expect(await handler.onMessage(last, signal)).toMatchObject({ answer: { kind: 'tempfail', reply: { code: 451 } } });
  });

  it('puts off a message when no slot of the life file is free', async () => {
    const { guard } = makeGuard(() => Promise.reject(new Error('unused')), { life: { hold: () => null } });
    const handler = guard.handler(gateway(async () => normal, []));
    expect(await handler.onMessage(makeTransaction('a: b\r\n\r\n'), signal)).toMatchObject({
      answer: { kind: 'tempfail' },
    });
  });

  it('makes stand-ins of anything without control characters or a body', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (raw) => {
        const { content } = new StandIns().make(Buffer.concat([bytes('Subject: '), Buffer.from(raw)]));
        expect(content.toString('latin1')).toMatch(/^Subject:[ -~]*\r\n\r\n$/);
      }),
    );
  });
});

describe('slot', () => {
  const death: Death = { reason: 'test', orderly: false, identities: [] };

  /** Stands for a process; ready at once unless told otherwise. */
  function fakeChild(ready: Promise<void> = Promise.resolve()): Child {
    let gone!: () => void;
    const ended = new Promise<void>((resolve) => (gone = resolve));
    const child = { startedAt: Date.now(), ready, isReady: true, dismissed: '', gone, ended };
    return Object.assign(child, { dismiss: (kind: string) => void (child.dismissed = kind) }) as unknown as Child;
  }

  it('waits twice as long at every death in a row, up to a bound, and forgets the row after a steady minute', async () => {
    vi.useFakeTimers();
    const waits: number[] = [];
    let current = fakeChild();
    let steady = 0;
    const slot = new Slot('worker', 1, {
      launch: () => (current = fakeChild()),
      onLoss: (_slot, _death, _row, waitMs) => void waits.push(waitMs),
      onSteady: () => void (steady += 1),
    });
    await slot.open();
    for (let round = 0; round < 12; round += 1) {
      slot.lost(current, death);
      const dead = current;
      await vi.advanceTimersByTimeAsync((waits.at(-1) ?? 0) - 1);
      expect(current).toBe(dead);
      await vi.advanceTimersByTimeAsync(1);
      expect(current).not.toBe(dead);
    }
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8].map((factor) => factor * BACKOFF_FIRST_MS));
    expect(waits.at(-1)).toBe(BACKOFF_MAX_MS);
    await vi.advanceTimersByTimeAsync(STEADY_MS);
    expect(steady).toBe(1);
    slot.lost(current, death);
    expect(waits.at(-1)).toBe(BACKOFF_FIRST_MS);
  });

  it('keeps the old process when the new one never gets ready', async () => {
    const children = [fakeChild(), fakeChild(Promise.reject(new Error('no port')))];
    const [old] = children;
    const slot = new Slot('worker', 1, {
      launch: () => children.shift() ?? fakeChild(),
      onLoss: () => undefined,
      onSteady: () => undefined,
    });
    await slot.open();
    await expect(slot.replace(10)).rejects.toThrow('no port');
    expect(slot.active).toBe(old);
    expect((old as unknown as { dismissed: string }).dismissed).toBe('');
  });

  it('lets the old process go only when the new one is ready', async () => {
    let become!: () => void;
    const children = [fakeChild(), fakeChild(new Promise((resolve) => (become = resolve)))];
    const [old, next] = children;
    const slot = new Slot('worker', 1, {
      launch: () => children.shift() ?? fakeChild(),
      onLoss: () => undefined,
      onSteady: () => undefined,
    });
    await slot.open();
    const replaced = slot.replace(10);
    await Promise.resolve();
    expect((old as unknown as { dismissed: string }).dismissed).toBe('');
    become();
    await replaced;
    expect((old as unknown as { dismissed: string }).dismissed).toBe('drain');
    expect(slot.active).toBe(next);
  });

  it('starts nothing any more once closed', async () => {
    vi.useFakeTimers();
    let launched = 0;
    const child = fakeChild();
    const slot = new Slot('worker', 1, {
      launch: () => {
        launched += 1;
        return child;
      },
      onLoss: () => undefined,
      onSteady: () => undefined,
    });
    await slot.open();
    const closed = slot.close('stop', 5);
    slot.lost(child, { ...death, orderly: true });
    await closed;
    await vi.advanceTimersByTimeAsync(BACKOFF_MAX_MS * 2);
    expect(launched).toBe(1);
  });
});
