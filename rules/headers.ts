// Header values as rules see them: all instances of a field joined, decoded or raw, or parts of them (addresses, names,
// hosts), and the pseudo headers. Values are byte strings; an absent header is null.
import { getDomain } from 'tldts';
import type { Transaction } from '../message/envelope.js';
import type { HeaderField } from '../message/header.js';
import type { Message } from '../message/message.js';
import type { Countries } from '../outside/countries.js';
import { toBytes } from './bytes.js';
import type { HeaderModifier, HeaderSelector } from './definition.js';
import { Subject } from './pattern/pattern.js';
import { isRelayCountries, relayCountries } from './relay-countries.js';

/** Longest single value (SpamAssassin's own bound) and longest joined value, bytes. */
export const VALUE_LENGTH_MAX = 8_192;
export const JOINED_LENGTH_MAX = 65_536;

/** Fields whose RFC 2047 words are not decoded. */
const NOT_DECODED =
  /^(?:received|(?:resent-)?message-id|(?:resent-)?date|mime-version|references|in-reply-to|list-[!-~]*)$/;

const MESSAGE_ID_FIELDS = ['x-message-id', 'resent-message-id', 'x-original-message-id', 'message-id'];

export class HeaderValues {
  private readonly kept = new Map<string, Subject | null>();

  constructor(
    private readonly message: Message,
    private readonly transaction: Transaction | null,
    private readonly countries: Countries | null,
  ) {}

  /** Whether the field is there, even empty. */
  exists(name: string): boolean {
    if (isRelayCountries(name)) return this.read({ name, modifiers: [] }) !== null;
    return this.fields(name).length > 0 || (isPseudo(name) && this.read({ name, modifiers: [] }) !== null);
  }

  /** The value a selector names, or null when there is none. */
  subject(selector: HeaderSelector): Subject | null {
    const key = [selector.name, ...selector.modifiers].join(':');
    let found = this.kept.get(key);
    if (found === undefined) {
      const text = this.read(selector);
      found = text === null ? null : new Subject(text.slice(0, JOINED_LENGTH_MAX));
      this.kept.set(key, found);
    }
    return found;
  }

  /** Fields of that name; verdicts written by filters before us are not there. */
  fields(name: string): readonly HeaderField[] {
    return this.message.headersNamed(name).filter(isVisible);
  }

  private read({ name, modifiers }: HeaderSelector): string | null {
    const has = (modifier: HeaderModifier) => modifiers.includes(modifier);
    let fields: readonly HeaderField[];
    if (name === 'ALL') return this.all(has('raw'));
    else if (name === 'MESSAGEID') fields = MESSAGE_ID_FIELDS.flatMap((field) => this.fields(field));
    else if (name.toLowerCase() === 'tocc') fields = [...this.fields('to'), ...this.fields('cc')];
    else if (name.toLowerCase() === 'envelopefrom') return this.envelopeFrom();
    else if (isRelayCountries(name)) return relayCountries(this.message, this.transaction, this.countries);
    else fields = this.fields(name);
    if (has('first')) fields = fields.slice(0, 1);
    if (has('last')) fields = fields.slice(-1);
    if (fields.length === 0) return null;
    if (has('addr') || has('name')) return this.mailboxes(name, has('addr') ? 'address' : 'name', modifiers);
    const text = fields.map((field) => `${has('raw') ? rawValue(field) : decodedValue(field)}\n`).join('');
    return has('host') || has('domain') ? hostOf(text, has('domain')) : text;
  }

  private all(raw: boolean): string {
    const lines = this.message.headers
      .filter(isVisible)
      .map((field) => (raw ? `${field.name}:${rawValue(field)}\n` : `${field.name}: ${decodedValue(field)}\n`));
    return lines.join('');
  }

  private mailboxes(name: string, what: 'address' | 'name', modifiers: readonly HeaderModifier[]): string | null {
    const fields = name.toLowerCase() === 'tocc' ? ['to', 'cc'] : [name];
    let found = fields.flatMap((field) => this.message.addresses(field));
    if (modifiers.includes('first')) found = found.slice(0, 1);
    if (modifiers.includes('last')) found = found.slice(-1);
    const text = toBytes(found.map((mailbox) => mailbox[what]).join('\n'));
    return modifiers.includes('host') || modifiers.includes('domain')
      ? hostOf(text, modifiers.includes('domain'))
      : text;
  }

  /** The envelope's sender, or what a Return-Path says that no Received stands above. */
  private envelopeFrom(): string | null {
    if (this.transaction !== null) return toBytes(this.transaction.mailFrom.address);
    for (const field of this.message.headers) {
      if (field.key === 'received') return null;
      if (field.key === 'return-path') return decodedValue(field).replace(/^<|>$/g, '');
    }
    return null;
  }
}

function isPseudo(name: string): boolean {
  return name === 'ALL' || name === 'MESSAGEID' || ['tocc', 'envelopefrom'].includes(name.toLowerCase());
}

function isVisible(field: HeaderField): boolean {
  return !field.key.startsWith('x-spam-') || field.key.startsWith('x-spam-prev-');
}

function rawValue(field: HeaderField): string {
  return field.rawValue.slice(0, VALUE_LENGTH_MAX).replace(/\r\n/g, '\n');
}

function decodedValue(field: HeaderField): string {
  if (!NOT_DECODED.test(field.key)) return toBytes(field.value).slice(0, VALUE_LENGTH_MAX);
  return field.rawValue
    .slice(0, VALUE_LENGTH_MAX)
    .replace(/\r?\n[ \t]/g, ' ')
    .replace(/[\r\n]/g, '')
    .trim();
}

/** The host after the last `@`, else the first thing like a host; or its registered domain. */
function hostOf(text: string, domain: boolean): string | null {
  const words = text.toLowerCase().split(/[^a-z0-9_.@-]+/);
  const after = words.filter((word) => word.includes('@')).at(-1);
  const found = after === undefined ? words.find(isHost) : after.slice(after.lastIndexOf('@') + 1);
  const host = found !== undefined && isHost(found) ? found : null;
  return host !== null && domain ? getDomain(host) : host;
}

function isHost(word: string): boolean {
  const labels = word.split('.');
  return labels.length > 1 && labels.every((label) => label !== '' && !label.includes('@'));
}
