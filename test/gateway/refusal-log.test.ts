// Refusals in the security log: nobody waits for them, none is lost in silence, a storm does not flood.
import { describe, expect, it } from 'vitest';
import {
  REFUSALS_PER_CLIENT_MAX,
  REFUSALS_WRITING_MAX,
  REFUSED_CLIENTS_MAX,
  RefusalLog,
  type RefusalEvent,
} from '../../gateway/refusal-log.js';
import type { LogEvent, SessionEvent } from '../../logs/event.js';

const refusal = (fields: Partial<RefusalEvent> = {}): RefusalEvent => ({
  ...{ sessionId: 'S', step: 'rcpt', clientAddress: '203.0.113.5', clientName: null, helo: 'x.test', login: null },
  ...{ mailFrom: 'a@outside.test', rcptTo: 'b@house.test', category: 'policy', event: 'reject: P', findings: [] },
  ...fields,
});

function makeLog(write?: (event: LogEvent) => Promise<void>) {
  const events: SessionEvent[] = [];
  const errors: object[] = [];
  let now = 1_000;
  const log = new RefusalLog({
    log: { write: write ?? (async (event) => void (event.kind === 'session' && events.push(event))) },
    clock: { now: () => (now += 1), monotonicMs: () => now },
    text: { error: (fields) => void errors.push(fields) },
  });
  return { log, events, errors };
}

describe('refusals', () => {
  it('are written one by one within a client’s share', async () => {
    const { log, events } = makeLog();
    expect(log.note(refusal())).toBe(true);
    expect(log.note(refusal({ rcptTo: 'c@house.test' }))).toBe(true);
    await log.close();
    expect(events.map(({ kind, time, rcptTo }) => [kind, time, rcptTo])).toEqual([
      ['session', 1_001, 'b@house.test'],
      ['session', 1_002, 'c@house.test'],
    ]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
  });

  it('of a storm are counted and told in one event when the window ends, other clients untouched', async () => {
    const { log, events } = makeLog();
    for (let i = 0; i < REFUSALS_PER_CLIENT_MAX + 30; i += 1)
      log.note(refusal({ category: i % 3 === 0 ? 'greylist' : 'policy' }));
    expect(log.note(refusal({ clientAddress: '203.0.113.6' }))).toBe(true);
    log.sweep();
    await log.close();
    expect(events).toHaveLength(REFUSALS_PER_CLIENT_MAX + 2);
    expect(events.at(-1)).toMatchObject({
      ...{ clientAddress: '203.0.113.5', category: 'policy', mailFrom: null, rcptTo: null },
      event: '30 more refusals of this client within 60 s, not listed one by one: policy 20, greylist 10',
    });
    // The next window begins anew.
    expect(log.note(refusal())).toBe(true);
    await log.close();
  });

  it('of ever new clients take a bounded count of counts', async () => {
    const { log, events } = makeLog();
    for (let i = 0; i < REFUSED_CLIENTS_MAX; i += 1)
      log.note(refusal({ clientAddress: `2001:db8::${i.toString(16)}` }));
    for (let i = 0; i < REFUSALS_PER_CLIENT_MAX + 5; i += 1)
      log.note(refusal({ clientAddress: `2001:db8:1::${i.toString(16)}` }));
    await log.close();
    const last = events.at(-1);
    expect(last).toMatchObject({ clientAddress: null });
    expect(last?.event).toMatch(/^\d+ more refusals of clients not counted apart/);
  });

  it('are counted, not piled up, while the log is slow', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((done) => (release = done));
    const written: LogEvent[] = [];
    const { log } = makeLog(async (event) => {
      await gate;
      written.push(event);
    });
    for (let i = 0; i < REFUSALS_WRITING_MAX + 10; i += 1)
      log.note(refusal({ clientAddress: `10.0.${i >> 8}.${i & 255}` }));
    release();
    await log.close();
    const whole = written.filter(({ kind }) => kind === 'session');
    const told = whole.filter((event) => event.kind === 'session' && event.event.includes('1 more refusals'));
    expect([whole.length, told.length]).toEqual([REFUSALS_WRITING_MAX + 10, 10]);
  });

  it('that the log takes nowhere are told in the text log', async () => {
    const { log, errors } = makeLog(() => Promise.reject(new Error('disk full')));
    log.note(refusal());
    await log.close();
    expect(errors).toMatchObject([{ refusal: { rcptTo: 'b@house.test' } }]);
  });
});
