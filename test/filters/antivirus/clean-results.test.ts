// The memory of clean results and the cap on connections.
import { describe, expect, it } from 'vitest';
import { CleanResults } from '../../../filters/antivirus/clean-results.js';
import { ConnectionSlots } from '../../../filters/antivirus/connection-slots.js';

describe('clean results', () => {
  const make = (fields: { entriesMax?: number; ttlMs?: number } = {}) => {
    const time = { ms: 0 };
    return { time, clean: new CleanResults({ entriesMax: 3, ttlMs: 1_000, ...fields }, () => time.ms) };
  };

  it('holds for its version and its time', () => {
    const { clean, time } = make();
    clean.useVersion('A');
    clean.add('hash', 'A');
    time.ms = 999;
    expect(clean.has('hash')).toBe(true);
    time.ms = 1_000;
    expect(clean.has('hash')).toBe(false);
  });

  it('forgets everything on new signatures, and takes nothing found under older ones', () => {
    const { clean } = make();
    clean.useVersion('A');
    clean.add('hash', 'A');
    clean.useVersion('B');
    expect(clean.has('hash')).toBe(false);
    clean.add('late', 'A');
    expect(clean.has('late')).toBe(false);
  });

  it('drops the oldest beyond its size, and keeps none when set so', () => {
    const { clean } = make();
    clean.useVersion('A');
    for (const hash of ['1', '2', '1', '3', '4']) clean.add(hash, 'A');
    expect(['1', '2', '3', '4'].map((hash) => clean.has(hash))).toEqual([true, false, true, true]);
    const off = make({ entriesMax: 0 }).clean;
    off.useVersion('A');
    off.add('1', 'A');
    expect(off.size).toBe(0);
  });
});

describe('connection slots', () => {
  const never = () => new AbortController().signal;

  it('lets so many work at once and the rest in order', async () => {
    const slots = new ConnectionSlots(2);
    let now = 0;
    let most = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        slots.run(5_000, never(), async () => {
          order.push(index);
          most = Math.max(most, ++now);
          await new Promise((resolve) => setTimeout(resolve, 1));
          now -= 1;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('gives the slot back after a failure, and to nobody who has gone', async () => {
    const slots = new ConnectionSlots(1);
    await expect(slots.run(100, never(), () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    let free: () => void = () => undefined;
    const held = slots.run(100, never(), () => new Promise<void>((resolve) => (free = resolve)));
    await expect(slots.run(20, never(), () => Promise.resolve())).rejects.toMatchObject({ code: 'timeout' });
    const controller = new AbortController();
    const waiting = slots.run(1_000, controller.signal, () => Promise.resolve());
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    await expect(slots.run(1_000, controller.signal, () => Promise.resolve())).rejects.toMatchObject({
      code: 'aborted',
    });
    free();
    await held;
    await expect(slots.run(100, never(), () => Promise.resolve('mine'))).resolves.toBe('mine');
  });
});
