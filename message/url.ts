// URLs found in the texts of a message, with what the reader sees beside where they lead. Takes strings from mail, looks
// nothing up, never fails: what does not parse has no href.
import { getDomain } from './public-suffix.js';

export interface Url {
  /** As found, entities and encodings of the carrier undone. */
  readonly raw: string;
  /** Normalised by the WHATWG rules, or null where it does not parse. */
  readonly href: string | null;
  /** Host in A-label form, lower case, brackets kept around IPv6, or null. */
  readonly host: string | null;
  /** Registrable domain by the public suffix list (its private part included), or null. */
  readonly domain: string | null;
  /** Visible text of the link (HTML anchors), or null. */
  readonly text: string | null;
  readonly from: 'plain' | 'html-link' | 'html-image' | 'html-form' | 'html-other' | 'html-text';
}

/** A URL worked out when asked for. */
export class LazyUrl implements Url {
  #parsed: URL | null | undefined;
  #domain: string | null | undefined;

  /** `base` is the address relative targets count from, or null. */
  constructor(
    readonly raw: string,
    readonly text: string | null,
    readonly from: Url['from'],
    private readonly base: string | null,
  ) {}

  get href(): string | null {
    return this.#url()?.href ?? null;
  }

  get host(): string | null {
    const host = this.#url()?.hostname ?? '';
    return host === '' ? null : host;
  }

  get domain(): string | null {
    if (this.#domain === undefined) this.#domain = this.host === null ? null : registrableDomain(this.host);
    return this.#domain;
  }

  #url(): URL | null {
    if (this.#parsed === undefined) this.#parsed = parseUrl(this.raw, this.base);
    return this.#parsed;
  }
}

/** Registrable domain of a host name, or null for addresses and bare suffixes. */
export function registrableDomain(host: string): string | null {
  return getDomain(host, { allowPrivateDomains: true }) ?? getDomain(host);
}

const SCHEME = /^[a-z][a-z0-9+.-]{0,30}:/i;
const HOST_PORT = /^[a-z0-9.-]{1,255}:\d{1,5}(?:[/?#]|$)/i;

function parseUrl(raw: string, base: string | null): URL | null {
  const text = raw.replace(/[\t\n\r]/g, '').trim();
  if (/^www\d{0,2}\./i.test(text)) return tryUrl(`http://${text}`);
  if (/^ftp\./i.test(text)) return tryUrl(`ftp://${text}`);
  if (SCHEME.test(text) && !HOST_PORT.test(text)) return tryUrl(text);
  if (text.startsWith('//') || text.startsWith('\\\\')) return tryUrl(`http:${text}`);
  if (base !== null) {
    const resolved = tryUrl(text, base);
    if (resolved !== null) return resolved;
  }
  return SCHEMELESS.test(text) ? tryUrl(`http://${text}`) : null;
}

/** `host.tld` followed by nothing or by a path. */
const SCHEMELESS = /^[^\s/?#@:]{1,255}\.[^\s/?#@:.]{2,63}(?::\d{1,5})?(?:[/?#]|$)/;

function tryUrl(text: string, base?: string): URL | null {
  return URL.canParse(text, base) ? new URL(text, base) : null;
}
