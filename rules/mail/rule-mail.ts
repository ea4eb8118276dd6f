// What rules run over, derived from one message the way SpamAssassin derives it: rendered paragraphs (body), decoded
// chunks (rawbody), cleaned addresses (uri), the raw whole (full), and header values. Everything is worked out when
// first asked for and kept; sizes are bounded, and what was cut is told by `cut`.
import type { Transaction } from '../../message/envelope.js';
import type { Message, Text } from '../../message/message.js';
import type { Part } from '../../message/mime.js';
import type { Countries } from '../../outside/countries.js';
import { toBytes, WHITE_SPACE } from '../bytes.js';
import type { TextInput } from '../definition.js';
import { HTML_LENGTH_MAX, renderHtml, type RenderedHtml } from '../html.js';
import { RULE_SETTINGS_DEFAULTS, type RuleSettings } from '../language/settings.js';
import { Subject } from '../pattern/pattern.js';
import { isRelayCountries, relayCountries } from '../relay-countries.js';
import type { MailHeader } from './header.js';
import { HeaderValues, NOTHING, type HeaderSource } from './header-values.js';
import { ownRelayOf } from './own-relay.js';
import { parseMail, type ParsedMail } from './parse.js';
import type { MailPart } from './part.js';
import { readRelays, type Relays } from './relays.js';
import { cleaningTables } from './cleaning-tables.js';
import { collectUris, type HtmlUris, type MailUris } from './uris.js';

/** Rendered text taken of one part, characters (SpamAssassin's `body_part_scan_size`). */
export const BODY_PART_MAX = 50_000;
/** Decoded text taken of one part, bytes (`rawbody_part_scan_size`). */
export const RAWBODY_PART_MAX = 500_000;
/** Longest body element and, twice over, rawbody chunk, bytes. */
export const ELEMENT_MAX = 2_048;
/** How far past a limit a line end is looked for. */
const CUT_SEARCH_MAX = 1_024;

/** What surrounds a message while rules run. */
export interface RuleSurroundings {
  readonly settings: RuleSettings;
  /** When the message came, ms since 1970. */
  readonly nowMs: number;
}

/** An HTML text part with its rendering. */
export interface HtmlText {
  readonly text: Text;
  readonly rendered: RenderedHtml;
}

export class RuleMail {
  readonly headers: HeaderValues;
  private readonly kept = new Map<TextInput, readonly Subject[]>();
  private readonly joined = new Map<TextInput, Subject>();
  private htmlTexts: readonly HtmlText[] | null = null;
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

  /** HTML parts, rendered. */
  html(): readonly HtmlText[] {
    this.htmlTexts ??= this.message.texts
      .filter((text) => text.kind === 'html')
      .map((text) => {
        if (text.source.length > HTML_LENGTH_MAX) this.anyCut = true;
        return { text, rendered: renderHtml(text.source) };
      });
    return this.htmlTexts;
  }

  private derive(input: TextInput): string[] {
    switch (input) {
      case 'body':
        return this.bodyElements();
      case 'rawbody':
        return this.withinLimit(this.rawbodyChunks());
      case 'uri':
        return [...this.uris.list];
      case 'full':
        return [this.message.raw.toString('latin1', 0, this.limited(this.message.raw.length))];
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

  /** Subject first, then paragraphs of all text parts, long ones broken. */
  private bodyElements(): string[] {
    const rendered = new Map(this.html().map(({ text, rendered: html }) => [text, html.text]));
    const pieces = this.message.texts.map((text) =>
      this.cutPart(rendered.get(text) ?? text.source, BODY_PART_MAX, '\n '),
    );
    const paragraphs = pieces
      .join('\n')
      .replace(/\r\n?/g, '\n')
      .split(PARAGRAPH_BREAK)
      .map((paragraph) => paragraph.replace(WHITE_SPACE, ' '));
    const elements = paragraphs.map((text, index) => toBytes(index < paragraphs.length - 1 ? `${text}\n` : text));
    const subject = `${toBytes(this.message.headersNamed('subject').at(-1)?.value ?? '')}\n`;
    return this.withinLimit([subject, ...elements.filter((text) => text !== '')].flatMap(breakElement));
  }

  private cutPart(text: string, max: number, stops: string): string {
    if (text.length <= max) return text;
    this.anyCut = true;
    const window = text.slice(max, max + CUT_SEARCH_MAX);
    for (const stop of stops) {
      const at = window.indexOf(stop);
      if (at >= 0) return text.slice(0, max + at + 1);
    }
    return text.slice(0, max);
  }

  private rawbodyChunks(): string[] {
    return this.message.parts.filter(isRawText).flatMap((part) => {
      const content = part.content();
      if (content.length > RAWBODY_PART_MAX + CUT_SEARCH_MAX) this.anyCut = true;
      const text = content.toString('latin1', 0, RAWBODY_PART_MAX + CUT_SEARCH_MAX).replace(/\r\n/g, '\n');
      return chunk(this.cutPart(text, RAWBODY_PART_MAX, '\n> '));
    });
  }
}

const HTML_URI_TYPES: ReadonlyMap<string, string> = new Map([
  ['html-link', 'a'],
  ['html-image', 'img'],
  ['html-form', 'form'],
]);

/** An empty line, or several. */
const PARAGRAPH_BREAK = /\n+[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*\n+/;

/** Cut after the last blank within the limit, else at it. */
function breakElement(text: string): string[] {
  if (text.length <= ELEMENT_MAX) return [text];
  const elements: string[] = [];
  let at = 0;
  while (text.length - at > ELEMENT_MAX) {
    const blank = text.lastIndexOf(' ', at + ELEMENT_MAX);
    const end = blank > at ? blank + 1 : at + ELEMENT_MAX;
    elements.push(text.slice(at, end));
    at = end;
  }
  elements.push(text.slice(at));
  return elements;
}

function isRawText(part: Part): boolean {
  if (part.children.length > 0) return false;
  return (part.type.startsWith('text/') || part.type.startsWith('message/')) && part.type !== 'text/calendar';
}

/** Chunks of 2 to 4 KB: while more than 4096 bytes remain, cut after the first line end, `>` or blank past 2048. */
function chunk(text: string): string[] {
  const chunks: string[] = [];
  let at = 0;
  while (text.length - at > 2 * ELEMENT_MAX) {
    const window = text.slice(at + ELEMENT_MAX, at + 2 * ELEMENT_MAX);
    const stop = ['\n', '>', ' '].map((char) => window.indexOf(char)).find((index) => index >= 0) ?? -1;
    const end = at + ELEMENT_MAX + stop + 1;
    chunks.push(text.slice(at, end));
    at = end;
  }
  chunks.push(text.slice(at));
  return chunks;
}
