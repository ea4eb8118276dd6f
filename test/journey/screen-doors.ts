// The doors of the comparison: one private Postfix with a postscreen for each set-up, one DNS server for all, and the
// clients' addresses. Everything on loopback.
import { offerStartTls } from '../ground/credentials.js';
import { findPorts, makePlace } from '../ground/place.js';
import type { Door } from '../ground/caller.js';
import { startDns, type DnsServer } from '../ground/dns.js';
import type { Postfix } from '../ground/postfix.js';
import { startPostscreen } from '../ground/postscreen.js';
import { startScriptedDns, type ScriptedDns, type Zone } from '../ground/scripted-dns.js';
import { SCREEN_CASES } from './screen-cases.js';
import { CLIENT_CONNECTIONS_MAX, COMMANDS_MAX, type ScreenCase, type Setup } from './screen-scripts.js';

/** How long strangers wait at these doors, ms. */
export const WAIT_MS = 4_000;
/** A loopback address of the test's own, since Postfix asks its DNS server at port 53 alone. */
const NAME_SERVER = '127.53.5.1';
export const SITES = 'plus.test*2 minus.test*-3 range.test=127.0.0.[2..4]*2 broken.test*9';
const LISTS = ['plus', 'minus', 'range', 'broken'] as const;
export const SETUPS: readonly Setup[] = ['enforce', 'ignore', 'drop', 'deep', 'unmanned'];

/** Which front a client calls on. */
export type Front = 'postscreen' | 'weir';

/**
 * A client's own address for each case and front: what one was remembered for must not help another. They are public, since
 * lists are asked about no others, and come in PROXY headers.
 */
export function addressOf(testCase: ScreenCase, front: Front): string {
  return `${front === 'postscreen' ? '198.51.100' : '203.0.113'}.${SCREEN_CASES.indexOf(testCase) + 1}`;
}

export interface Doors {
  readonly directory: string;
  readonly postfix: Postfix;
  readonly dns: DnsServer;
  /** Where the mail server takes connections with a PROXY header. */
  readonly proxiedPort: number;
  /** The mail server's own. */
  readonly certificate: { readonly file: string; readonly keyFile: string };
  postscreen(setup: Setup): Door;
  stop(): Promise<void>;
}

/** Addresses that the access list lets through or refuses, for both fronts. */
export function accessList(effect: 'permit' | 'reject'): readonly string[] {
  return SCREEN_CASES.filter(({ access }) => access === effect).flatMap((testCase) => [
    addressOf(testCase, 'postscreen'),
    addressOf(testCase, 'weir'),
  ]);
}

/** Starts DNS and Postfix. */
export async function openDoors(): Promise<Doors> {
  const place = makePlace('screen-doors');
  const started: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end();
    place.remove();
  };
  try {
    const broken = await startScriptedDns(brokenZone());
    started.push(() => broken.stop());
    const dns = await startLists(place.directory, broken);
    started.push(() => dns.stop());
    const [proxiedPort = 0, ...ports] = await findPorts(1 + SETUPS.length);
    const tls = await offerStartTls(place.directory, 'front.test');
    const postfix = await startPostscreen({
      directory: place.directory,
      nameServer: NAME_SERVER,
      proxied: `127.0.0.1:${proxiedPort}`,
      listeners: SETUPS.map((setup, at) => ({ address: `127.0.0.1:${ports[at] ?? 0}`, options: optionsOf(setup) })),
      main: tls,
      files: { 'access.cidr': accessText() },
    });
    started.push(() => postfix.stop());
    const postscreen = (setup: Setup): Door => {
      return { host: '127.0.0.1', port: ports[SETUPS.indexOf(setup)] ?? 0, waitMs: WAIT_MS, isProxied: true };
    };
    const certificate = { file: tls['smtpd_tls_cert_file'] ?? '', keyFile: tls['smtpd_tls_key_file'] ?? '' };
    return { directory: place.directory, postfix, dns, proxiedPort, certificate, postscreen, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function optionsOf(setup: Setup): Record<string, string> {
  const action = setup === 'ignore' || setup === 'drop' ? setup : 'enforce';
  const deep = setup === 'deep' ? 'yes' : 'no';
  return {
    ...(setup === 'deep' ? { postscreen_tls_security_level: 'may' } : { smtpd_tls_security_level: 'none' }),
    postscreen_greet_wait: `${WAIT_MS / 1_000}s`,
    postscreen_upstream_proxy_protocol: 'haproxy',
    postscreen_greet_action: action,
    postscreen_access_list: 'permit_mynetworks, cidr:$config_directory/access.cidr',
    postscreen_denylist_action: action,
    postscreen_dnsbl_sites: SITES,
    postscreen_dnsbl_threshold: '2',
    postscreen_dnsbl_allowlist_threshold: setup === 'deep' ? '-3' : '0',
    postscreen_dnsbl_action: action,
    postscreen_client_connection_count_limit: String(CLIENT_CONNECTIONS_MAX),
    postscreen_command_count_limit: String(COMMANDS_MAX),
    postscreen_pipelining_enable: deep,
    postscreen_non_smtp_command_enable: deep,
    postscreen_bare_newline_enable: deep,
    postscreen_bare_newline_action: 'enforce',
    ...(setup === 'unmanned' ? { smtpd_service_name: 'nobody-there' } : {}),
  };
}

function accessText(): string {
  const line = (effect: 'permit' | 'reject'): string[] =>
    accessList(effect).map((address) => `${address}/32 ${effect}`);
  return `${[...line('permit'), ...line('reject')].join('\n')}\n`;
}

/** dnsmasq knows the lists that work and asks the scripted server about the one that does not. */
function startLists(directory: string, broken: ScriptedDns): Promise<DnsServer> {
  const entries = listings().filter(({ list }) => list !== 'broken');
  return startDns(
    directory,
    {
      a: Object.fromEntries(entries.map(({ name, answer }) => [name, [answer]])),
      elsewhere: { 'broken.test': broken.port },
    },
    { host: NAME_SERVER, port: 53 },
  );
}

function brokenZone(): Zone {
  const entries = listings().filter(({ list }) => list === 'broken');
  return Object.fromEntries(
    entries.map(({ name, answer }) => {
      const misbehaves = answer === 'silent' || answer === 'servfail';
      return [name, misbehaves ? { behaviour: answer } : { A: [answer] }];
    }),
  );
}

interface Listing {
  readonly list: string;
  readonly name: string;
  readonly answer: string;
}

function listings(): Listing[] {
  // Every list has its test entry (RFC 5782 §5), else ours takes it for dead.
  const tests = LISTS.map((list) => ({ list, name: `2.0.0.127.${list}.test`, answer: '127.0.0.2' }));
  const clients = SCREEN_CASES.flatMap((testCase) =>
    Object.entries(testCase.listed ?? {}).flatMap(([list, answer]) =>
      (['postscreen', 'weir'] as const).map((front) => {
        const reversed = addressOf(testCase, front).split('.').reverse().join('.');
        return { list, name: `${reversed}.${list}.test`, answer };
      }),
    ),
  );
  return [...tests, ...clients];
}
