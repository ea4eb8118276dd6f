// What rules run over, derived from one message the way SpamAssassin derives it: rendered paragraphs (body), decoded
// chunks (rawbody), cleaned addresses (uri), the raw whole (full), and header values. Everything is worked out when
// first asked for and kept; sizes are bounded, and what was cut is told by `cut`.
import type { Transaction } from '../../message/envelope.js';
import type { Message } from '../../message/message.js';
import type { Countries } from '../../outside/countries.js';
import { toBytes } from '../bytes.js';
import type { TextInput } from '../definition.js';
import { RULE_SETTINGS_DEFAULTS, type RuleSettings } from '../language/settings.js';
import { Subject } from '../pattern/pattern.js';
import { isRelayCountries, relayCountries } from '../relay-countries.js';
import { BODY_PART_MAX, bodyElements, RAWBODY_PART_MAX, rawbodyChunks, renderPart, type RenderedPart } from './body.js';
import type { MailHeader } from './header.js';
import type { HtmlFacts } from './html.js';
import { HeaderValues, NOTHING, type HeaderSource } from './header-values.js';
import { ownRelayOf } from './own-relay.js';
import { parseMail, type ParsedMail } from './parse.js';
import type { MailPart } from './part.js';
import { readRelays, type Relays } from './relays.js';
import { cleaningTables } from './cleaning-tables.js';
import { collectUris, type MailUris } from './uris.js';

/** What surrounds a message while rules run. */
export interface RuleSurroundings {
  readonly settings: RuleSettings;
  /** When the message came, ms since 1970. */
  readonly nowMs: number;
}

export class RuleMail {
  readonly headers: HeaderValues;
  private readonly kept = new Map<TextInput, readonly Subject[]>();
  private readonly joined = new Map<TextInput, Subject>();
  private renderedParts: readonly (RenderedPart | null)[] | null = null;
  private anyCut = false;

  private parsedMail: ParsedMail | null = null;
  private readRelays: Relays | null = null;
  private fields: readonly MailHeader[] | null = null;
  private collectedUris: MailUris | null = null;
  readonly settings: RuleSettings;
  readonly nowMs: number;

  /** `textBytesMax` bounds each of body, rawbody and full as a whole. */
  constructor(
    readonly message: Message,
    readonly transaction: Transaction | null,
    readonly textBytesMax: number,
    countries: Countries | null = null,
    surroundings: Partial<RuleSurroundings> = {},
  ) {
    this.settings = surroundings.settings ?? RULE_SETTINGS_DEFAULTS;
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

  /** Fields top-down, the one that our own server will add among them; without verdicts of filters. */
  get headerFields(): readonly MailHeader[] {
    const own = ownRelayOf(this.transaction);
    this.fields ??= own === null ? this.parsed.headers : [own.header, ...this.parsed.headers];
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

  private headerSource(countries: Countries | null): HeaderSource {
    return {
      fields: () => this.headerFields,
      text: () => {
        const own = ownRelayOf(this.transaction);
        return own === null ? this.parsed.headerText : `${own.header.name}:${own.header.raw}${this.parsed.headerText}`;
      },
      relays: () => this.relays,
      settings: this.settings,
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

  /** All of them in one, to ask whether a literal occurs at all. */
  whole(input: TextInput): Subject {
    let found = this.joined.get(input);
    if (found === undefined) {
      const texts = this.texts(input);
      found = texts.length === 1 ? texts[0]! : new Subject(texts.map((subject) => subject.text).join('\n'));
      this.joined.set(input, found);
    }
    return found;
  }

  /** Parts without parts below, in order. */
  get leaves(): readonly MailPart[] {
    return this.parts.filter((part) => part.isLeaf);
  }

  /** What the reader sees of each leaf; null where it is no text. */
  get rendered(): readonly (RenderedPart | null)[] {
    this.renderedParts ??= this.leaves.map(renderPart);
    return this.renderedParts;
  }

  /** What the HTML parts are made of, in order. */
  html(): readonly HtmlFacts[] {
    return this.rendered.flatMap((rendered) => rendered?.html ?? []);
  }

  /** Addresses in text, HTML and signatures. */
  get uris(): MailUris {
    this.collectedUris ??= collectUris(
      {
        body: this.texts('body').map(({ text }) => text),
        html: this.html().map(({ uris, values }) => ({ uris, urisTruncated: values.has('uri_truncated') })),
        signatures: this.settings.parseDkimUris ? this.signatures() : [],
      },
      cleaningTables(this.settings),
    );
    this.anyCut ||= this.collectedUris.cut;
    return this.collectedUris;
  }

  private signatures(): readonly string[] {
    return this.parsed.headers
      .filter(({ key }) => key === 'dkim-signature' || key === 'domainkey-signature')
      .map((header) => header.decoded());
  }

  private derive(input: TextInput): string[] {
    switch (input) {
      case 'body':
        return this.body();
      case 'rawbody':
        return this.rawbody();
      case 'uri':
        return [...this.uris.list];
      case 'full':
        return [this.parsed.pristine.slice(0, this.limited(this.parsed.pristine.length))];
    }
  }

  private limited(size: number): number {
    if (size > this.textBytesMax) this.anyCut = true;
    return Math.min(size, this.textBytesMax);
  }

  private withinLimit(texts: readonly string[]): string[] {
    const taken: string[] = [];
    let room = this.textBytesMax;
    for (const text of texts) {
      if (room <= 0) {
        this.anyCut = true;
        break;
      }
      taken.push(text);
      room -= text.length;
    }
    return taken;
  }

  private body(): string[] {
    this.anyCut ||= this.rendered.some((rendered) => (rendered?.all.text.length ?? 0) > BODY_PART_MAX);
    return this.withinLimit(bodyElements(this.rendered, this.parsed.root.value('subject')));
  }

  private rawbody(): string[] {
    this.anyCut ||= this.leaves.some((part) => isLongText(part));
    return this.withinLimit(rawbodyChunks(this.leaves));
  }
}

function isLongText(part: MailPart): boolean {
  return /^(?:text|message)\b/.test(part.effectiveType) && part.bytes().length > RAWBODY_PART_MAX;
}
