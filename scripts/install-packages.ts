// Installs the Debian packages that the tests need and the machine lacks: non-interactively, with every service kept
// from starting, and only where that was allowed. Takes and gives nothing else; never touches a package that is there.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { findProgram, missingPackages } from '../test/ground/packages.js';

/** The file Debian's maintainer scripts ask before they start a service; exit code 101 means no. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
/** Longest that one apt-get run may take. */
const APT_TIMEOUT_MS = 15 * 60_000;

/** Installs what is missing where allowed (CI set, or WEIR_INSTALL=1) and possible (root, apt-get); says why where not. */
export function installMissing(): void {
  const names = missingPackages().map((entry) => entry.name);
  if (names.length === 0) return;
  const hindrance = findHindrance();
  if (hindrance !== null) {
    print(`missing: ${names.join(' ')}; not installed: ${hindrance}`);
    return;
  }
  print(`installing ${names.join(' ')}, services kept from starting`);
  withServicesHeld(() => {
    runApt(['update']);
    presetAnswers();
    if (!runApt(['install', '-y', '--no-install-recommends', ...names])) {
      for (const name of names) runApt(['install', '-y', '--no-install-recommends', name]);
    }
  });
}

/** Why nothing may be installed here, or null. */
function findHindrance(): string | null {
  if (!isSet('CI') && process.env['WEIR_INSTALL'] !== '1') return 'neither CI nor WEIR_INSTALL=1 is set';
  if (process.getuid?.() !== 0) return 'not root';
  return findProgram('apt-get') === null ? 'there is no apt-get' : null;
}

function isSet(name: string): boolean {
  const value = process.env[name];
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

function withServicesHeld(work: () => void): void {
  const ours = !existsSync(POLICY_FILE);
  if (ours) {
    writeFileSync(POLICY_FILE, '#!/bin/sh\nexit 101\n');
    chmodSync(POLICY_FILE, 0o755);
  }
  try {
    work();
  } finally {
    if (ours) rmSync(POLICY_FILE, { force: true });
  }
}

/** Postfix asks what kind of site this is; the answer that opens nothing to the outside is given beforehand. */
function presetAnswers(): void {
  if (findProgram('debconf-set-selections') === null) return;
  spawnSync('debconf-set-selections', [], {
    input: 'postfix postfix/main_mailer_type select Local only\n',
    stdio: ['pipe', 'ignore', 'inherit'],
  });
}

function runApt(args: readonly string[]): boolean {
  const result = spawnSync('apt-get', ['-q', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: APT_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (result.status !== 0) print(`apt-get ${args.join(' ')} failed`);
  return result.status === 0;
}

function print(line: string): void {
  process.stdout.write(`ground: ${line}\n`);
}
