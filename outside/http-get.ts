// One file over HTTP or HTTPS from where others say it lies: names are looked up here, every address is judged before it
// is connected to, and it is that very address that is connected to, on every hop. Bounded in bytes, time and redirects;
// never throws for what a server says, never sends credentials.
import { request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP } from 'node:net';
import { isFailure, type Resolver } from './resolver.js';

/** Redirects followed. */
export const REDIRECTS_MAX = 3;
/** Addresses of one name that are tried. */
const ADDRESSES_TRIED_MAX = 4;
/** Longest time without a byte, connecting included, ms. */
const SILENCE_MAX_MS = 20_000;
const HEADER_MAX_BYTES = 16_384;
const URL_CHARS_MAX = 2_000;
const REDIRECT_CODES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const ABSENT_CODES: ReadonlySet<number> = new Set([404, 410]);
const HTTP_OK = 200;

export interface HttpGetOptions {
  /** Null: only addresses in URLs can be reached, names cannot. */
  readonly resolver: Resolver | null;
  /** Whether an address may be connected to. */
  readonly mayReach: (address: string) => boolean;
  readonly sizeMaxBytes: number;
  /** For all hops together. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Whether plain HTTP will do; never for a hop that comes after HTTPS. */
  readonly allowPlain: boolean;
  readonly signal?: AbortSignal;
  /** Certificates trusted in place of the system's, PEM. */
  readonly ca?: string;
}

/** `absent`: the server says that there is no such file. `refused`: we do not go there. `failed`: anything else. */
export type HttpAnswer =
  | { readonly ok: true; readonly body: Buffer; readonly url: string }
  | { readonly ok: false; readonly kind: 'absent' | 'refused' | 'failed'; readonly reason: string };

type Failure = Extract<HttpAnswer, { readonly ok: false }>;

/** What a hop came to: an answer, or where to look next. */
type Hop = HttpAnswer | { readonly ok: 'redirect'; readonly location: string };

/** Fetches one file. */
export async function httpGet(url: string, options: HttpGetOptions): Promise<HttpAnswer> {
  const over = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? over : AbortSignal.any([options.signal, over]);
  let at = readUrl(url, null, options.allowPlain);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    if (!(at instanceof URL)) return at;
    const addresses = await addressesOf(at, options, signal);
    if ('ok' in addresses) return addresses;
    const hop = await tryAddresses(at, addresses, options, signal);
    if (hop.ok !== 'redirect') return hop;
    at = readUrl(hop.location, at, options.allowPlain && at.protocol === 'http:');
  }
  return failed(`more than ${REDIRECTS_MAX} redirects`);
}

const failed = (reason: string): Failure => ({ ok: false, kind: 'failed', reason });
const refused = (reason: string): Failure => ({ ok: false, kind: 'refused', reason });

function readUrl(text: string, base: URL | null, allowPlain: boolean): URL | Failure {
  if (text.length > URL_CHARS_MAX || !URL.canParse(text, base?.href)) return refused('not an address of the web');
  const url = new URL(text, base?.href);
  if (url.protocol === 'http:' && !allowPlain)
    return refused(`${url.host}: plain HTTP${base === null ? '' : ' by a redirect'}, where only HTTPS will do`);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return refused(`${url.protocol} is neither http nor https`);
  if (url.username !== '' || url.password !== '') return refused(`${url.host}: an address that holds a password`);
  return url;
}

/** The addresses behind a URL that may be reached, IPv4 first. */
async function addressesOf(
  url: URL,
  { resolver, mayReach }: HttpGetOptions,
  signal: AbortSignal,
): Promise<readonly string[] | Failure> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const found = isIP(host) > 0 ? [host] : isLocal(host) ? ['127.0.0.1', '::1'] : await lookUp(host, resolver, signal);
  if (!Array.isArray(found)) return found;
  const allowed = found.filter(mayReach);
  if (allowed.length > 0) return allowed.slice(0, ADDRESSES_TRIED_MAX);
  return refused(`${host} leads to ${found.slice(0, ADDRESSES_TRIED_MAX).join(', ')}, which is not a public address`);
}

/** Names that are this host without anybody being asked (RFC 6761 §6.3). */
const isLocal = (host: string): boolean => /(^|\.)localhost\.?$/i.test(host);

async function lookUp(host: string, resolver: Resolver | null, signal: AbortSignal): Promise<string[] | Failure> {
  if (resolver === null) return failed(`${host}: nothing is looked up (resolver.enabled)`);
  const [plain, long] = await Promise.all([
    resolver.lookup('A', host, { signal }),
    resolver.lookup('AAAA', host, { signal }),
  ]);
  const found = [plain, long].flatMap((answer) => (answer.status === 'found' ? answer.records : []));
  if (found.length > 0) return found;
  for (const answer of [plain, long]) if (isFailure(answer)) return failed(`${host}: DNS: ${answer.status}`);
  return failed(`${host} has no address`);
}

async function tryAddresses(
  url: URL,
  addresses: readonly string[],
  options: HttpGetOptions,
  signal: AbortSignal,
): Promise<Hop> {
  let last: Hop = failed('no address');
  for (const address of addresses) {
    last = await ask(url, address, options, signal);
    if (last.ok !== false || last.kind !== 'failed' || signal.aborted) break;
  }
  if (signal.aborted && last.ok === false) return failed(`${url.host}: no whole answer within ${options.timeoutMs} ms`);
  return last;
}

/** One question to one address. */
function ask(url: URL, address: string, options: HttpGetOptions, signal: AbortSignal): Promise<Hop> {
  return new Promise((resolve) => {
    const request = open(url, address, options, signal);
    const settle = (hop: Hop): void => {
      resolve(hop);
      request.destroy();
    };
    const fail = (reason: string): void => settle(failed(`${url.host}: ${reason}`));
    request.setTimeout(SILENCE_MAX_MS, () => fail(`silent for ${SILENCE_MAX_MS} ms`));
    request.on('error', (error) => fail(error.message));
    request.once('close', () => fail('the connection was closed'));
    request.once('response', (response) => hear(url, response, options.sizeMaxBytes, settle));
    request.end();
  });
}

/** The address stands in for the name, so that nothing is looked up again; the name goes into Host and certificate. */
function open(url: URL, address: string, options: HttpGetOptions, signal: AbortSignal): ClientRequest {
  const { userAgent, ca } = options;
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const common = {
    host: address,
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname + url.search,
    method: 'GET',
    headers: { host: url.host, 'user-agent': userAgent, accept: '*/*', 'accept-encoding': 'identity' },
    agent: false as const,
    maxHeaderSize: HEADER_MAX_BYTES,
    signal,
  };
  if (url.protocol === 'http:') return requestPlain(common);
  return requestSecure({ ...common, servername: isIP(name) > 0 ? '' : name, ...(ca !== undefined && { ca }) });
}

function hear(url: URL, response: IncomingMessage, sizeMaxBytes: number, settle: (hop: Hop) => void): void {
  const fail = (reason: string): void => settle(failed(`${url.host}: ${reason}`));
  const status = response.statusCode ?? 0;
  const { location } = response.headers;
  if (REDIRECT_CODES.has(status) && location !== undefined) return settle({ ok: 'redirect', location });
  if (ABSENT_CODES.has(status))
    return settle({ ok: false, kind: 'absent', reason: `${url.host}: HTTP status ${status}` });
  if (status !== HTTP_OK) return fail(`HTTP status ${status}`);
  const tooLarge = `larger than ${sizeMaxBytes} bytes`;
  if (Number(response.headers['content-length'] ?? 0) > sizeMaxBytes) return fail(tooLarge);
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > sizeMaxBytes) fail(tooLarge);
    else chunks.push(chunk);
  });
  response.on('error', (error) => fail(error.message));
  response.once('end', () => {
    if (response.complete) settle({ ok: true, body: Buffer.concat(chunks), url: url.href });
    else fail('the answer ended in the middle');
  });
}
