// DNS that is silent, slow or lying: the stated policy holds, a message keeps its time, other mail flows as before, and the
// operator is told, and told again when it is over.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Line } from '../ground/line.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { send, startAuthenticationLine, type AuthenticationLine, type Seen } from './authentication-line.js';
import { ZONE } from './authentication-zone.js';

const ready = requirePackage('postfix') && requireRoot();
const START_MS = 120_000;
/** Of one look-up, as set for the line; a message makes two one after the other at most, beside one another the rest. */
const LOOKUP_MS = 1_000;
const WAIT_MS = 20_000;

describe.skipIf(!ready)('DNS that fails', () => {
  let ground: AuthenticationLine;
  let line: Line;
  beforeAll(async () => {
    ground = await startAuthenticationLine('authdns', ZONE, '', { workers: 1 });
    line = ground.line;
  }, START_MS);
  afterAll(() => ground?.stop());

  const mail = (domain: string): Promise<Seen> =>
    send(line, { mailFrom: `anna@${domain}`, mail: { from: `Anna <anna@${domain}>` } });
  const hasAlert = async (): Promise<boolean> =>
    (await line.weir.run(['doctor'])).stdout.includes('authentication-dns');

  it('slow answers count as answers', async () => {
    ground.dns.setAll({ delayMs: LOOKUP_MS / 4 });
    const seen = await mail('d-strict.test');
    ground.dns.setAll(null);
    expect(seen.results.join()).toMatch(/spf=pass .*dmarc=pass/);
  });

  it('mail whose DNS is silent holds up no other mail', async () => {
    await mail('spf-pass.test');
    const stuck = Array.from({ length: 8 }, () => mail('spf-silent.test'));
    const others: number[] = [];
    for (const domain of ['spf-pass.test', 'd-none.test', 'd-sub.test', 'd-sampled.test']) {
      const seen = await mail(domain);
      expect(seen.results.join(), domain).toContain('spf=pass');
      others.push(seen.elapsedMs);
    }
    const waited = (await Promise.all(stuck)).map(({ elapsedMs }) => elapsedMs);
    expect(Math.min(...waited)).toBeGreaterThan(LOOKUP_MS * 0.9);
    expect(Math.min(...others)).toBeLessThan(LOOKUP_MS / 2);
    expect(others.reduce((sum, ms) => sum + ms, 0) / others.length).toBeLessThan(LOOKUP_MS);
  }, 60_000);

  it('silent: mail is delivered with temporary errors, in its time; an alert is raised, and cleared by the first answer', async () => {
    ground.dns.setAll({ behaviour: 'silent' });
    for (const domain of ['d-closed.test', 'd-reject.test', 'd-quarantine.test']) {
      const seen = await mail(domain);
      expect(seen.reply).toMatch(/^250 /);
      expect(seen.results.join()).toMatch(/spf=temperror .*dmarc=temperror/);
      expect(seen.ids).toEqual(expect.arrayContaining(['AUTH_SPF_TEMPERROR', 'AUTH_DMARC_TEMPERROR']));
      expect(seen.elapsedMs).toBeLessThan(4 * LOOKUP_MS);
    }
    await waitUntil('the alert', WAIT_MS, hasAlert);
    ground.dns.setAll(null);
    await waitUntil('an answer again', WAIT_MS, async () =>
      (await mail('d-reject.test')).results.join().includes('spf=pass'),
    );
    await waitUntil('the alert to clear', WAIT_MS, async () => !(await hasAlert()));
  }, 120_000);

  it.each(['servfail', 'refused', 'garbage', 'wrong-id', 'wrong-name'] as const)(
    '%s: nothing passes, nothing is refused',
    async (behaviour) => {
      ground.dns.setAll({ behaviour });
      const domain = behaviour === 'servfail' ? 'd-closed.test' : 'd-local.test';
      const seen = await mail(`${behaviour}.${domain}`);
      ground.dns.setAll(null);
      expect(seen.reply).toMatch(/^250 /);
      expect(seen.results.join()).not.toMatch(/(?:spf|dkim|dmarc)=(?:pass|fail)/);
      expect(seen.elapsedMs).toBeLessThan(4 * LOOKUP_MS);
    },
  );
});
