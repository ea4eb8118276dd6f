// The private key of an ARC seal: PEM in, a key fit for signing mail out. What is wrong with it is said by the file's name
// and never by its content.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { RSA_BITS_MIN, type KeyType } from './key-record.js';

/** Longer RSA keys make signatures that fit no line of a header (RFC 5322 §2.1.1). */
export const SEALING_RSA_BITS_MAX = 4_096;

export interface SealingKey {
  readonly key: KeyObject;
  readonly type: KeyType;
}

/** Reads the key. Throws an Error for people, opening with `file`. */
export function readSealingKey(pem: string, file: string): SealingKey {
  const key = importKey(pem, file);
  if (key.asymmetricKeyType === 'ed25519') return { key, type: 'ed25519' };
  if (key.asymmetricKeyType !== 'rsa')
    throw new Error(`${file}: a key of type ${key.asymmetricKeyType ?? 'unknown'}; RSA or Ed25519 is needed`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < RSA_BITS_MIN)
    throw new Error(`${file}: an RSA key of ${bits} bits; ${RSA_BITS_MIN} is the least, 2048 usual`);
  if (bits > SEALING_RSA_BITS_MAX)
    throw new Error(`${file}: an RSA key of ${bits} bits; ${SEALING_RSA_BITS_MAX} is the most`);
  return { key, type: 'rsa' };
}

function importKey(pem: string, file: string): KeyObject {
  if (/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(pem))
    throw new Error(`${file}: a public key; the private one is needed`);
  if (/-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(pem))
    throw new Error(`${file}: the key is protected by a passphrase; a key without one is needed`);
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch (error) {
    throw new Error(`${file}: not a private key in PEM`, { cause: error });
  }
}
