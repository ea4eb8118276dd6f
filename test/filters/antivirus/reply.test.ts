// What clamd says, read three ways: only the exact words are clean or infected.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readScanReply, readVersion } from '../../../filters/antivirus/reply.js';
import { parseServerAddress, SERVER_ADDRESS_PATTERN } from '../../../filters/antivirus/server-address.js';

describe('scan replies', () => {
  it.each([
    ['stream: OK', { kind: 'clean' }],
    ['stream: Win.Test.EICAR_HDB-1 FOUND', { kind: 'infected', signature: 'Win.Test.EICAR_HDB-1' }],
    ['INSTREAM size limit exceeded. ERROR', { kind: 'over-limit' }],
  ])('%s', (reply, expected) => {
    expect(readScanReply(reply)).toEqual(expected);
  });

  it.each([
    ['', 'garbage'],
    ['OK', 'garbage'],
    ['stream: OK ', 'garbage'],
    ['stream: ok', 'garbage'],
    ['stream: OK\n', 'garbage'],
    ['x: OK', 'garbage'],
    ['stream: FOUND', 'garbage'],
    ['stream: a b FOUND', 'garbage'],
    ['stream: a\u001bb FOUND', 'garbage'],
    ['COMMAND READ TIMED OUT', 'garbage'],
    ['stream: Time limit reached ERROR', 'engine'],
    ['UNKNOWN COMMAND ERROR', 'engine'],
  ])('%j is an error', (reply, code) => {
    expect(() => readScanReply(reply)).toThrow(expect.objectContaining({ name: 'EngineError', code }) as Error);
  });

  it('of all strings only one is clean', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `stream: ${text}OK`),
        ),
        (reply) => {
          fc.pre(reply !== 'stream: OK');
          try {
            expect(readScanReply(reply).kind).not.toBe('clean');
          } catch (error) {
            expect(error).toMatchObject({ name: 'EngineError' });
          }
        },
      ),
    );
  });
});

describe('versions', () => {
  it('reads engine, number and time', () => {
    const version = readVersion('ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2026');
    expect(version).toMatchObject({ engine: 'ClamAV 1.4.6', signatures: 27_500 });
    expect(version.signaturesTime).toBe(new Date(2026, 10, 21, 9).getTime());
  });

  it("reads an engine with signatures of one's own only", () => {
    expect(readVersion('ClamAV 1.4.6')).toMatchObject({ signatures: null, signaturesTime: null });
  });

  it.each(['', 'PONG', 'ClamAV', 'ClamAV 1\u001b[2J', 'HTTP/1.1 200 OK'])('%j is an error', (reply) => {
    expect(() => readVersion(reply)).toThrow(expect.objectContaining({ code: 'garbage' }) as Error);
  });
});

describe('addresses', () => {
  it.each([
    ['unix:/run/clamav/clamd.ctl', { path: '/run/clamav/clamd.ctl' }],
    ['tcp:127.0.0.1:3310', { host: '127.0.0.1', port: 3310 }],
    ['tcp:[::1]:3310', { host: '::1', port: 3310 }],
    ['tcp:scanner.example:1', { host: 'scanner.example', port: 1 }],
  ])('%s', (text, expected) => {
    expect(text).toMatch(new RegExp(SERVER_ADDRESS_PATTERN));
    expect(parseServerAddress(text)).toEqual(expected);
  });

  it.each(['', '127.0.0.1:3310', 'tcp::3310', 'tcp:host', 'tcp:host:0', 'tcp:host:99999', 'http://host:1'])(
    '%j is refused',
    (text) => {
      expect(() => parseServerAddress(text)).toThrow(RangeError);
    },
  );
});
