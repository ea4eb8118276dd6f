// What is made of the words of gpgv: one good signature and nothing against it, or none. Stand-ins say what gpgv might;
// the real one is put to the test with real keys in the tests of rule channels.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSignature, type SignatureCheck } from '../../outside/gpgv.js';
import { makeDir } from '../logs/fixtures.js';

const KEY = 'A'.repeat(40);
const MAIN = 'B'.repeat(40);
const GOOD = '[GNUPG:] GOODSIG AAAAAAAAAAAAAAAA somebody';
const VALID = `[GNUPG:] VALIDSIG ${KEY} 2026-11-22 1795324970 0 4 0 22 8 00 ${MAIN}`;

/** A program that says these lines, with an exit code. */
async function heard(lines: readonly string[], code = 0): Promise<SignatureCheck> {
  const program = join(await makeDir(), 'gpgv');
  writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\nEND\nexit ${code}\n`);
  chmodSync(program, 0o755);
  return checkSignature(Buffer.from('content'), Buffer.from('signature'), Buffer.from('keyring'), program);
}

describe('a signature', () => {
  it('is good with one GOODSIG, one VALIDSIG and exit code 0', async () => {
    expect(await heard(['[GNUPG:] NEWSIG', GOOD, VALID])).toEqual({
      ok: true,
      signature: { fingerprint: KEY, primary: MAIN, signedAt: 1_795_324_970_000, hash: 8 },
    });
  });

  it.each([
    ['nothing', []],
    ['GOODSIG alone', [GOOD]],
    ['VALIDSIG alone', [VALID]],
    ['the lines without their mark', [GOOD, VALID].map((line) => line.replace('[GNUPG:] ', ''))],
    ['the lines behind other text', [GOOD, VALID].map((line) => `gpgv: ${line}`)],
    ['two signatures', [GOOD, VALID, GOOD, VALID]],
    ['a key that has expired', ['[GNUPG:] EXPKEYSIG AAAAAAAAAAAAAAAA somebody', VALID]],
    ['a key that was revoked', ['[GNUPG:] REVKEYSIG AAAAAAAAAAAAAAAA somebody', VALID]],
    ['a signature that has expired', ['[GNUPG:] EXPSIG AAAAAAAAAAAAAAAA somebody', VALID]],
    ['a bad one beside a good one', [GOOD, VALID, '[GNUPG:] BADSIG AAAAAAAAAAAAAAAA somebody']],
    ['a signature over text', [GOOD, VALID.replace(' 00 ', ' 01 ')]],
    ['no fingerprint', [GOOD, VALID.replace(KEY, 'AAAA')]],
    ['no time', [GOOD, VALID.replace('1795324970', '20261122T000000')]],
  ])('is not with %s', async (_name, lines) => {
    expect(await heard(lines)).toMatchObject({ ok: false, unable: false });
  });

  it('is not when gpgv says no by its exit code', async () => {
    expect(await heard([GOOD, VALID], 1)).toMatchObject({ ok: false });
  });

  it('cannot be checked without the program', async () => {
    const none = Buffer.alloc(0);
    expect(await checkSignature(none, none, none, null)).toMatchObject({ ok: false, unable: true });
    expect(await checkSignature(none, none, none, '/nonexistent/gpgv')).toMatchObject({ ok: false, unable: true });
  });
});
