// Fetching one file from where others say it lies: only addresses that may be reached are, on every hop, whatever names,
// redirects and answers say; and nothing is without an end.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../outside/clock.js';
import { createResolver, type DnsResolver } from '../../outside/dns-resolver.js';
import { httpGet, type HttpAnswer, type HttpGetOptions } from '../../outside/http-get.js';
import { isPublicAddress } from '../../outside/public-address.js';
import { requirePackage } from '../ground/packages.js';
import { mustRun } from '../ground/place.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';

type Answerer = (request: IncomingMessage, response: ServerResponse) => void;

const ALLOWED = '127.0.0.1';
const SIZE_MAX_BYTES = 1_000;

const paths = new Map<string, Answerer>();
const seen: { readonly url: string; readonly host: string; readonly headers: IncomingMessage['headers'] }[] = [];
let dns: ScriptedDns;
let resolver: DnsResolver;
let port = 0;
let securePort = 0;
let stop: (() => void)[] = [];
let ca = '';

const hear: RequestListener = (request, response) => {
  seen.push({ url: request.url ?? '', host: request.headers.host ?? '', headers: request.headers });
  const answer = paths.get(request.url ?? '');
  if (answer === undefined) response.writeHead(404).end();
  else answer(request, response);
};

const hasOpenssl = requirePackage('openssl');

beforeAll(async () => {
  dns = await startScriptedDns({
    'here.test': { A: [ALLOWED], ttlS: 0 },
    'two.test': { A: ['127.0.0.9', ALLOWED] },
    'private.test': { A: ['127.0.0.2'] },
    'mapped.test': { AAAA: ['::ffff:127.0.0.2'] },
    'trouble.test': { behaviour: 'servfail' },
  });
  resolver = createResolver({ servers: [dns.address], timeoutMs: 500 }, { clock: systemClock });
  const plain = createServer(hear);
  plain.listen(0, ALLOWED);
  await once(plain, 'listening');
  port = (plain.address() as AddressInfo).port;
  stop = [() => plain.close(), () => plain.closeAllConnections()];
  if (hasOpenssl) await startSecure();
}, 30_000);

async function startSecure(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'weir-tls-'));
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const names = 'subjectAltName=DNS:here.test,IP:127.0.0.1';
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  await mustRun('openssl', [...made, '-subj', '/CN=here.test', '-addext', names, '-keyout', key, '-out', certificate]);
  ca = readFileSync(certificate, 'utf8');
  const secure = createSecureServer({ key: readFileSync(key), cert: ca }, hear);
  rmSync(directory, { recursive: true });
  secure.listen(0, ALLOWED);
  await once(secure, 'listening');
  securePort = (secure.address() as AddressInfo).port;
  stop.push(
    () => secure.close(),
    () => secure.closeAllConnections(),
  );
}

afterAll(async () => {
  resolver.close();
  for (const one of stop) one();
  await dns.stop();
});

function get(url: string, more: Partial<HttpGetOptions> = {}): Promise<HttpAnswer> {
  return httpGet(url, {
    resolver,
    mayReach: (address) => address === ALLOWED,
    sizeMaxBytes: SIZE_MAX_BYTES,
    timeoutMs: 5_000,
    userAgent: 'weir/test',
    allowPlain: true,
    ...more,
  });
}

const base = (): string => `http://here.test:${port}`;
const say =
  (text: string): Answerer =>
  (_request, response) =>
    void response.end(text);
const send =
  (location: string): Answerer =>
  (_request, response) =>
    void response.writeHead(302, { location }).end();

/** What a refusal or failure says. */
async function reasonOf(answer: Promise<HttpAnswer>): Promise<string> {
  const given = await answer;
  return given.ok ? 'it was taken' : `${given.kind}: ${given.reason}`;
}

describe('a file', () => {
  it('comes from the address that DNS gave, asked once, with the name as Host and no credentials', async () => {
    paths.set('/file', say('hello'));
    dns.forget();
    seen.length = 0;
    expect(await get(`${base()}/file`)).toMatchObject({ ok: true, body: Buffer.from('hello') });
    expect(seen).toMatchObject([{ url: '/file', host: `here.test:${port}`, headers: { 'user-agent': 'weir/test' } }]);
    expect(seen[0]?.headers).not.toHaveProperty('authorization');
    expect(dns.count('here.test', 'A')).toBe(1);
  });

  it('comes from the next address when the first does not answer', async () => {
    paths.set('/file', say('hello'));
    const mayReach = (address: string): boolean => address.startsWith('127.');
    expect(await get(`http://two.test:${port}/file`, { mayReach })).toMatchObject({ ok: true });
  });

  it('is not there, or the server is broken', async () => {
    paths.set('/broken', (_request, response) => void response.writeHead(500).end());
    paths.set('/nothing', (_request, response) => void response.writeHead(204).end());
    expect(await reasonOf(get(`${base()}/missing`))).toContain('absent: ');
    expect(await reasonOf(get(`${base()}/broken`))).toContain('failed: ');
    expect(await reasonOf(get(`${base()}/nothing`))).toContain('204');
  });

  it('may take the largest size and no more, whether that is said before or not', async () => {
    paths.set('/just', say('x'.repeat(SIZE_MAX_BYTES)));
    paths.set('/said', say('x'.repeat(SIZE_MAX_BYTES + 1)));
    paths.set('/unsaid', (_request, response) => {
      response.write('x'.repeat(SIZE_MAX_BYTES));
      setTimeout(() => response.end('xx'), 20);
    });
    paths.set('/endless', (_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(400)), 5);
      response.once('close', () => clearInterval(timer));
    });
    expect(await get(`${base()}/just`)).toMatchObject({ ok: true });
    for (const path of ['/said', '/unsaid', '/endless'])
      expect(await reasonOf(get(base() + path))).toContain(`larger than ${SIZE_MAX_BYTES} bytes`);
  });

  it('that ends in the middle is none', async () => {
    paths.set('/half', (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await reasonOf(get(`${base()}/half`))).toMatch(/^failed: here\.test:\d+: /);
  });

  it('that drips is waited for no longer than the limit, and can be called off', async () => {
    paths.set('/drip', (_request, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(timer));
    });
    expect(await reasonOf(get(`${base()}/drip`, { timeoutMs: 200 }))).toContain('within 200 ms');
    expect(await reasonOf(get(`${base()}/drip`, { signal: AbortSignal.timeout(100) }))).toContain('failed');
  });

  it('cannot be had when DNS fails, knows nothing, or may not be asked', async () => {
    expect(await reasonOf(get('http://trouble.test/'))).toContain('DNS: servfail');
    expect(await reasonOf(get('http://unknown.test/'))).toContain('has no address');
    expect(await reasonOf(get('http://here.test/', { resolver: null }))).toContain('nothing is looked up');
  });
});

/** Addresses that lead to this host or where nobody may be sent, in every spelling. */
const NOWHERE = [
  'http://127.0.0.2/',
  'http://2130706434/',
  'http://0x7f.2/',
  'http://0177.0.0.2/',
  'http://127.2/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.2]/',
  'http://[64:ff9b::7f00:2]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://10.0.0.1/',
  'http://0.0.0.0/',
  'http://private.test/',
  'http://mapped.test/',
];

describe('an address that may not be reached', () => {
  it.each(NOWHERE)('%s is refused', async (url) => {
    expect(await reasonOf(get(url))).toMatch(/^refused: .* is not a public address$/);
  });

  it.each(NOWHERE)('%s is refused after a redirect', async (url) => {
    paths.set('/away', send(url));
    expect(await reasonOf(get(`${base()}/away`))).toMatch(/^refused: .* is not a public address$/);
  });

  it('localhost is this host, whatever DNS says of it', async () => {
    const mayReach = isPublicAddress;
    expect(await reasonOf(get(`http://localhost:${port}/file`, { mayReach }))).toContain('refused: localhost leads to');
    paths.set('/file', say('hello'));
    expect(await get(`http://localhost:${port}/file`)).toMatchObject({ ok: true });
  });

  it('a name that leads elsewhere at the second look is judged by what it is connected to', async () => {
    paths.set('/again', send('/file'));
    paths.set('/file', say('hello'));
    const addresses = [ALLOWED, '127.0.0.2'];
    const turning = {
      lookup: (type: string) =>
        Promise.resolve(
          type === 'A'
            ? { status: 'found', records: [addresses.shift() ?? ''], ttlS: 0, stale: false }
            : { status: 'nodata', ttlS: 0 },
        ),
    } as HttpGetOptions['resolver'];
    expect(await reasonOf(get(`${base()}/again`, { resolver: turning }))).toContain(
      'refused: here.test leads to 127.0.0.2',
    );
  });
});

describe('a redirect', () => {
  it('is followed three times and no further', async () => {
    paths.set('/end', say('end'));
    paths.set('/0', send('/1'));
    paths.set('/1', send('/2'));
    paths.set('/2', send('/3'));
    paths.set('/3', send('/end'));
    expect(await get(`${base()}/1`)).toMatchObject({ ok: true, url: `${base()}/end` });
    expect(await reasonOf(get(`${base()}/0`))).toContain('redirects');
    paths.set('/ring', send('/ring'));
    expect(await reasonOf(get(`${base()}/ring`))).toContain('redirects');
  });

  it.each(['file:///etc/passwd', 'ftp://here.test/', 'gopher://here.test/', 'http://a:b@here.test/', 'http://', '//['])(
    'to %s is not followed',
    async (location) => {
      paths.set('/odd', send(location));
      expect(await reasonOf(get(`${base()}/odd`))).toContain('refused: ');
    },
  );

  it.skipIf(!hasOpenssl)('never leads from HTTPS to plain HTTP', async () => {
    paths.set('/file', say('secret'));
    paths.set('/down', send(`${base()}/file`));
    paths.set('/up', send(`https://here.test:${securePort}/file`));
    const secure = `https://here.test:${securePort}`;
    expect(await get(`${secure}/file`, { ca, allowPlain: false })).toMatchObject({ ok: true });
    expect(await get(`${base()}/up`, { ca })).toMatchObject({ ok: true });
    expect(await reasonOf(get(`${secure}/down`, { ca }))).toContain('by a redirect');
    expect(await reasonOf(get(`${base()}/file`, { allowPlain: false }))).toContain('only HTTPS will do');
  });
});

describe.skipIf(!hasOpenssl)('a certificate', () => {
  it('must be one that is trusted, and of the name that was asked for', async () => {
    paths.set('/file', say('secret'));
    expect(await reasonOf(get(`https://here.test:${securePort}/file`))).toMatch(/^failed: .*self.signed/);
    dns.set('other.test', { A: [ALLOWED] });
    expect(await reasonOf(get(`https://other.test:${securePort}/file`, { ca }))).toContain('failed: ');
    expect(await get(`https://127.0.0.1:${securePort}/file`, { ca })).toMatchObject({ ok: true });
  });
});

describe('a public address', () => {
  it.each(['192.0.2.1', '198.18.0.1', '100.64.0.1', '224.0.0.1', '255.255.255.255', '240.0.0.1', 'fe80::1', 'fc00::1'])(
    '%s is none',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );
  it.each(['::', '::1', 'ff02::1', '2002:7f00:1::', '2001::1', '2001:db8::1', 'fe80::1%eth0', '', 'here.test'])(
    '%s is none',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );
  it.each(['1.1.1.1', '95.216.0.1', '2a01:4f8::1'])('%s is one', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );
});
