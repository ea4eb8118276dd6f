// The addresses of one mail as uri rules, `uri_detail` and block lists see them: found in the rendered text, in HTML
// attributes and in DKIM signatures, cleaned, with their hosts and registered domains. Bounded; looks nothing up.
import type { Steps } from '../steps.js';
import { canonicalUris, percentDecoded, type CleaningBudget, type CleaningTables } from './canonical-uris.js';
import { domainOfUri, isDomainValid, isFqdnValid } from './registry.js';
import { findTextUris, trimTextUri, type TextUri } from './text-uris.js';

/** Longest form kept, bytes. */
export const URI_LENGTH_MAX = 8_192;
/** Addresses taken of one mail; a hostile one may hold a hundred thousand. */
export const URIS_MAX = 3_000;
/** Addresses cleaned of one mail, bytes in all. */
export const CLEANED_BYTES_MAX = 2_000_000;
/** Rendered text searched of one mail, bytes. */
export const TEXT_BYTES_MAX = 4_000_000;

/** What HTML says of one address: the tags it stands in, and the texts of its anchors. */
export interface HtmlUri {
  readonly types: ReadonlySet<string>;
  readonly anchorTexts: readonly string[];
}

/** One HTML part's addresses, by address as the renderer resolved it. */
export interface HtmlUris {
  readonly uris: ReadonlyMap<string, HtmlUri>;
  /** Whether one was longer than the limit. */
  readonly urisTruncated: boolean;
}

/** Where addresses come from; byte strings. */
export interface UriSources {
  /** The rendered paragraphs. */
  readonly body: readonly string[];
  /** All HTML parts, in order. */
  readonly html: readonly HtmlUris[];
  /** Values of signature headers whose `d=` counts; none where the settings switch it off. */
  readonly signatures: readonly string[];
}

/** One address: `uri_detail`'s keys are `types`, `cleaned`, anchor texts, `domains` and `hosts`. */
export interface UriDetail {
  readonly types: ReadonlySet<string>;
  /** Its forms, itself among them; none for signers, which uri rules do not see. */
  readonly cleaned: ReadonlySet<string>;
  readonly anchorTexts: readonly string[];
  readonly domains: ReadonlySet<string>;
  /** Host → registered domain. */
  readonly hosts: ReadonlyMap<string, string>;
}

export interface MailUris {
  /** Every cleaned form once: what `uri` rules run over. */
  readonly list: readonly string[];
  /** By address as found. */
  readonly details: ReadonlyMap<string, UriDetail>;
  /** Whether a form was longer than the limit (SpamAssassin's own fact). */
  readonly truncated: boolean;
  /** Whether addresses were left out for their number or size. */
  readonly cut: boolean;
}

interface Draft {
  readonly types: Set<string>;
  readonly cleaned: Set<string>;
  readonly anchorTexts: string[];
  readonly domains: Set<string>;
  readonly hosts: Map<string, string>;
}

/** Addresses cleaned between two rests. */
const CLEANED_PER_STEP = 100;

/** Collects and cleans, with rests. */
export function* collectUris(sources: UriSources, tables: CleaningTables): Steps<MailUris> {
  const collection = new Collection(tables);
  const seen = new Set<string>();
  let room = TEXT_BYTES_MAX;
  for (const paragraph of sources.body) {
    if ((room -= paragraph.length) < 0) {
      collection.budget.isSpent = true;
      break;
    }
    findTextUris(paragraph, tables.registry.tlds, (found) => collection.addText(found, seen));
    yield;
  }
  for (const html of sources.html) yield* collection.addHtml(html);
  for (const signature of sources.signatures) collection.addSignature(signature);
  return collection.result();
}

class Collection {
  private readonly details = new Map<string, Draft>();
  readonly budget: CleaningBudget = { bytes: CLEANED_BYTES_MAX, isSpent: false };
  private truncated = false;
  /** Addresses cleaned so far, kept ones and others. */
  private cleanings = 0;

  constructor(private readonly tables: CleaningTables) {}

  addText(found: TextUri, seen: Set<string>): void {
    const raw = trimTextUri(found.raw);
    if (seen.has(raw)) return;
    seen.add(raw);
    if (found.kind === 'mail' && !raw.includes('@')) return;
    if (found.host !== null && !isFqdnValid(found.host)) return;
    if (/^[cm]id:/i.test(raw) || /^\w+:\/{0,2}$/.test(raw)) return;
    const types = new Set(['parsed']);
    const complete = completeText(raw, types);
    const uri = complete === null || !/^mailto:/i.test(complete) ? complete : this.validMailbox(complete);
    if (uri !== null) this.add(uri, types, true);
  }

  /** Decoded as mail programs do before they compare, when its host can exist. */
  private validMailbox(uri: string): string | null {
    const clear = /%[0-9a-f]{2}/i.test(uri) ? percentDecoded(uri) : uri;
    const at = clear.indexOf('@');
    if (at < 0) return null;
    const length = clear.slice(at + 1).search(/[?&>]/);
    let host = length < 0 ? clear.slice(at + 1) : clear.slice(at + 1, at + 1 + length);
    while (host.endsWith('%20')) host = host.slice(0, -3);
    return isDomainValid(host, this.tables.registry) ? clear : null;
  }

  *addHtml({ uris, urisTruncated }: HtmlUris): Steps<void> {
    this.truncated ||= urisTruncated;
    for (const [uri, { types, anchorTexts }] of uris) {
      if (this.cleanings % CLEANED_PER_STEP === 0) yield;
      const draft = this.add(uri, types.size === 0 ? new Set(['parsed']) : types, false);
      if (draft === null) continue;
      for (const text of new Set(anchorTexts)) draft.anchorTexts.push(text);
    }
  }

  /** The domain that signs (`d=`), which block lists ask about and uri rules do not see. */
  addSignature(value: string): void {
    for (const [, domain] of value.matchAll(/\bd[\t-\r ]*=[\t-\r ]*([^;]+)/g))
      this.add(`domainkeys:${domain!.replace(/[\t-\r ]+/g, '')}`, new Set(['domainkeys', 'nocanon', 'noclean']), true);
  }

  private add(uri: string, types: ReadonlySet<string>, validOnly: boolean): Draft | null {
    if (++this.cleanings > URIS_MAX || this.budget.bytes <= 0) {
      this.budget.isSpent = true;
      return null;
    }
    const forms = types.has('nocanon') ? [uri] : canonicalUris(uri, this.tables, this.budget);
    const hosts = new Map<string, string>();
    const cleaned = forms.map((form) => this.shortened(form));
    for (const form of cleaned) {
      const found = domainOfUri(form, this.tables.registry);
      if (found !== null) hosts.set(found.host, found.domain);
    }
    if (validOnly && hosts.size === 0) return null;
    return this.merge(uri, types, types.has('noclean') ? [] : cleaned, hosts);
  }

  private shortened(form: string): string {
    if (form.length <= URI_LENGTH_MAX) return form;
    this.truncated = true;
    return form.slice(0, URI_LENGTH_MAX);
  }

  private merge(
    uri: string,
    types: ReadonlySet<string>,
    cleaned: readonly string[],
    hosts: ReadonlyMap<string, string>,
  ): Draft {
    const draft = this.details.get(uri) ?? emptyDraft();
    this.details.set(uri, draft);
    for (const type of types) draft.types.add(type);
    for (const form of cleaned) draft.cleaned.add(form);
    for (const [host, domain] of hosts) {
      draft.hosts.set(host, domain);
      draft.domains.add(domain);
    }
    return draft;
  }

  result(): MailUris {
    const list = new Set<string>();
    for (const { cleaned } of this.details.values()) for (const form of cleaned) list.add(form);
    return { list: [...list], details: this.details, truncated: this.truncated, cut: this.budget.isSpent };
  }
}

function emptyDraft(): Draft {
  return { types: new Set(), cleaned: new Set(), anchorTexts: [], domains: new Set(), hosts: new Map() };
}

/** An address of the text with the scheme a reader's program gives it, or null where it makes none of it. */
function completeText(raw: string, types: Set<string>): string | null {
  if (/^(?:https?|ftp|mailto):/i.test(raw)) return raw;
  types.add('schemeless');
  if (/^ftp\./i.test(raw)) return `ftp://${raw}`;
  if (/^www\d{0,2}\./i.test(raw)) return `http://${raw}`;
  const at = raw.indexOf('@');
  const slash = raw.indexOf('/');
  // A slash with something between it and a later `@`: no mailbox.
  if (slash >= 0 && raw.lastIndexOf('@') > slash + 1) return `http://${raw}`;
  if (at >= 0) {
    if (raw.indexOf('.', at + 2) < 0 || raw.includes('&nbsp;')) return null;
    return `mailto:${raw.replace(/^(?:skype|e?-?mail)?:+/i, '')}`;
  }
  if (!raw.includes('.')) return null;
  types.add('unlinked');
  return `http://${raw}`;
}
