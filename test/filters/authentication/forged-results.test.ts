// Which incoming Authentication-Results fields go: every spelling that somebody could read as ours, wherever it stands.
import { describe, expect, it } from 'vitest';
import { removeForgedResults } from '../../../filters/authentication/forged-results.js';
import { parseMessage } from '../../../message/parse.js';
import { applyEdits } from '../../../pipeline/edits.js';
import { cpuMsSince } from '../../ground/cpu.js';

const IDS = ['mx.house.test', 'xn--hus-qla.test'];
const BODY = '\r\n\r\nAuthentication-Results: mx.house.test; spf=pass\r\n';

/** The header that is left. */
function clean(...fields: readonly string[]): string {
  const raw = Buffer.from(`${fields.join('\r\n')}${BODY}`, 'utf8');
  const left = applyEdits(raw, removeForgedResults(parseMessage(raw), IDS)).toString('utf8');
  expect(left.endsWith('\r\nAuthentication-Results: mx.house.test; spf=pass\r\n')).toBe(true);
  return left.slice(0, left.indexOf('\r\n\r\n'));
}

describe('removed', () => {
  it.each([
    'Authentication-Results: mx.house.test; dkim=pass header.d=bank.test',
    'authentication-results: mx.house.test; dkim=pass',
    'AUTHENTICATION-RESULTS:mx.house.test;dkim=pass',
    'Authentication-Results : mx.house.test; dkim=pass',
    'Authentication-Results\t: mx.house.test; dkim=pass',
    'Authentication-Results: MX.House.TEST; dkim=pass',
    'Authentication-Results: mx.house.test 1; dkim=pass',
    'Authentication-Results: mx.house.test/1; dkim=pass',
    'Authentication-Results: mx.house.test.; dkim=pass',
    'Authentication-Results: "mx.house.test"; dkim=pass',
    'Authentication-Results: "mx.\\house.test"; dkim=pass',
    'Authentication-Results: (comment) mx.house.test; dkim=pass',
    'Authentication-Results: (a (nested; one)) mx.house.test; dkim=pass',
    'Authentication-Results: (unclosed mx.house.test; dkim=pass',
    'Authentication-Results: mx(x).house(y).test; dkim=pass',
    'Authentication-Results: mx .house .test; dkim=pass',
    'Authentication-Results:\r\n\tmx.house.test;\r\n\tdkim=pass',
    'Authentication-Results:\r\n (c)\r\n mx.house.test; dkim=pass',
    'Authentication-Results: mx.\r\n\thouse.test; dkim=pass',
    'Authentication-Results: mx.house.test dkim=pass',
    'Authentication-Results: mx.house.test',
    'Authentication-Results: mx.house.test, other.test; dkim=pass',
    'Authentication-Results: other.test mx.house.test; dkim=pass',
    'Authentication-Results: =?utf-8?q?mx.house.test?=; dkim=pass',
    'Authentication-Results: =?utf-8?b?bXguaG91c2UudGVzdA==?=; dkim=pass',
    'Authentication-Results: ｍｘ．house．test; dkim=pass',
    'Authentication-Results: mx。house。test; dkim=pass',
    'Authentication-Results: mx.ho\u200buse.test; dkim=pass',
    'Authentication-Results: mx.ho\u00aduse.test; dkim=pass',
    'Authentication-Results: mx.ho\x00use.test; dkim=pass',
    'Authentication-Results: häus.test; dkim=pass',
    'Authentication-Results: HÄUS.test; dkim=pass',
    'Authentication-Results: ; mx.house.test; dkim=pass',
    'Authentication-Results: ; dkim=pass',
    'Authentication-Results:',
    'Authentication-Results: <mx.house.test>; dkim=pass',
    "Authentication-Results: 'mx.house.test'; dkim=pass",
    `Authentication-Results: ${'('.repeat(5_000)} mx.house.test; dkim=pass`,
    `Authentication-Results:${' '.repeat(5_000)}mx.house.test; dkim=pass`,
  ])('%j', (field) => {
    expect(clean('From: a@away.test', field, 'Subject: x')).toBe('From: a@away.test\r\nSubject: x');
  });

  it('every one of many, top, middle and bottom', () => {
    const forged = 'Authentication-Results: mx.house.test; dkim=pass';
    expect(clean(forged, 'From: a@b.test', forged, forged, 'Subject: x', forged)).toBe('From: a@b.test\r\nSubject: x');
  });

  it('below the fields that the parser keeps', () => {
    const many = Array.from({ length: 2_100 }, (_, at) => `X-${at}: y`);
    expect(clean('From: a@b.test', ...many, 'Authentication-Results: mx.house.test; dkim=pass')).not.toContain(
      'dkim=pass',
    );
  });

  it('below a field whose name is longer than names are', () => {
    const left = clean('From: a@b.test', `X-${'a'.repeat(300)}: y`, 'X-Last: z');
    expect(left).toContain('X-Last');
    const raw = Buffer.from(
      `From: a@b.test\r\nX-${'a'.repeat(300)}: y\r\nAuthentication-Results: mx.house.test; dkim=pass\r\n\r\nx\r\n`,
    );
    expect(removeForgedResults(parseMessage(raw), IDS)).toEqual([
      { kind: 'delete-header', name: 'Authentication-Results', occurrence: 1 },
    ]);
  });

  it('behind a bare carriage return, which some readers take for a line end', () => {
    const left = clean(
      'From: a@b.test',
      'X-Note: harmless\rAuthentication-Results: mx.house.test; dkim=pass',
      'Subject: x',
    );
    expect(left).not.toContain('\rAuth');
    expect(left).toContain('X-Note: harmless Authentication-Results:');
  });
});

describe('left alone', () => {
  it.each([
    'Authentication-Results: other.test; dkim=pass header.d=mx.house.test',
    'Authentication-Results: mx.house.test.evil.test; dkim=pass',
    'Authentication-Results: notmx.house.test; spf=pass smtp.helo=mx.house.test',
    'Authentication-Results: house.test; dkim=pass',
    'Authentication-Results: other.test (mx2.house.test); dkim=pass',
    'ARC-Authentication-Results: i=1; mx.house.test; dkim=pass',
    'X-Authentication-Results: mx.house.test; dkim=pass',
    'X-Note: harmless\rX-Other: mx.house.test',
    'Subject: Authentication-Results: mx.house.test; dkim=pass',
  ])('%j', (field) => {
    const before = `From: a@away.test\r\n${field}\r\nSubject: x`;
    expect(clean(before)).toBe(before);
  });
});

it('is quick on what is made to be slow', () => {
  const nasty = ['(', '"', '\\', '=?utf-8?q?', ';', '\u200b', '\r\n '].map((piece) => piece.repeat(100_000));
  const started = process.cpuUsage();
  for (const value of nasty) {
    const raw = Buffer.from(`From: a@b.test\r\nAuthentication-Results: ${value}\r\n\r\nx\r\n`);
    expect(removeForgedResults(parseMessage(raw), IDS)).toHaveLength(1);
  }
  expect(cpuMsSince(started)).toBeLessThan(5_000);
});
