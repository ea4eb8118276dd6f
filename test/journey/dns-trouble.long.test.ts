// DNS that is silent, slow, failing or lying while mail flows through Postfix: what needs it gets its temporary results in
// its time, nothing passes that should not, and mail that needs no answer it has not is carried as before.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OUTSIDE, startLine, type Line } from '../ground/line.js';
import { nextId, writeMail } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { startScriptedDns, type ScriptedDns, type Zone } from '../ground/scripted-dns.js';
import { SmtpClient } from '../ground/smtp-client.js';
import { findAlerts, findLogged } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
const LOOKUP_MS = 4_000;
/** A stage's own time, the look-ups of the other stage, and Postfix. */
const MESSAGE_MAX_MS = 15_000;
/** How long mail is counted, ms. */
const COUNT_MS = 5_000;
/**
 * Mail that waits for no answer takes no part of a look-up's time: far more than it needs on a busy machine, far less than
 * the limit that it would wait for. How much of it is carried is printed, and measured where nothing else runs.
 */
const KNOWN_MEDIAN_MAX_MS = LOOKUP_MS / 2;
const WAIT_MS = 30_000;

const KNOWN = '198.51.100.20';
const LISTED = '203.0.113.9';

const ZONE: Zone = {
  '': { NS: ['ns.test'] },
  // A sender whose answers are in the cache for the whole test.
  'known.test': { TXT: [`v=spf1 ip4:${KNOWN} -all`], ttlS: 86_400 },
  '_dmarc.known.test': { TXT: ['v=DMARC1; p=reject'], ttlS: 86_400 },
  // Senders that no cache knows: every name below gets the same.
  '*.strange.test': { TXT: ['v=spf1 -all'] },
  '2.0.0.127.bl.test': { A: ['127.0.0.2'], ttlS: 86_400 },
  '9.113.0.203.bl.test': { A: ['127.0.0.2'] },
};

const CONFIG = (dns: ScriptedDns): string => `resolver:
  servers: ["${dns.address}"]
  timeoutMs: ${String(LOOKUP_MS)}
  failureTtlS: 1
  negativeTtlMaxS: 86400
  ttlMinS: 3600
verdict: { tagAt: 3, quarantineAt: null, rejectAt: null, spf: accept, dmarc: accept }
lists:
  refuseAt: 5
  sites:
    - { list: 'bl.test=127.0.0.[2..9]*5', ask: [client] }
`;

interface Sent {
  readonly messageId: string;
  readonly reply: string;
  readonly elapsedMs: number;
}

function median(sent: readonly Sent[]): number {
  const times = sent.map(({ elapsedMs }) => elapsedMs).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? Number.POSITIVE_INFINITY;
}

describe.skipIf(!ready)('DNS in trouble', () => {
  let dns: ScriptedDns;
  let line: Line;
  let strangers = 0;

  beforeAll(async () => {
    dns = await startScriptedDns(ZONE);
    line = await startLine({
      name: 'dnstrouble',
      main: { smtpd_authorized_xclient_hosts: `${OUTSIDE}, 127.0.0.1` },
      config: CONFIG(dns),
    });
  }, 120_000);
  afterAll(async () => {
    await line?.stop();
    await dns?.stop();
  });

  /** Every trouble ends before the next begins, whatever came of it; its end is seen. */
  afterEach(async () => {
    dns.setAll(null);
    await waitUntil('the end of the trouble', WAIT_MS, async () =>
      (await findingsOf(await sendStrange())).includes('AUTH_SPF_FAIL'),
    );
    await waitUntil('the alert to clear', WAIT_MS, async () => !(await isAlerted('resolver-failing')));
  }, 90_000);

  async function connect(address: string): Promise<SmtpClient> {
    const client = await SmtpClient.open(line.port, { localAddress: OUTSIDE });
    expect((await client.command(`XCLIENT ADDR=${address} NAME=[UNAVAILABLE]`)).code).toBe(220);
    await client.command('EHLO client.test');
    return client;
  }

  async function deliver(client: SmtpClient, mailFrom: string): Promise<Sent> {
    const messageId = nextId();
    const content = writeMail({ from: `Anna <${mailFrom}>`, messageId });
    const startedMs = performance.now();
    const { last } = await client.deliver({ mailFrom, rcptTo: ['hans@house.test'], content });
    return { messageId, reply: last.text, elapsedMs: performance.now() - startedMs };
  }

  /** A sender, and a client, that nobody has heard of. */
  async function sendStrange(): Promise<Sent> {
    strangers += 1;
    const client = await connect(`203.${String(10 + (strangers >> 8))}.1.${String(strangers & 255)}`);
    const sent = await deliver(client, `anna@n${String(strangers)}.strange.test`);
    await client.quit();
    return sent;
  }

  const session = async (until: number, send: () => Promise<Sent>): Promise<readonly Sent[]> => {
    const all: Sent[] = [];
    while (performance.now() < until) all.push(await send());
    return all;
  };

  /** Mail of a known sender and mail of strangers, at once and for a while. */
  async function carry(): Promise<{ readonly known: readonly Sent[]; readonly strange: readonly Sent[] }> {
    const until = performance.now() + COUNT_MS;
    const clients = await Promise.all([connect(KNOWN), connect(KNOWN)]);
    const known = clients.map((client) => session(until, () => deliver(client, 'anna@known.test')));
    const strange = Array.from({ length: 6 }, () => session(until, sendStrange));
    const [first, second] = [(await Promise.all(known)).flat(), (await Promise.all(strange)).flat()];
    for (const client of clients) await client.quit();
    return { known: first, strange: second };
  }

  const findingsOf = async (sent: Sent): Promise<string> =>
    JSON.stringify((await findLogged(line, sent.messageId))['findings']);
  const isAlerted = async (code: string): Promise<boolean> =>
    (await findAlerts(line)).some((alert) => alert.code === code);

  let usual = 0;

  it('good days: strangers are judged by DNS, and mail is counted', async () => {
    await carry();
    const { known, strange } = await carry();
    usual = known.length;
    expect(usual).toBeGreaterThan(10);
    expect(await findingsOf(strange[0] as Sent)).toContain('AUTH_SPF_FAIL');
    const client = await connect(LISTED);
    expect((await deliver(client, 'anna@known.test')).reply).toMatch(/^554 /);
    await client.quit();
  }, 60_000);

  it.each([
    ['silent', { behaviour: 'silent' }],
    ['slow beyond the limit', { delayMs: LOOKUP_MS + 2_000 }],
    ['slow within it', { delayMs: 3_000 }],
    ['failing', { behaviour: 'servfail' }],
    ['talking nonsense', { behaviour: 'garbage' }],
  ] as const)(
    '%s',
    async (name, trouble) => {
      dns.setAll(trouble);
      const { known, strange } = await carry();
      const slowest = Math.max(...strange.map(({ elapsedMs }) => elapsedMs));
      process.stderr.write(
        `DNS ${name}: ${String(known.length)} of ${String(usual)} known, ${String(strange.length)} strange, slowest ${slowest.toFixed(0)} ms\n`,
      );
      expect(median(known)).toBeLessThan(KNOWN_MEDIAN_MAX_MS);
      expect(slowest).toBeLessThan(MESSAGE_MAX_MS);
      for (const { reply } of [...known, ...strange]) expect(reply).toMatch(/^250 /);
      const findings = await findingsOf(strange[0] as Sent);
      if (name === 'slow within it') expect(findings).toContain('AUTH_SPF_FAIL');
      else {
        expect(findings).toContain('AUTH_SPF_TEMPERROR');
        expect(findings).toContain('LIST_UNKNOWN');
      }
      if (name === 'silent' || name === 'slow beyond the limit')
        await waitUntil('the alert', WAIT_MS, () => isAlerted('resolver-failing'));
    },
    120_000,
  );

  it('lying: an address for every name lists nobody, and passes nobody', async () => {
    await line.weir.stop();
    dns.setAll({ answer: { A: ['127.0.0.2'], TXT: ['made up'], ttlS: 3_600 } });
    await line.restartWeir();
    const { known, strange } = await carry();
    for (const { reply } of [...known, ...strange]) expect(reply).toMatch(/^250 /);
    const findings = await findingsOf(strange[0] as Sent);
    expect(findings).not.toContain('LIST_CLIENT');
    expect(findings).not.toMatch(/AUTH_(?:SPF|DMARC|DKIM)_PASS/);
    expect(findings).toContain('LIST_UNKNOWN');
    expect(median(known)).toBeLessThan(KNOWN_MEDIAN_MAX_MS);
  }, 120_000);
});
