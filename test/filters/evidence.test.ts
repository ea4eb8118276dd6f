// Evidence: whatever a name holds, what is shown is one bounded line that no terminal, page or log takes for more.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVIDENCE_MAX_CHARS, joinEvidence, NAME_SHOWN_MAX_CHARS, showName, showWord } from '../../filters/evidence.js';

describe('showName', () => {
  it('leaves plain and foreign names as they are', () => {
    expect(showName('Rechnung März.pdf')).toBe('"Rechnung März.pdf"');
    expect(showName('請求書.pdf')).toBe('"請求書.pdf"');
  });

  it('writes out what cannot be seen', () => {
    expect(showName('a\u202egpj.exe')).toBe('"a\\u{202e}gpj.exe"');
    expect(showName('a\r\nb\u001b[31m\0')).toBe('"a\\u{d}\\u{a}b\\u{1b}[31m\\u{0}"');
    expect(showName('say "hi" \\')).toBe('"say \\u{22}hi\\u{22} \\u{5c}"');
    expect(showName('\ud800')).toBe('"\\u{d800}"');
  });

  it('cuts at its limit', () => {
    expect(showName('x'.repeat(500))).toBe(`"${'x'.repeat(NAME_SHOWN_MAX_CHARS)}…"`);
  });

  it('never lets a control, format or line character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(showName(name)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(showName(name).slice(1, -1)).not.toContain('"');
      }),
      { numRuns: 500 },
    );
  });
});

it('showWord keeps printable ASCII only', () => {
  expect(showWord('Win.Trojan-1 \n\u001b')).toBe('Win.Trojan-1???');
});

describe('joinEvidence', () => {
  it('joins, and counts what it leaves out', () => {
    expect(joinEvidence(['a', 'b'])).toBe('a; b');
    const many = joinEvidence(Array.from({ length: 100 }, (_, index) => `file number ${index}`));
    expect(many).toMatch(/; and \d+ more$/);
    expect(many.length).toBeLessThan(EVIDENCE_MAX_CHARS + 20);
    expect(joinEvidence(['y'.repeat(2_000)])).toHaveLength(EVIDENCE_MAX_CHARS);
  });
});
