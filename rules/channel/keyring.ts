// Public keys as gpgv takes them: binary OpenPGP packets, or GnuPG's keybox. Takes a file of those forms or armoured
// (RFC 4880 §6.2); gpgv itself reads no armoured keyring, and a second program to convert it would be one more to trust.

/** Largest file of keys, bytes. */
export const KEYRING_MAX_BYTES = 4 * 1_024 * 1_024;

const BEGIN = '-----BEGIN PGP PUBLIC KEY BLOCK-----';
const END = '-----END PGP PUBLIC KEY BLOCK-----';
/** The first byte of a binary keyring: a packet, and one of a public key (tag 6), in the old or the new form. */
const KEY_PACKETS: ReadonlySet<number> = new Set([0x98, 0x99, 0x9a, 0xc6]);

/** The keys of a file; all its armoured blocks, text around them aside. Throws an Error that says what is wrong. */
export function readKeyring(file: Buffer): Buffer {
  if (file.length > KEYRING_MAX_BYTES) throw new Error(`larger than ${KEYRING_MAX_BYTES} bytes`);
  const keys = isBinary(file) ? file : Buffer.concat(blocksOf(file.toString('latin1')).map(readBlock));
  if (!isBinary(keys)) throw new Error('there is no public key in it');
  return keys;
}

/** A keybox says so from its ninth byte on. */
const KEYBOX_MARK = 'KBXf';
const KEYBOX_MARK_AT = 8;

function isBinary(bytes: Buffer): boolean {
  const mark = bytes.toString('latin1', KEYBOX_MARK_AT, KEYBOX_MARK_AT + KEYBOX_MARK.length);
  return KEY_PACKETS.has(bytes[0] ?? 0) || mark === KEYBOX_MARK;
}

function blocksOf(text: string): readonly string[] {
  return text
    .split(BEGIN)
    .slice(1)
    .map((rest) => {
      const end = rest.indexOf(END);
      if (end === -1) throw new Error('a block of keys has no end');
      return rest.slice(0, end);
    });
}

/** Header lines, an empty line, base 64, and a line with the checksum, which protects against nothing that gpgv does not see. */
function readBlock(block: string): Buffer {
  const lines = block.split('\n').map((line) => line.trim());
  const body = lines.slice(lines.indexOf('', 1) + 1).filter((line) => line !== '' && !line.startsWith('='));
  if (body.some((line) => !/^[A-Za-z0-9+/]+={0,2}$/.test(line))) throw new Error('a block of keys is damaged');
  return Buffer.from(body.join(''), 'base64');
}
