// What the tests need of the machine, in one list: Debian packages, the rights of root, the folder of real mail. Tests
// ask here before they start a server; what is missing is written down for the runner, never skipped in silence.
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** One Debian package and what shows that it is there: a program on PATH or in sbin, a header file, or a library. */
export interface GroundPackage {
  readonly name: string;
  readonly proof: { readonly program: string } | { readonly file: string } | { readonly library: string };
  readonly why: string;
}

/** Every package that some test or bench starts, in the order they are installed. */
export const GROUND_PACKAGES = [
  {
    name: 'postfix',
    proof: { program: 'postconf' },
    why: 'the mail server of the journeys: sender, MTA and re-injection',
  },
  { name: 'clamav-daemon', proof: { program: 'clamd' }, why: 'the antivirus engine behind the antivirus stage' },
  { name: 'miltertest', proof: { program: 'miltertest' }, why: 'an independent client of the milter protocol' },
  { name: 'dnsmasq-base', proof: { program: 'dnsmasq' }, why: 'a DNS server with records of our own' },
  { name: 'openssl', proof: { program: 'openssl' }, why: 'certificates for STARTTLS' },
  { name: 'sasl2-bin', proof: { program: 'saslpasswd2' }, why: 'passwords for authenticated submission' },
  {
    name: 'libsasl2-modules',
    proof: { library: 'sasl2/libplain.so' },
    why: 'the PLAIN mechanism of authenticated submission',
  },
  {
    name: 'python3-dkim',
    proof: { file: '/usr/lib/python3/dist-packages/dkim/__init__.py' },
    why: 'an independent signer and verifier of DKIM and ARC',
  },
  {
    name: 'python3-authres',
    proof: { file: '/usr/lib/python3/dist-packages/authres/__init__.py' },
    why: 'what that signer needs for ARC',
  },
  {
    name: 'python3-nacl',
    proof: { file: '/usr/lib/python3/dist-packages/nacl/__init__.py' },
    why: 'Ed25519 for that signer',
  },
  {
    name: 'spamassassin',
    proof: { file: '/usr/share/perl5/Mail/SpamAssassin.pm' },
    why: 'the reference that rules are compared with, and its stock rules',
  },
  { name: 'redis-server', proof: { program: 'redis-server' }, why: 'the store that several nodes share' },
  { name: 'gpgv', proof: { program: 'gpgv' }, why: 'what checks the signatures of rule updates' },
  { name: 'gpg', proof: { program: 'gpg' }, why: 'makes keys and signs the rule updates of tests' },
  { name: 'gpg-agent', proof: { program: 'gpg-agent' }, why: 'holds the keys of that gpg' },
  { name: 'gcc', proof: { program: 'cc' }, why: 'builds the C peer of the milter bench' },
  { name: 'libc6-dev', proof: { file: '/usr/include/stdio.h' }, why: 'the C library of that peer' },
  { name: 'libmilter-dev', proof: { file: '/usr/include/libmilter/mfapi.h' }, why: 'the milter library of that peer' },
] as const satisfies readonly GroundPackage[];

export type PackageName = (typeof GROUND_PACKAGES)[number]['name'];

/** One thing that kept tests from running, as the runner reads it: one JSON object a line in the file `WEIR_NOT_RUN`. */
export interface NotRun {
  /** What was missing: `package postfix`, `rights of root`, `folder of real mail`. */
  readonly missing: string;
  /** One sentence: how to get it. */
  readonly way: string;
  /** True when the tests count as whole without it (the folder of real mail). */
  readonly optional: boolean;
}

const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Absolute path of a program on PATH or in the sbin folders, or null. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SBIN];
  for (const folder of folders) {
    const path = join(folder, name);
    if (existsSync(path)) return path;
  }
  return null;
}

/** Whether the package's proof is on this machine. */
export function hasPackage(name: PackageName): boolean {
  const found: GroundPackage | undefined = GROUND_PACKAGES.find((entry) => entry.name === name);
  return found !== undefined && isPresent(found);
}

/** All packages of the list whose proof is not here. */
export function missingPackages(): readonly GroundPackage[] {
  return GROUND_PACKAGES.filter((entry) => !isPresent(entry));
}

/**
 * True when every package named is here. Else: under the test runner, or with WEIR_PARTIAL=1, it is written down as not
 * run and false comes back, for `describe.skipIf`; run by hand it throws, naming the way to get it.
 */
export function requirePackage(...names: readonly PackageName[]): boolean {
  const absent = names.filter((name) => !hasPackage(name));
  for (const name of absent) {
    noteNotRun({
      missing: `package ${name}`,
      way: `apt-get install ${name}, or run the tests as root with WEIR_INSTALL=1`,
      optional: false,
    });
  }
  return absent.length === 0;
}

/** True when the tests run as root, which Postfix demands of whoever starts it. Else as `requirePackage`. */
export function requireRoot(): boolean {
  if (process.getuid?.() === 0) return true;
  noteNotRun({
    missing: 'rights of root',
    way: 'run the tests as root (a container will do): Postfix starts no other way',
    optional: false,
  });
  return false;
}

/** The folder of real mail: `WEIR_DATA`, by default `../shared/data` beside the project; null, and written down, where it is absent. */
export function findData(): string | null {
  const folder = resolve(process.env['WEIR_DATA'] ?? '../shared/data');
  if (existsSync(join(folder, 'mail', 'manifest.tsv'))) return folder;
  noteNotRun({
    missing: `folder of real mail (${folder})`,
    way: 'set WEIR_DATA to a folder that holds mail/manifest.tsv',
    optional: true,
  });
  return null;
}

/** Writes down what kept tests from running; throws when nobody would read it and it is not optional. */
export function noteNotRun(entry: NotRun): void {
  const file = process.env['WEIR_NOT_RUN'];
  if (file !== undefined) {
    appendFileSync(file, JSON.stringify(entry) + '\n');
    return;
  }
  if (!entry.optional && process.env['WEIR_PARTIAL'] !== '1')
    throw new Error(`not run for want of ${entry.missing}: ${entry.way}`);
  process.stderr.write(`not run for want of ${entry.missing}: ${entry.way}\n`);
}

function isPresent(entry: GroundPackage): boolean {
  if ('program' in entry.proof) return findProgram(entry.proof.program) !== null;
  if ('file' in entry.proof) return existsSync(entry.proof.file);
  return hasLibrary(entry.proof.library);
}

/** Libraries lie in /usr/lib or one folder below it, named after the architecture. */
function hasLibrary(path: string): boolean {
  if (existsSync(join('/usr/lib', path))) return true;
  return readdirSync('/usr/lib', { withFileTypes: true }).some(
    (entry) => entry.isDirectory() && existsSync(join('/usr/lib', entry.name, path)),
  );
}
