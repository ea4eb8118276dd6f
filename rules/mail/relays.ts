// The relays a message came through, and which of them are trusted: Received lines read newest first, the walk along the
// networks of the settings, and the strings that rules match (`X-Spam-Relays-…`). Received lines may be forged; those
// above the first untrusted relay were written by servers of ours.
import type { RuleSettings } from '../language/settings.js';
import { firstIp } from './ip.js';
import { RuleNetworks } from './networks.js';
import { readReceivedLine, type Relay } from './received-line.js';

/** Most Received lines that are read; those below are as if they were not there. */
export const RECEIVED_MAX = 500;

/** The settings that decide on trust. */
export type TrustSettings = Pick<
  RuleSettings,
  'trustedNetworks' | 'internalNetworks' | 'msaNetworks' | 'originatingIpHeaders'
>;

/** A relay with what the walk decided. */
export interface PlacedRelay extends Relay {
  readonly internal: boolean;
  /** It is a server where users hand in mail: those behind it keep the state it has. */
  readonly msa: boolean;
  /** As it stands in the strings. */
  readonly text: string;
}

export interface Relays {
  /** Newest first. */
  readonly trusted: readonly PlacedRelay[];
  readonly untrusted: readonly PlacedRelay[];
  readonly internal: readonly PlacedRelay[];
  readonly external: readonly PlacedRelay[];
  readonly trustedText: string;
  readonly untrustedText: string;
  readonly internalText: string;
  readonly externalText: string;
  /** Lines that nothing could be made of. */
  readonly unparseable: number;
  /** Index of the last Received line, from the top, that is trusted or internal; -1 where none is. */
  readonly lastTrustedIndex: number;
  readonly lastInternalIndex: number;
}

/** What the walk reads. */
export interface RelaySource {
  /** Decoded Received values, newest first. */
  readonly received: readonly string[];
  /** The last value of a header, decoded, or null. */
  lastValue(name: string): string | null;
  /** The handover to our own server, which stands in no line yet; null where the lines tell all. */
  readonly own: Relay | null;
}

/** Walks from the newest relay to the oldest. */
export function readRelays(source: RelaySource, settings: TrustSettings): Relays {
  const walk = new Walk(settings);
  if (source.own !== null) walk.place(source.own);
  for (const line of source.received.slice(0, RECEIVED_MAX)) walk.take(line);
  for (const name of settings.originatingIpHeaders) {
    const ip = firstIp(source.lastValue(name) ?? '');
    if (ip !== null) walk.take(`from X-Originating-IP: ${ip}\n`);
  }
  return walk.result();
}

class Walk {
  readonly #trust: Trust;
  #inTrusted = true;
  #inInternal = true;
  #msaFound = false;
  #fetchedCounts = true;
  #unparseable = 0;
  #lastTrusted = -1;
  #lastInternal = -1;
  /** A sender told by a line that belongs to the next. */
  #nextEnvfrom: string | null = null;
  #trusted: PlacedRelay[] = [];
  #internal: PlacedRelay[] = [];
  #external: PlacedRelay[] = [];
  readonly #untrusted: PlacedRelay[] = [];

  constructor(settings: TrustSettings) {
    this.#trust = trustOf(settings);
  }

  take(value: string): void {
    const envfrom = this.#nextEnvfrom;
    this.#nextEnvfrom = null;
    const line = readReceivedLine(value);
    if (line.kind === 'relay') {
      this.place(envfrom === null || envfrom === '' || envfrom === '0' ? line.relay : { ...line.relay, envfrom });
      return;
    }
    if (line.kind === 'ignored') this.#nextEnvfrom = line.envfrom;
    else if (line.kind === 'unparseable') this.#unparseable++;
    else if (this.#fetchedCounts) {
      // The mail was fetched from a mailbox: its way begins anew.
      this.#trusted = [];
      this.#internal = [];
      this.#external = [];
    }
    if (this.#inTrusted) this.#lastTrusted++;
    if (this.#inInternal) this.#lastInternal++;
  }

  place(relay: Relay): void {
    let msa = false;
    if (this.#inTrusted && !this.#msaFound) msa = this.#decide(relay);
    const placed: PlacedRelay = {
      ...relay,
      internal: this.#inInternal,
      msa,
      text: textOf(relay, this.#inInternal, msa),
    };
    (this.#inTrusted ? this.#trusted : this.#untrusted).push(placed);
    (this.#inInternal ? this.#internal : this.#external).push(placed);
    this.#fetchedCounts = this.#inTrusted;
    if (this.#inTrusted) this.#lastTrusted++;
    if (this.#inInternal) this.#lastInternal++;
  }

  /** Whether trust goes on beyond this relay; true when it is one where users hand in mail. */
  #decide(relay: Relay): boolean {
    const { trusted, internal, msa } = this.#trust;
    const authenticated = relay.auth !== '' && relay.auth !== '0';
    if (trusted === null) {
      if (!relay.ipPrivate && !authenticated) this.#inTrusted = this.#inInternal = false;
      return false;
    }
    if (!authenticated && !trusted.has(relay.ip)) {
      this.#inTrusted = this.#inInternal = false;
      return false;
    }
    if (this.#inInternal && !authenticated && !internal.has(relay.ip)) this.#inInternal = false;
    this.#msaFound = msa.has(relay.ip);
    return this.#msaFound;
  }

  result(): Relays {
    const text = (relays: readonly PlacedRelay[]) => relays.map((relay) => relay.text).join(' ');
    return {
      trusted: this.#trusted,
      untrusted: this.#untrusted,
      internal: this.#internal,
      external: this.#external,
      trustedText: text(this.#trusted),
      untrustedText: text(this.#untrusted),
      internalText: text(this.#internal),
      externalText: text(this.#external),
      unparseable: this.#unparseable,
      lastTrustedIndex: this.#lastTrusted,
      lastInternalIndex: this.#lastInternal,
    };
  }
}

function textOf(relay: Relay, internal: boolean, msa: boolean): string {
  const { ip, rdns, helo, by, ident, id, auth } = relay;
  const envfrom = relay.envfrom === '0' ? '' : (relay.envfrom ?? '');
  return (
    `[ ip=${ip} rdns=${rdns} helo=${helo} by=${by} ident=${ident} envfrom=${envfrom} ` +
    `intl=${internal ? 1 : 0} id=${id} auth=${auth} msa=${msa ? 1 : 0} ]`
  );
}

/** The networks in force; `trusted` is null where none are configured and trust is inferred. */
interface Trust {
  readonly trusted: RuleNetworks | null;
  readonly internal: RuleNetworks;
  readonly msa: RuleNetworks;
}

const KNOWN = new WeakMap<TrustSettings, Trust>();

function trustOf(settings: TrustSettings): Trust {
  const known = KNOWN.get(settings);
  if (known !== undefined) return known;
  const { trustedNetworks, internalNetworks, msaNetworks } = settings;
  const configured = trustedNetworks.configured || internalNetworks.configured;
  const trusted = trustedNetworks.configured ? trustedNetworks : internalNetworks;
  const internal = internalNetworks.configured ? internalNetworks : trustedNetworks;
  const trust: Trust = {
    trusted: configured ? new RuleNetworks(trusted.entries, true) : null,
    internal: new RuleNetworks(internal.entries, true),
    msa: new RuleNetworks(msaNetworks.entries, false),
  };
  KNOWN.set(settings, trust);
  return trust;
}
