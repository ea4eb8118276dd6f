// Addresses of DNS servers: as settings write them, and as /etc/resolv.conf lists them.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ServerAddress } from './dns-transport.js';

export const DNS_PORT = 53;
/** Most servers that are used. */
export const SERVERS_MAX = 8;
/** Where a host names its servers (resolv.conf(5)). */
export const RESOLV_CONF = '/etc/resolv.conf';

/** Reads `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`; null for anything else. */
export function parseServerAddress(text: string): ServerAddress | null {
  if (isIP(text) !== 0) return { host: text, port: DNS_PORT };
  const [, inBrackets, bare, digits] = /^(?:\[([^\]]{1,64})\]|([0-9.]{7,15}))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = inBrackets ?? bare ?? '';
  const port = digits === undefined ? DNS_PORT : Number(digits);
  const isGood = isIP(host) === (inBrackets === undefined ? 4 : 6) && port > 0 && port <= 65_535;
  return isGood ? { host, port } : null;
}

/** Such as `192.0.2.1:53` and `[2001:db8::1]:53`. */
export function formatServerAddress({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** The servers of this host in their order; loopback where none is named, as resolv.conf(5) has it. */
export function readResolvConf(file: string = RESOLV_CONF): readonly ServerAddress[] {
  const servers = parseResolvConf(readText(file));
  return servers.length > 0 ? servers : [{ host: '127.0.0.1', port: DNS_PORT }];
}

/** The servers that settings name, or those of this host when they name none. Throws when one cannot be read. */
export function readServers(texts: readonly string[]): readonly ServerAddress[] {
  if (texts.length === 0) return readResolvConf();
  return texts.slice(0, SERVERS_MAX).map((text) => {
    const address = parseServerAddress(text);
    if (address === null) throw new Error(`not the address of a DNS server: ${text}`);
    return address;
  });
}

function parseResolvConf(text: string): readonly ServerAddress[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/[ \t]+/))
    .flatMap(([word, address = '']) => (word === 'nameserver' && isIP(address) !== 0 ? [address] : []))
    .slice(0, SERVERS_MAX)
    .map((host) => ({ host, port: DNS_PORT }));
}

/** A host without that file has the default server. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}
