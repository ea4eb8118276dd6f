// A real DNS server on loopback that knows the records it is given and nothing else: names it was not told of do not
// exist. Takes records, gives a port; never asks another server.
import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './packages.js';
import { findPorts, waitUntil } from './place.js';

/** Records by name. `a` takes IPv4 and IPv6 addresses, `ptr` names for addresses. */
export interface DnsRecords {
  readonly a?: Readonly<Record<string, readonly string[]>>;
  readonly mx?: Readonly<Record<string, readonly { readonly exchange: string; readonly priority: number }[]>>;
  readonly txt?: Readonly<Record<string, readonly string[]>>;
  readonly cname?: Readonly<Record<string, string>>;
  readonly ptr?: Readonly<Record<string, string>>;
  /** One address for every name at or below a domain that is not given itself. */
  readonly wildcard?: Readonly<Record<string, string>>;
  /** Domains that another server on 127.0.0.1 answers for, by its port. */
  readonly elsewhere?: Readonly<Record<string, number>>;
  /** TTL of everything, seconds; 60 unless told otherwise. */
  readonly ttlS?: number;
}

export interface DnsServer {
  readonly port: number;
  /** `host:port`, as resolvers take it. */
  readonly address: string;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;
const DEFAULT_TTL_S = 60;
/** A TXT record is made of strings of at most so many bytes (RFC 1035 §3.3.14). */
const TXT_STRING_MAX = 255;
const READY_NAME = 'ready.ground.test';

/** Where a server listens: a loopback address of its own may have port 53, which programs without a choice of port ask. */
export interface DnsPlace {
  readonly host: string;
  readonly port: number;
}

/** Starts dnsmasq with these records, its configuration below `directory`; on a free port of 127.0.0.1 unless told otherwise. */
export async function startDns(directory: string, records: DnsRecords, place?: DnsPlace): Promise<DnsServer> {
  const { host, port } = place ?? { host: '127.0.0.1', port: (await findPorts(1))[0] ?? 0 };
  const file = join(directory, `dns-${port}.conf`);
  writeFileSync(
    file,
    `${[...baseLines({ host, port }, records.ttlS ?? DEFAULT_TTL_S), ...recordLines(records)].join('\n')}\n`,
  );
  const program = findProgram('dnsmasq');
  if (program === null) throw new Error('dnsmasq is not installed: apt-get install dnsmasq-base');
  const child = spawn(program, ['--keep-in-foreground', `--conf-file=${file}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`${host}:${port}`]);
  await waitUntil('the DNS server to answer', START_TIMEOUT_MS, async () => {
    if (child.exitCode !== null) throw new Error(`dnsmasq ended: ${words}`);
    return resolver.resolve4(READY_NAME).then(
      () => true,
      () => false,
    );
  });
  return {
    port,
    address: `${host}:${port}`,
    stop: async () => {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.kill()) await ended;
    },
  };
}

/** No other server, no file of this machine, no cache, loopback only; every name not given does not exist. */
function baseLines({ host, port }: DnsPlace, ttlS: number): string[] {
  return [
    `port=${port}`,
    `listen-address=${host}`,
    'bind-interfaces',
    'no-resolv',
    'no-hosts',
    'no-poll',
    'cache-size=0',
    `local-ttl=${ttlS}`,
    'user=root',
    'pid-file',
    'local=/#/',
    `host-record=${READY_NAME},127.0.0.1`,
  ];
}

function recordLines(records: DnsRecords): string[] {
  const lines: string[] = [];
  for (const [name, addresses] of Object.entries(records.a ?? {}))
    for (const address of addresses) lines.push(`host-record=${name},${address}`);
  for (const [name, hosts] of Object.entries(records.mx ?? {}))
    for (const host of hosts) lines.push(`mx-host=${name},${host.exchange},${host.priority}`);
  for (const [name, texts] of Object.entries(records.txt ?? {}))
    for (const text of texts) lines.push(`txt-record=${name},${quoteText(text)}`);
  for (const [name, target] of Object.entries(records.cname ?? {})) lines.push(`cname=${name},${target}`);
  for (const [domain, address] of Object.entries(records.wildcard ?? {})) lines.push(`address=/${domain}/${address}`);
  for (const [domain, port] of Object.entries(records.elsewhere ?? {}))
    lines.push(`server=/${domain}/127.0.0.1#${port}`);
  for (const [address, name] of Object.entries(records.ptr ?? {}))
    lines.push(`ptr-record=${reverseName(address)},${name}`);
  return lines;
}

/** Long texts are cut into strings, as zone files do. */
function quoteText(text: string): string {
  const strings: string[] = [];
  for (let at = 0; at < text.length || at === 0; at += TXT_STRING_MAX)
    strings.push(`"${text.slice(at, at + TXT_STRING_MAX)}"`);
  return strings.join(',');
}

function reverseName(address: string): string {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = '', tail = ''] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  const digits = groups.map((group) => group.padStart(4, '0')).join('');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}
