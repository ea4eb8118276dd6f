// Pass records: what is due, what is added, what a damaged record counts for. Pure functions and a table's reader.
import { describe, expect, it } from 'vitest';
import { addPasses, PASS_TABLE, testsDue, type PassRecord } from '../../screen/passes.js';

const NOW = 1_750_000_000_000;
const record = (values: Partial<PassRecord> = {}): PassRecord => ({
  pregreet: 0,
  dnsbl: 0,
  pipelining: 0,
  nonSmtp: 0,
  bareNewline: 0,
  ...values,
});

describe('a pass record', () => {
  it('says which of the tests in force are due', () => {
    expect([...testsDue(null, ['pregreet', 'dnsbl'], NOW)]).toEqual(['pregreet', 'dnsbl']);
    expect([...testsDue(record({ pregreet: NOW + 1 }), ['pregreet', 'dnsbl'], NOW)]).toEqual(['dnsbl']);
    expect([...testsDue(record({ pregreet: NOW, dnsbl: NOW + 1 }), ['pregreet', 'dnsbl'], NOW)]).toEqual(['pregreet']);
  });

  it('makes a test that was switched on since due, and forgets none that was switched off', () => {
    const passed = record({ pregreet: NOW + 10 });
    expect([...testsDue(passed, ['pregreet', 'pipelining'], NOW)]).toEqual(['pipelining']);
    expect([...testsDue(passed, [], NOW)]).toEqual([]);
  });

  it('takes the later end of two, and ends with the last', () => {
    const change = addPasses(
      record({ pregreet: NOW + 500, dnsbl: NOW + 100 }),
      new Map([
        ['pregreet', NOW + 50],
        ['dnsbl', NOW + 300],
      ]),
      NOW,
    );
    expect(change).toEqual({
      kind: 'write',
      value: record({ pregreet: NOW + 500, dnsbl: NOW + 300 }),
      ttlMs: 500,
      result: null,
    });
  });

  it('that would be over already is not written', () => {
    expect(addPasses(null, new Map([['dnsbl', NOW]]), NOW)).toEqual({ kind: 'keep', result: null });
  });

  it.each([null, 1, 'text', [], { pregreet: 'soon' }, { pregreet: Number.NaN }, { dnsbl: null }])(
    'of another kind (%j) counts as none, or as nothing passed',
    (kept) => {
      const read = PASS_TABLE.read(kept);
      expect(read === null || Object.values(read).every((until) => until === 0)).toBe(true);
    },
  );

  it('comes back as it was kept', () => {
    const kept = record({ pregreet: NOW, bareNewline: NOW + 5 });
    expect(PASS_TABLE.read(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
    expect(PASS_TABLE.read({ pregreet: NOW })).toEqual(record({ pregreet: NOW }));
  });
});
