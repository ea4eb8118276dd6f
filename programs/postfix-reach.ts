// What settings alone cannot tell: whether Postfix's user reaches Weir's socket from inside its chroot, and whether the
// re-injection listener answers on any address other machines can use. Looks and connects; sends nothing, changes nothing.
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import type { CheckLine } from './postfix-check.js';
import { nameMilter, type PostfixSite } from './postfix-lines.js';
import type { PostfixFacts } from './postfix-read.js';
import { splitList } from './postfix-values.js';

const CONNECT_TIMEOUT_MS = 1_000;
const ID_TIMEOUT_MS = 5_000;
/** Most addresses of this machine that are tried. */
const ADDRESSES_MAX = 32;

/** Both checks. */
export async function checkReach(site: PostfixSite, facts: PostfixFacts): Promise<readonly CheckLine[]> {
  const milter = site.milter.startsWith('unix:') ? await checkSocket(site, facts) : [await checkTcp(site)];
  return [...milter, await checkOutside(site)];
}

/** Path of the socket as seen from outside the chroot, for each value of smtpd_milters that names a UNIX socket. */
async function checkSocket(site: PostfixSite, facts: PostfixFacts): Promise<CheckLine[]> {
  const path = site.milter.slice('unix:'.length);
  const queue = facts.main.get('queue_directory') ?? site.queueDirectory;
  const inside = nameMilter({ milter: site.milter, queueDirectory: queue }) !== site.milter;
  const chrooted = facts.services.filter((service) => service.chroot && ['smtpd', 'cleanup'].includes(service.program));
  const lines: CheckLine[] = [];
  if (chrooted.length > 0) lines.push(checkChroot(path, queue, inside, chrooted.length, facts));
  lines.push(await checkAccess(path, facts.main.get('mail_owner') ?? 'postfix'));
  return lines;
}

function checkChroot(path: string, queue: string, inside: boolean, services: number, facts: PostfixFacts): CheckLine {
  const subject = `socket ${path} seen from the chroot ${queue} of ${services} services`;
  if (!inside)
    return {
      state: 'differs',
      subject,
      cost: `those services cannot see it: let Weir listen below ${queue}, or every mail is put off`,
    };
  const absolute = splitList(facts.main.get('smtpd_milters') ?? '').some((entry) => entry.includes(path));
  if (absolute)
    return {
      state: 'differs',
      subject,
      cost: 'smtpd_milters names it from the root, which the chroot hides: name it from the queue directory',
    };
  return { state: 'ok', subject, cost: '' };
}

/** Whether that user may pass every folder above the socket and write to it. */
async function checkAccess(path: string, user: string): Promise<CheckLine> {
  const subject = `socket ${path} open to user ${user}`;
  try {
    const ids = await readIds(user);
    for (const [folder, bit] of pathSteps(path)) {
      const facts = await stat(folder);
      if (!mayUse(facts, ids, bit))
        return { state: 'differs', subject, cost: `${folder} does not let ${user} in: every mail is put off` };
    }
    return { state: 'ok', subject, cost: '' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { state: 'missing', subject, cost: `${reason}; while Weir does not listen there, every mail is put off` };
  }
}

/** Every folder from the root down needs the x bit, the socket itself the w bit. */
function pathSteps(path: string): [string, number][] {
  const steps: [string, number][] = [[path, 2]];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    steps.unshift([folder, 1]);
    if (folder === dirname(folder)) return steps;
  }
}

interface Ids {
  readonly uid: number;
  readonly gids: ReadonlySet<number>;
}

function mayUse(
  facts: { readonly uid: number; readonly gid: number; readonly mode: number },
  ids: Ids,
  bit: number,
): boolean {
  const shift = facts.uid === ids.uid ? 6 : ids.gids.has(facts.gid) ? 3 : 0;
  return ((facts.mode >> shift) & bit) === bit;
}

async function readIds(user: string): Promise<Ids> {
  const [uid, gids] = await Promise.all([runId(['-u', user]), runId(['-G', user])]);
  return { uid: Number(uid), gids: new Set(gids.split(' ').map(Number)) };
}

function runId(args: readonly string[]): Promise<string> {
  return new Promise((done, failed) => {
    execFile('id', [...args], { timeout: ID_TIMEOUT_MS }, (error, stdout) => {
      if (error === null) done(stdout.trim());
      else failed(new Error(`id ${args.join(' ')}: ${error.message}`));
    });
  });
}

/** A milter on TCP must take a connection. */
async function checkTcp(site: PostfixSite): Promise<CheckLine> {
  const [, host = '', port = ''] = /^inet:(.+):(\d{1,5})$/.exec(site.milter) ?? [];
  const taken = await answers(host.replace(/^\[|\]$/g, ''), Number(port));
  const subject = `milter ${site.milter} takes connections`;
  return taken
    ? { state: 'ok', subject, cost: '' }
    : { state: 'missing', subject, cost: 'while Weir does not listen there, every mail is put off' };
}

/** No address of this machine other than loopback may answer on the re-injection port. */
async function checkOutside(site: PostfixSite): Promise<CheckLine> {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => !entry.internal)
    .map((entry) => (entry.scopeid !== undefined && entry.scopeid > 0 ? null : entry.address))
    .filter((address) => address !== null)
    .slice(0, ADDRESSES_MAX);
  const open = await Promise.all(
    addresses.map(async (address) => ((await answers(address, site.releasePort)) ? address : null)),
  );
  const reached = open.filter((address) => address !== null);
  const subject = `port ${site.releasePort} closed on the ${addresses.length} addresses other machines can use`;
  if (reached.length === 0) return { state: 'ok', subject, cost: '' };
  return {
    state: 'differs',
    subject,
    cost: `it answers on ${reached.join(', ')}: bind the re-injection listener to loopback, or anybody hands in unfiltered mail`,
  };
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const end = (result: boolean): void => {
      socket.destroy();
      done(result);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
