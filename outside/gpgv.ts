// Detached OpenPGP signatures, checked by GnuPG's own verifier (`gpgv`): it knows no key but those it is handed, asks
// nobody, and is started without a shell, without an environment, in a directory of its own, bounded in time.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the program may lie; PATH is not asked. */
const PLACES = ['/usr/bin/gpgv', '/bin/gpgv', '/usr/local/bin/gpgv'];
/** Longest it may take, ms. */
const GPGV_TIME_MAX_MS = 30_000;
const OUTPUT_MAX_BYTES = 65_536;
const STATUS_MARK = '[GNUPG:] ';
/** Of a signature over a file as it is (RFC 4880 §5.2.1). */
const CLASS_BINARY = '00';

/** A signature that holds. */
export interface GoodSignature {
  /** Of the key that signed, forty or more hexadecimal digits in capitals. */
  readonly fingerprint: string;
  /** Of the main key that it belongs to. */
  readonly primary: string;
  /** When it was made, by its own account, ms since the epoch. */
  readonly signedAt: number;
  /** Number of the hash (RFC 4880 §9.4). */
  readonly hash: number;
}

/** `unable`: it could not be checked, since there is no gpgv or it did not run to its end. */
export type SignatureCheck =
  | { readonly ok: true; readonly signature: GoodSignature }
  | { readonly ok: false; readonly unable: boolean; readonly reason: string };

/** The path of gpgv, or null where it is not installed. */
export function findGpgv(): string | null {
  return PLACES.find((path) => existsSync(path)) ?? null;
}

/** Checks a signature (armoured or not) over content with the keys of a binary keyring. Rejects when no file can be written. */
export async function checkSignature(
  content: Buffer,
  signature: Buffer,
  keyring: Buffer,
  program = findGpgv(),
): Promise<SignatureCheck> {
  if (program === null)
    return { ok: false, unable: true, reason: 'there is no gpgv to check the signature: install the package gpgv' };
  const dir = await mkdtemp(join(tmpdir(), 'weir-gpgv-'));
  try {
    const files = {
      keyring: join(dir, 'keyring.gpg'),
      signature: join(dir, 'signature'),
      content: join(dir, 'content'),
    };
    await Promise.all([
      writeFile(files.keyring, keyring, { mode: 0o600 }),
      writeFile(files.signature, signature, { mode: 0o600 }),
      writeFile(files.content, content, { mode: 0o600 }),
    ]);
    const args = ['--homedir', dir, '--status-fd', '1', '--keyring', files.keyring, files.signature, files.content];
    return readStatus(await run(program, args, dir));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Ran {
  readonly status: string;
  /** Null when it was killed or could not be started. */
  readonly code: number | null;
}

function run(program: string, args: readonly string[], cwd: string): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: {},
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: GPGV_TIME_MAX_MS,
      killSignal: 'SIGKILL',
    });
    let status = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (status.length < OUTPUT_MAX_BYTES) status += chunk.toString('latin1');
    });
    child.once('error', () => resolve({ status, code: null }));
    child.once('close', (code) => resolve({ status, code }));
  });
}

/** What its status lines say: exactly one good and valid signature, and nothing against it. */
function readStatus({ status, code }: Ran): SignatureCheck {
  if (code === null) return { ok: false, unable: true, reason: 'gpgv could not be run to its end' };
  const lines = status
    .split('\n')
    .filter((line) => line.startsWith(STATUS_MARK))
    .map((line) => line.slice(STATUS_MARK.length).split(' '));
  const objection = lines.map(objectionOf).find((text) => text !== null);
  if (objection !== undefined) return { ok: false, unable: false, reason: objection };
  const of = (word: string) => lines.filter(([first]) => first === word);
  const [valid = [], second] = of('VALIDSIG');
  const signature = second === undefined ? readValid(valid) : null;
  if (signature === null || of('GOODSIG').length !== 1 || code !== 0)
    return { ok: false, unable: false, reason: 'the signature is not valid' };
  return { ok: true, signature };
}

/** What a status line says against the signature, or null. */
function objectionOf([word = '', key = '']: readonly string[]): string | null {
  const whose = /^[0-9A-Fa-f]{8,64}$/.test(key) ? ` (key ${key})` : '';
  switch (word) {
    case 'BADSIG':
      return `the signature does not fit the archive${whose}`;
    case 'EXPSIG':
      return `the signature has expired${whose}`;
    case 'EXPKEYSIG':
      return `signed by a key that has expired${whose}`;
    case 'REVKEYSIG':
      return `signed by a key that was revoked${whose}`;
    case 'NO_PUBKEY':
      return `signed by a key that is not in the keyring${whose}`;
    case 'NODATA':
    case 'UNEXPECTED':
      return 'what stands for a signature is none';
    default:
      return null;
  }
}

/** `VALIDSIG fingerprint date timestamp expires version reserved key-algorithm hash-algorithm class primary`. */
function readValid(words: readonly string[]): GoodSignature | null {
  const [, fingerprint = '', , seconds = '', , , , , hash = '', kind = '', primary = fingerprint] = words;
  const isFingerprint = (text: string): boolean => /^[0-9A-F]{40,64}$/.test(text);
  if (!isFingerprint(fingerprint) || !isFingerprint(primary) || kind !== CLASS_BINARY) return null;
  if (!/^\d{1,12}$/.test(seconds) || !/^\d{1,3}$/.test(hash)) return null;
  return { fingerprint, primary, signedAt: Number(seconds) * 1_000, hash: Number(hash) };
}
