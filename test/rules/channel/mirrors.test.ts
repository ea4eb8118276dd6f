// The list of mirrors, checksums and keyrings of a channel, read from text that strangers wrote.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checksumHolds } from '../../../rules/channel/checksum.js';
import { versionName } from '../../../rules/channel/channel.js';
import { readKeyring } from '../../../rules/channel/keyring.js';
import { drawMirrors, readMirrors } from '../../../rules/channel/mirrors.js';
import { PROJECT_CHANNEL, PROJECT_FINGERPRINTS, PROJECT_KEYRING } from '../../../rules/channel/project-key.js';

describe('a list of mirrors', () => {
  it('is one address a line with its weight; comments and other schemes are left out', () => {
    const text = `# test mirror: zone\nhttp://a.test/updates/ weight=10\n\nhttps://b.test//   # no weight\r
ftp://c.test/\nhttp://d.test/ country=de weight=2 weight=7\nhttp://e.test/ weight=-5\nhttp://a.test/updates weight=3\n`;
    expect(readMirrors(text)).toEqual([
      { url: 'http://a.test/updates', weight: 3 },
      { url: 'https://b.test', weight: 1 },
      { url: 'http://d.test', weight: 7 },
      { url: 'http://e.test', weight: 1 },
    ]);
  });

  it('is bounded', () => {
    expect(readMirrors('http://a.test/\n'.repeat(5))).toHaveLength(1);
    const many = Array.from({ length: 1_000 }, (_, at) => `http://m${at}.test/`).join('\n');
    expect(readMirrors(many)).toHaveLength(200);
    expect(drawMirrors(readMirrors(many), () => 0.5)).toHaveLength(6);
  });

  it('is drawn by weight, each mirror once', () => {
    const mirrors = readMirrors('http://a.test weight=1\nhttp://b.test weight=8\nhttp://c.test weight=1\n');
    const drawn = (number: number): readonly string[] => drawMirrors(mirrors, () => number);
    expect(drawn(0)).toEqual(['http://a.test', 'http://b.test', 'http://c.test']);
    expect(drawn(0.5)[0]).toBe('http://b.test');
    expect(drawn(0.999)[0]).toBe('http://c.test');
    let firsts = 0;
    for (let round = 0; round < 1_000; round++) if (drawn((round + 0.5) / 1_000)[0] === 'http://b.test') firsts += 1;
    expect(firsts).toBe(800);
  });

  it('may hold weights of nothing', () => {
    const mirrors = readMirrors('http://a.test weight=0\nhttp://b.test weight=0\n');
    expect([...drawMirrors(mirrors, Math.random)].sort()).toEqual(['http://a.test', 'http://b.test']);
  });
});

describe('a checksum', () => {
  const archive = Buffer.from('archive');
  const sum = createHash('sha256').update(archive).digest('hex');
  it.each([sum, `${sum}  1.tar.gz\n`, sum.toUpperCase()])('%s holds', (text) => {
    expect(checksumHolds('sha256', text, archive)).toBe(true);
  });
  it.each(['', sum.slice(2), `${sum}00`, sum.replace(/^./, 'g'), ` ${sum}`, '0'.repeat(64)])('%s does not', (text) => {
    expect(checksumHolds('sha256', text, archive)).toBe(false);
  });
  it('of another kind does not hold', () => expect(checksumHolds('sha512', sum, archive)).toBe(false));
});

describe('a keyring', () => {
  const armour = (bytes: Buffer, head = 'Comment: x\n'): string =>
    `-----BEGIN PGP PUBLIC KEY BLOCK-----\n${head}\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n=IbYW\n-----END PGP PUBLIC KEY BLOCK-----\n`;

  it('may be binary or armoured, in several blocks, with text around and without headers', () => {
    const twice = Buffer.concat([PROJECT_KEYRING, PROJECT_KEYRING]);
    expect(readKeyring(PROJECT_KEYRING)).toEqual(PROJECT_KEYRING);
    expect(readKeyring(Buffer.from(`Hello\n${armour(PROJECT_KEYRING)}bye`))).toEqual(PROJECT_KEYRING);
    expect(readKeyring(Buffer.from(armour(PROJECT_KEYRING, '').replaceAll('\n', '\r\n')))).toEqual(PROJECT_KEYRING);
    expect(readKeyring(Buffer.from(armour(PROJECT_KEYRING) + armour(PROJECT_KEYRING)))).toEqual(twice);
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['no end', armour(PROJECT_KEYRING).replace('-----END', '')],
    ['damage', armour(PROJECT_KEYRING).replace(/^m/m, '!')],
    ['a private key', armour(Buffer.from([0x94, 1, 2]))],
  ])('of %s is none', (_name, text) => {
    expect(() => readKeyring(Buffer.from(text))).toThrow();
  });
});

describe('the project’s channel', () => {
  it('is asked for the version of 4.0.1', () => {
    expect(versionName(PROJECT_CHANNEL)).toBe('1.0.4.updates.spamassassin.org');
  });

  it('has a key of the fingerprints that count', () => {
    // Fingerprint of version 4 (RFC 4880 §12.2): SHA-1 over 0x99, length and body of the key packet.
    const found: string[] = [];
    for (let at = 0; at < PROJECT_KEYRING.length;) {
      const tag = PROJECT_KEYRING[at] ?? 0;
      const isNew = (tag & 0x40) !== 0;
      const lengthBytes = isNew ? 1 : 1 << (tag & 3);
      const head = PROJECT_KEYRING[at + 1] ?? 0;
      const isTwo = isNew && head >= 192;
      const length = isTwo
        ? ((head - 192) << 8) + (PROJECT_KEYRING[at + 2] ?? 0) + 192
        : PROJECT_KEYRING.readUIntBE(at + 1, lengthBytes);
      const from = at + 1 + (isTwo ? 2 : lengthBytes);
      const kind = isNew ? tag & 0x3f : (tag >> 2) & 0x0f;
      const size = Buffer.from([0x99, length >> 8, length & 0xff]);
      if (kind === 6 || kind === 14)
        found.push(
          createHash('sha1')
            .update(size)
            .update(PROJECT_KEYRING.subarray(from, from + length))
            .digest('hex')
            .toUpperCase(),
        );
      at = from + length;
    }
    expect(found).toEqual(PROJECT_FINGERPRINTS);
  });
});
