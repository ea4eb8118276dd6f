// What rules run over, derived from one message the way SpamAssassin derives it: rendered paragraphs (body), decoded
// chunks (rawbody), cleaned addresses (uri), the raw whole (full), header values, relays, HTML. Everything is worked out
// when first asked for and kept; sizes are bounded, and what was cut is told by `cut`.
import type { Transaction } from '../../message/envelope.js';
import type { Message } from '../../message/message.js';
import type { Countries } from '../../outside/countries.js';
import { toBytes } from '../bytes.js';
import { TEXT_INPUTS, type TextInput } from '../definition.js';
import { NO_DNS_HITS, type DnsHits } from '../dns/hits.js';
import { RULE_SETTINGS_DEFAULTS, type RuleSettings } from '../language/settings.js';
import { Subject } from '../pattern/pattern.js';
import { isRelayCountries, relayCountries } from '../relay-countries.js';
import { doAtOnce, type Steps } from '../steps.js';
import { bodyElements, rawbodyChunks, renderPart, type RenderedPart, type Visibility } from './body.js';
import { cleaningTables } from './cleaning-tables.js';
import type { MailHeader } from './header.js';
import type { RuleFacts } from '../evals/facts.js';
import { looksIntoBody } from '../evals/freemail-eval.js';
import { withoutQuoted } from './found-addresses.js';
import { HeaderValues, NOTHING, type HeaderSource } from './header-values.js';
import type { HtmlFacts } from './html.js';
import { ownRelayOf } from './own-relay.js';
import { parseMail, type ParsedMail } from './parse.js';
import type { MailPart } from './part.js';
import { readRelays, type Relays } from './relays.js';
import { collectUris, type HtmlUris, type MailUris } from './uris.js';

/** What surrounds a message while rules run. */
export interface RuleSurroundings {
  /** What look-ups and learning found out, or null where nothing did. */
  readonly facts: RuleFacts | null;
  readonly settings: RuleSettings;
  /** When the message came, ms since 1970. */
  readonly nowMs: number;
}

/** Messages shorter than this are worked out as they are asked for, bytes. */
const PREPARED_BYTES_MIN = 100_000;

export class RuleMail {
  readonly headers: HeaderValues;
  readonly settings: RuleSettings;
  readonly nowMs: number;
  readonly facts: RuleFacts | null;
  private readonly kept = new Map<TextInput, readonly Subject[]>();
  private anyCut = false;
  private isPrepared = false;
  private parsedMail: ParsedMail | null = null;
  private readRelays: Relays | null = null;
  private fields: readonly MailHeader[] | null = null;
  private allParagraphs: readonly string[] | null = null;
  private leafParts: readonly MailPart[] | null = null;
  private renderedParts: readonly (RenderedPart | null)[] | null = null;
  private collectedUris: MailUris | null = null;
  /** What was looked up for it; set before its rules are run, and nothing where no look-up is allowed. */
  dnsHits: DnsHits = NO_DNS_HITS;

  /** `textBytesMax` bounds each of body, rawbody and full as a whole. */
  constructor(
    readonly message: Message,
    readonly transaction: Transaction | null,
    readonly textBytesMax: number,
    countries: Countries | null = null,
    surroundings: Partial<RuleSurroundings> = {},
  ) {
    this.settings = surroundings.settings ?? RULE_SETTINGS_DEFAULTS;
    this.facts = surroundings.facts ?? null;
    this.nowMs = surroundings.nowMs ?? transaction?.receivedAt ?? 0;
    this.headers = new HeaderValues(this.headerSource(countries));
  }

  /** The message taken apart as SpamAssassin does. */
  get parsed(): ParsedMail {
    return (this.parsedMail ??= parseMail(this.message.raw));
  }

  /** All parts, containers too, depth first. */
  get parts(): readonly MailPart[] {
    return this.parsed.parts;
  }

  /** Parts that hold content, depth first. */
  get leaves(): readonly MailPart[] {
    return (this.leafParts ??= this.parts.filter(({ isLeaf }) => isLeaf));
  }

  /** Fields top-down, the one that our own server will add among them; without verdicts of filters. */
  get headerFields(): readonly MailHeader[] {
    if (this.fields === null) {
      const own = ownRelayOf(this.transaction);
      this.fields = own === null ? this.parsed.headers : [own.header, ...this.parsed.headers];
    }
    return this.fields;
  }

  /** The relays it came through. */
  get relays(): Relays {
    const values = (key: string) => this.parsed.headers.filter((header) => header.key === key);
    this.readRelays ??= readRelays(
      {
        received: values('received').map((header) => header.decoded()),
        lastValue: (name) => values(name.toLowerCase()).at(-1)?.decoded() ?? null,
        own: ownRelayOf(this.transaction)?.relay ?? null,
      },
      this.settings,
    );
    return this.readRelays;
  }

  /** Leaves as their readers see them; null for those that are no text. */
  get rendered(): readonly (RenderedPart | null)[] {
    return (this.renderedParts ??= this.leaves.map((part) => doAtOnce(renderPart(part))));
  }

  /** What each HTML part is made of, in their order. */
  html(): readonly HtmlFacts[] {
    return this.rendered.flatMap((part) => part?.html ?? []);
  }

  /** Addresses of each HTML part. */
  private get htmlUris(): readonly HtmlUris[] {
    return this.html().map(({ uris, values }) => ({ uris, urisTruncated: values.has('uri_truncated') }));
  }

  /** Paragraphs of one kind of text, the subject first where there is one. */
  bodyOf(visibility: Visibility): readonly string[] {
    const subject = this.headers.fields('subject').at(-1)?.decoded() ?? null;
    return bodyElements(this.rendered, subject, visibility, scanSize(this.settings.bodyPartScanSize));
  }

  /** Addresses, found and cleaned. */
  get uris(): MailUris {
    return this.collectedUris ?? doAtOnce(this.collect());
  }

  private *collect(): Steps<MailUris> {
    const { settings } = this;
    const signatures = settings.parseDkimUris ? ['DomainKey-Signature', 'DKIM-Signature'] : [];
    this.collectedUris = yield* collectUris(
      {
        body: this.paragraphs,
        html: this.htmlUris,
        signatures: signatures.flatMap((name) => this.headers.get(name) ?? []),
      },
      cleaningTables(settings),
    );
    if (this.collectedUris.cut) this.anyCut = true;
    return this.collectedUris;
  }

  /**
   * Works out, with rests, what takes long of a large message and would be asked for later all the same; of others nothing.
   * With `ownView` also what Weir's own stages see of it.
   */
  *prepare(ownView: boolean): Steps<void> {
    if (this.message.raw.length < PREPARED_BYTES_MIN || this.isPrepared) return;
    this.isPrepared = true;
    for (const part of this.leaves) {
      yield;
      part.bytes();
    }
    const rendered: (RenderedPart | null)[] = [];
    for (const part of this.leaves) {
      yield;
      rendered.push(yield* renderPart(part));
    }
    this.renderedParts ??= rendered;
    void this.relays;
    yield;
    void this.paragraphs;
    yield;
    if (this.collectedUris === null) yield* this.collect();
    for (const input of TEXT_INPUTS) {
      yield;
      this.texts(input);
    }
    if (ownView) yield* this.prepareOwnView();
  }

  private *prepareOwnView(): Steps<void> {
    yield;
    for (const text of this.message.texts) {
      yield;
      void text.visible;
    }
    yield;
    void this.message.urls;
  }

  private headerSource(countries: Countries | null): HeaderSource {
    const { tlds, secondLevelDomains, thirdLevelDomains } = cleaningTables(this.settings).registry;
    const { envelopeSenderHeader } = this.settings;
    return {
      fields: () => this.headerFields,
      text: () => {
        const own = ownRelayOf(this.transaction);
        return own === null ? this.parsed.headerText : `${own.header.name}:${own.header.raw}${this.parsed.headerText}`;
      },
      relays: () => this.relays,
      settings: { envelopeSenderHeader, tlds, secondLevelDomains, thirdLevelDomains },
      envelopeFrom: this.transaction === null ? null : toBytes(this.transaction.mailFrom.address),
      metadata: (name) =>
        isRelayCountries(name) ? (relayCountries(this.message, this.transaction, countries) ?? NOTHING) : null,
    };
  }

  /** Whether something was too large to be looked at whole, as far as inputs were asked for yet. */
  get cut(): boolean {
    return this.anyCut;
  }

  /** The texts a rule of that type is tried on, one by one. */
  texts(input: TextInput): readonly Subject[] {
    let found = this.kept.get(input);
    if (found === undefined) {
      found = this.derive(input).map((text) => new Subject(text));
      this.kept.set(input, found);
    }
    return found;
  }

  private derive(input: TextInput): readonly string[] {
    switch (input) {
      case 'body':
        if (
          this.rendered.some((part) => part !== null && part.all.text.length > scanSize(this.settings.bodyPartScanSize))
        )
          this.anyCut = true;
        return this.searchedByFreemail();
      case 'rawbody':
        return this.rawbody(scanSize(this.settings.rawbodyPartScanSize));
      case 'uri':
        return this.uris.list;
      case 'full':
        return [this.parsed.pristine.slice(0, this.limited(this.parsed.pristine.length))];
    }
  }

  private rawbody(partMax: number): readonly string[] {
    if (this.leaves.some((part) => part.type.startsWith('text/') && part.bytes().length > partMax)) this.anyCut = true;
    return this.withinLimit(rawbodyChunks(this.leaves, partMax));
  }

  /** The body before any eval changed it. */
  private get paragraphs(): readonly string[] {
    this.allParagraphs ??= this.withinLimit(this.bodyOf('all'));
    return this.allParagraphs;
  }

  /** SpamAssassin's FreeMail plugin, where it looks for addresses in the body, leaves the text without those it skips. */
  private searchedByFreemail(): readonly string[] {
    const { tlds } = this.settings;
    return looksIntoBody(this) ? this.paragraphs.map((text) => withoutQuoted(text, tlds)) : this.paragraphs;
  }

  private limited(size: number): number {
    if (size > this.textBytesMax) this.anyCut = true;
    return Math.min(size, this.textBytesMax);
  }

  private withinLimit(texts: readonly string[]): readonly string[] {
    let room = this.textBytesMax;
    for (const [index, text] of texts.entries()) {
      if (room <= 0) {
        this.anyCut = true;
        return texts.slice(0, index);
      }
      room -= text.length;
    }
    return texts;
  }
}

/** `body_part_scan_size` and its like: 0 means no bound of its own. */
function scanSize(size: number): number {
  return size > 0 ? size : Infinity;
}
