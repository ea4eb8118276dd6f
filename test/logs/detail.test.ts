// The packed part of a log row: short ones as text, long ones deflated, both read back as they were.
import { describe, expect, it } from 'vitest';
import { DEFLATE_MIN_CHARS, packDetail, unpackDetail } from '../../logs/detail.js';

describe('packDetail', () => {
  it('leaves a short detail as text', () => {
    const detail = { country: null, findings: [['rules', 'spam', null, 'SUBJECT_É\u0000', 1.5, 'a\ud800b', null]] };
    const packed = packDetail(detail);
    expect(packed).toBe(JSON.stringify(detail));
    expect(unpackDetail(packed)).toEqual(detail);
  });

  it('deflates from its mark on', () => {
    for (const chars of [DEFLATE_MIN_CHARS - 1, DEFLATE_MIN_CHARS]) {
      const text = 'x'.repeat(chars - 2);
      const packed = packDetail(text);
      expect(typeof packed).toBe(chars < DEFLATE_MIN_CHARS ? 'string' : 'object');
      expect(unpackDetail(packed)).toBe(text);
    }
  });

  it('reads short details that were deflated before', () => {
    // {"country":null,"tls":null} under format 1.
    const stored = Buffer.from('01abc6e9ab5a00', 'hex');
    expect(unpackDetail(new Uint8Array(stored))).toEqual({ country: null, tls: null });
  });

  it('refuses bytes of another format', () => {
    expect(() => unpackDetail(new Uint8Array([9, 1, 2]))).toThrow('unknown format 9');
  });
});
