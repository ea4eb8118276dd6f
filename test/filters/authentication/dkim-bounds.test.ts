// DKIM on hostile mail: what is looked at is bounded, and the event loop is held for a moment only.
import { describe, expect, test } from 'vitest';
import { verifyDkim } from '../../../filters/authentication/dkim.js';
import { parseMessage } from '../../../message/parse.js';
import type { Resolver } from '../../../outside/resolver.js';
import { HEADER, MAIL, NOW_MS, RSA, signed, verify, verifyOne } from './signing.js';
import { countTurns } from './turns.js';

describe('bounds', () => {
  test('no signature: nothing is looked up', async () => {
    const resolver = { lookup: () => Promise.reject(new Error('asked')) } as Resolver;
    expect(await verify(MAIL, {}, { resolver })).toEqual([]);
  });

  test('a thousand signatures: ten are looked at, the rest has one entry', async () => {
    const one = signed(MAIL).slice(0, -MAIL.length);
    const results = await verify(`${one.repeat(1_000)}${MAIL}`);
    expect(results).toHaveLength(11);
    expect(results.slice(0, 10).every(({ result }) => result === 'pass')).toBe(true);
    expect(results[10]).toMatchObject({
      result: 'policy',
      problem: expect.stringContaining('990') as string,
      alignment: null,
    });
  });

  test('a header over the limits: what is signed cannot be known', async () => {
    const padding = 'X-Pad: y\r\n'.repeat(2_500);
    expect(await verifyOne(`${signed(MAIL).replace('\r\nFrom', `\r\n${padding}From`)}`)).toMatchObject({
      result: 'permerror',
    });
  });

  const huge: readonly (readonly [string, () => string | Buffer])[] = [
    [
      'a folded header of 1 MB',
      () => signed(`X-Long: a${'\r\n b'.repeat(250_000)}\r\n${MAIL}`, { headers: 'from:x-long' }),
    ],
    ['h= of 1,999 names', () => signed(MAIL, { headers: `from${':x-none'.repeat(1_998)}` })],
    ['h= without end', () => signed(MAIL, { headers: `from${':a'.repeat(400_000)}` })],
    ['semicolons', () => `DKIM-Signature: ${'a=b;'.repeat(200_000)}\r\n${MAIL}`],
    ['blanks in the signature', () => `DKIM-Signature: v=1;${' '.repeat(900_000)}x\r\n${MAIL}`],
    ['folds in the signature', () => `DKIM-Signature: v=1;${'\r\n '.repeat(200_000)}x=1\r\n${MAIL}`],
    ['25 MB of blanks, relaxed', () => bigBody(Buffer.alloc(25_000_000, ' '))],
    [
      '25 MB of empty lines and a word',
      () => bigBody(Buffer.concat([Buffer.alloc(25_000_000, '\r\n'), Buffer.from('x')])),
    ],
    ['25 MB of line feeds', () => bigBody(Buffer.alloc(25_000_000, '\n'))],
    ['25 MB of blanks and letters by turns', () => bigBody(Buffer.alloc(25_000_000, ' a'))],
  ];
  test.each(huge)('%s holds the event loop for a moment only', { timeout: 60_000 }, async (_, make) => {
    const mail = make();
    const message = parseMessage(typeof mail === 'string' ? Buffer.from(mail, 'latin1') : mail);
    // Reading the message is not what is measured.
    expect(message.tokens.bytes).toBe(message.raw);
    const turns = countTurns();
    const resolver = {
      lookup: () => Promise.resolve({ status: 'found', records: [[RSA.record]], ttlS: 9, stale: false }),
    } as unknown as Resolver;
    await verifyDkim({ message, resolver, signal: new AbortController().signal, nowMs: NOW_MS, fromDomain: null });
    const { longestMs, wholeMs } = turns.end();
    if (process.env['WEIR_SHOW'] === '1')
      process.stderr.write(`${_}: ${wholeMs.toFixed(0)} ms of CPU, ${longestMs.toFixed(0)} at once\n`);
    expect(longestMs).toBeLessThan(500);
    expect(wholeMs).toBeLessThan(6_000);
  });
});

function bigBody(body: Buffer): Buffer {
  const field = signed(MAIL).slice(0, -MAIL.length);
  return Buffer.concat([Buffer.from(`${field}${HEADER}\r\n\r\n`, 'latin1'), body]);
}
