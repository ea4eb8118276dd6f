// OpenPGP keys and signatures of a test's own, made by the real gpg in a home of its own. Takes names, gives fingerprints,
// exported keys and detached signatures; its agent ends with it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from './place.js';

/** A moment long past, as gpg takes it, for keys that expired since. */
const LONG_AGO = '20200101T120000';

export interface Keys {
  /** Makes a key that signs; `expired`: made long ago for one day. Gives its fingerprint. */
  make(name: string, expired?: boolean): Promise<string>;
  /** Armoured detached signature by a key. `expired`: made while such a key was good. `digest`: such as SHA256. `also`: a
   * second key that signs in the same armour. */
  sign(
    name: string,
    content: Buffer,
    options?: { readonly expired?: boolean; readonly digest?: string; readonly also?: string },
  ): Promise<Buffer>;
  /** Declares a key revoked in this home: its next export says so. */
  revoke(fingerprint: string): Promise<void>;
  /** Writes public keys into a file and gives its path. */
  export(file: string, names: readonly string[], armoured?: boolean): Promise<string>;
  stop(): Promise<void>;
}

/** A home for keys below a directory, which must have a short path: the agent listens on a socket in it. */
export function openKeys(directory: string): Keys {
  const home = join(directory, 'gnupg');
  mkdirSync(home, { mode: 0o700 });
  const gpg = (args: readonly string[]): Promise<string> =>
    mustRun('gpg', ['--homedir', home, '--batch', '--quiet', '--yes', '--pinentry-mode', 'loopback', ...args]);
  let files = 0;
  const at = (name: string) => join(directory, `${name}-${(files += 1)}`);
  const past = (expired: boolean | undefined): string[] => (expired === true ? ['--faked-system-time', LONG_AGO] : []);
  const userOf = (name: string): string => `${name}@keys.test`;
  return {
    async make(name, expired) {
      const span = expired === true ? '1d' : 'never';
      const args = ['--passphrase', '', '--quick-generate-key', userOf(name), 'ed25519', 'sign', span];
      await gpg([...past(expired), ...args]);
      const listed = await gpg(['--with-colons', '--fingerprint', '--list-keys', `=${userOf(name)}`]);
      return /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
    },
    async sign(name, content, { expired, digest, also } = {}) {
      const file = at('signed');
      writeFileSync(file, content);
      const hash = digest === undefined ? [] : ['--digest-algo', digest];
      const who = [name, ...(also === undefined ? [] : [also])].flatMap((one) => ['--local-user', `=${userOf(one)}`]);
      const what = [...who, '--armor', '--output', `${file}.asc`, '--detach-sign', file];
      await gpg([...past(expired), ...hash, ...what]);
      return readFileSync(`${file}.asc`);
    },
    async revoke(fingerprint) {
      const certificate = readFileSync(join(home, 'openpgp-revocs.d', `${fingerprint}.rev`), 'utf8');
      const file = at('revocation');
      writeFileSync(file, certificate.replace(/^:(?=-----BEGIN)/m, ''));
      await gpg(['--import', file]);
    },
    async export(file, names, armoured = true) {
      const users = names.map((name) => `=${userOf(name)}`);
      await gpg([...(armoured ? ['--armor'] : []), '--output', join(directory, file), '--export', ...users]);
      return join(directory, file);
    },
    stop: async () => void (await mustRun('gpgconf', ['--homedir', home, '--kill', 'gpg-agent'])),
  };
}
