// Header values as rules read them (`header NAME =~`, `exists:`, evals): all instances of a field, decoded or raw, parts of
// them by modifiers, and pseudo headers. Values are byte strings, one per instance; what is absent is told apart from what
// is empty. Nothing here throws on mail.
import type { RuleSettings } from '../language/settings.js';
import { Subject } from '../pattern/pattern.js';
import { readAddresses } from './addresses.js';
import { findHost } from './hosts.js';
import { isRelayCountries } from '../relay-countries.js';
import { firstFreeIp, reverseIp } from './ip.js';
import { MailHeader } from './header.js';
import { trimDomain, type RegistryTables } from './registry.js';
import type { Relays } from './relays.js';
import { isBlank, trimBlanks } from './white.js';

/** Longest `ALL`, bytes; fields that would go beyond it are left out, by name. */
export const ALL_LENGTH_MAX = 65_536;
/** Longest text that a pattern is tried on, bytes. */
export const JOINED_LENGTH_MAX = 262_144;
/** Selectors whose values are kept; mail cannot make more of them, rule files can. */
const KEPT_MAX = 4_096;

/** What header values are made of. */
export interface HeaderSource {
  /** Top-down, without verdicts of filters. */
  fields(): readonly MailHeader[];
  /** The header as it came. */
  text(): string;
  relays(): Relays;
  readonly settings: Pick<RuleSettings, 'envelopeSenderHeader'> & RegistryTables;
  /** The envelope's sender where a transaction tells it ('' for the empty one), else null. */
  readonly envelopeFrom: string | null;
  /**
   * What is known of the message by a name (lower case) that is never a header's, `NOTHING` where nothing is, null for names
   * of headers.
   */
  metadata(name: string): string | typeof NOTHING | null;
}

/** A name that is no header's, of which nothing is known. */
export const NOTHING = Symbol('nothing');

const MODIFIERS = ['raw', 'addr', 'name', 'host', 'domain', 'ip', 'revip', 'first', 'last'] as const;
type Modifier = (typeof MODIFIERS)[number];

const MESSAGE_ID_NAMES = ['x-message-id', 'resent-message-id', 'x-original-message-id', 'message-id'];

/** Names that stand for more than fields of that name. */
const PSEUDO = /^(?:ALL(?:-TRUSTED|-INTERNAL|-UNTRUSTED|-EXTERNAL)?|MESSAGEID)$/;
const PSEUDO_IN_ANY_CASE = /^(?:x-spam-relays-(?:un)?trusted|x-spam-relays-(?:ex|in)ternal|envelopefrom|tocc)$/;

/** The field, in lower case, without which a header of that name has no value; null for names that stand for more. */
export function fieldKey(name: string): string | null {
  const key = name.toLowerCase();
  return PSEUDO.test(name) || PSEUDO_IN_ANY_CASE.test(key) || isRelayCountries(key) ? null : key;
}

interface ReadSelector {
  readonly name: string;
  readonly modifiers: ReadonlySet<Modifier>;
}

/** Selectors of rule files and evals, of which there are few; read once. */
const SELECTORS = new Map<string, ReadSelector>();

function readSelector(selector: string): ReadSelector {
  let found = SELECTORS.get(selector);
  if (found === undefined) {
    const [name = '', ...words] = selector.split(':');
    const isModifier = (word: string): word is Modifier => (MODIFIERS as readonly string[]).includes(word);
    found = { name, modifiers: new Set(words.filter(isModifier)) };
    if (SELECTORS.size < KEPT_MAX) SELECTORS.set(selector, found);
  }
  return found;
}

export class HeaderValues {
  readonly #kept = new Map<string, readonly string[]>();
  readonly #subjects = new Map<string, Subject | null>();
  #byKey: Map<string, MailHeader[]> | null = null;

  constructor(private readonly source: HeaderSource) {}

  /** What a header rule matches: all values in one; null where there is none. `selector` is `Name` or `Name:modifier…`. */
  get(selector: string): string | null {
    const values = this.values(selector);
    if (values.length === 0) return null;
    return values.length === 1 ? values[0]! : values.join(values[0]!.endsWith('\n') ? '' : '\n');
  }

  /** The same as `get`, to be matched. */
  subject(selector: string): Subject | null {
    let found = this.#subjects.get(selector);
    if (found === undefined) {
      const text = this.get(selector);
      found = text === null ? null : new Subject(text.slice(0, JOINED_LENGTH_MAX));
      if (this.#subjects.size < KEPT_MAX) this.#subjects.set(selector, found);
    }
    return found;
  }

  /** One text, as evals ask for it: the first of addresses, names and hosts, without its line end; '' for none. */
  text(selector: string): string {
    const values = this.values(selector);
    if (values.length === 0) return '';
    if (!/:(?:addr|name|host|domain|ip|revip)\b/.test(selector) && selector !== 'EnvelopeFrom') return values.join('');
    const first = values[0]!;
    return first.endsWith('\n') ? first.slice(0, -1) : first;
  }

  exists(name: string): boolean {
    return this.values(name).length > 0;
  }

  /** Each value by itself, in message order. */
  values(selector: string): readonly string[] {
    let found = this.#kept.get(selector);
    if (found === undefined) {
      found = this.#read(selector);
      if (this.#kept.size < KEPT_MAX) this.#kept.set(selector, found);
    }
    return found;
  }

  /** Fields of a name in lower case. */
  fields(key: string): readonly MailHeader[] {
    return this.#fieldsByKey().get(key) ?? [];
  }

  /** Whether there is a field of that name in lower case. */
  has(key: string): boolean {
    return this.#fieldsByKey().has(key);
  }

  /** Names of all fields in lower case, each once. */
  keys(): Iterable<string> {
    return this.#fieldsByKey().keys();
  }

  #fieldsByKey(): ReadonlyMap<string, MailHeader[]> {
    if (this.#byKey === null) {
      this.#byKey = new Map();
      for (const header of this.source.fields()) {
        const same = this.#byKey.get(header.key);
        if (same === undefined) this.#byKey.set(header.key, [header]);
        else same.push(header);
      }
    }
    return this.#byKey;
  }

  #read(selector: string): readonly string[] {
    const { name, modifiers } = readSelector(selector);
    let values = this.#instances(name, modifiers);
    if (values.length > 1) {
      if (modifiers.has('first')) values = values.slice(0, 1);
      else if (modifiers.has('last')) values = values.slice(-1);
    }
    if (modifiers.has('addr')) values = values.flatMap(addressesOf);
    else if (modifiers.has('name')) values = values.flatMap((value) => namesOf(value, modifiers.has('raw')));
    if (modifiers.has('host') || modifiers.has('domain')) return this.#hosts(values, modifiers);
    return modifiers.has('ip') || modifiers.has('revip') ? ipsOf(values, modifiers.has('revip')) : values;
  }

  #instances(name: string, modifiers: ReadonlySet<Modifier>): readonly string[] {
    const raw = modifiers.has('raw');
    switch (name) {
      case 'ALL':
        return raw ? this.#rawFields() : this.#allFields();
      case 'ALL-TRUSTED':
        return this.#range(null, this.source.relays().lastTrustedIndex + 1, raw);
      case 'ALL-INTERNAL':
        return this.#range(null, this.source.relays().lastInternalIndex + 1, raw);
      case 'ALL-UNTRUSTED':
        return this.#range(this.source.relays().lastTrustedIndex + 1, null, raw);
      case 'ALL-EXTERNAL':
        return this.#range(this.source.relays().lastInternalIndex + 1, null, raw);
      case 'MESSAGEID':
        return MESSAGE_ID_NAMES.flatMap((key) => this.#lines(key, raw));
    }
    const key = name.toLowerCase();
    const relays = this.#relaysNamed(key);
    if (relays !== null) return [relays];
    if (key === 'envelopefrom') {
      const sender = this.#envelopeFrom();
      return sender === null ? [] : [sender];
    }
    if (key === 'tocc') return [...this.#lines('to', raw), ...this.#lines('cc', raw)];
    return this.#conventional(key, raw || modifiers.has('addr') || modifiers.has('name'));
  }

  #conventional(key: string, raw: boolean): readonly string[] {
    const known = this.source.metadata(key);
    if (known !== null) return typeof known === 'string' ? [known] : [];
    return this.fields(key).map((field) => (raw ? field.raw : `${field.decoded()}\n`));
  }

  #relaysNamed(key: string): string | null {
    switch (key) {
      case 'x-spam-relays-untrusted':
        return this.source.relays().untrustedText;
      case 'x-spam-relays-trusted':
        return this.source.relays().trustedText;
      case 'x-spam-relays-external':
        return this.source.relays().externalText;
      case 'x-spam-relays-internal':
        return this.source.relays().internalText;
      default:
        return null;
    }
  }

  /** Values with a line end; folds undone in raw ones. */
  #lines(key: string, raw: boolean): readonly string[] {
    return this.fields(key).map((field) =>
      raw ? field.raw.replace(/\r?\n[ \t\n\r\f\v]+/g, ' ') : `${field.decoded()}\n`,
    );
  }

  /** `Name: value` of every field, bounded as a whole. */
  #allFields(): readonly string[] {
    const headers = this.source.fields();
    const lines = headers.map((field) => `${field.name}: ${field.decoded()}\n`);
    const size = lines.reduce((sum, line) => sum + line.length, 0);
    return size <= ALL_LENGTH_MAX ? lines : withinLimit(headers, lines);
  }

  /** Every field as it came, folds kept. */
  #rawFields(): readonly string[] {
    const fields: string[] = [];
    for (const line of this.source.text().match(/[^\n]*\n/g) ?? []) {
      if (!/^[ \t]/.test(line)) fields.push(line);
      else if (fields.length > 0) fields.push(fields.pop()! + line);
    }
    // The empty line that ends the header is no field.
    if (fields.at(-1) === '\n') fields.pop();
    return fields;
  }

  /** The fields between two Received fields, counted from 0 at the top; both ends belong to it. */
  #range(from: number | null, to: number | null, raw: boolean): readonly string[] {
    const fields = raw
      ? this.#rawFields()
      : this.#allFields().flatMap((field) => field.match(/[^\n]*\n|[^\n]+$/g) ?? []);
    const taken: string[] = [];
    let index = -1;
    for (const field of fields) {
      if (/^Received:/i.test(field)) index++;
      if ((from === null || from <= index) && (to === null || index < to)) taken.push(field);
      else if (to !== null && index === to) {
        taken.push(field);
        break;
      }
    }
    return taken;
  }

  #hosts(values: readonly string[], modifiers: ReadonlySet<Modifier>): readonly string[] {
    const hosts: string[] = [];
    for (const value of values) {
      const host = modifiers.has('addr') ? hostOfAddress(value) : findHost(value, this.source.settings);
      if (host === null || host === '' || host === '0') continue;
      hosts.push(modifiers.has('domain') ? trimDomain(host, this.source.settings) : host);
    }
    return hosts;
  }

  /** The envelope's sender, known or guessed; null where nothing tells it. */
  #envelopeFrom(): string | null {
    const { source } = this;
    if (source.envelopeFrom !== null) return source.envelopeFrom;
    const named = source.settings.envelopeSenderHeader;
    if (named !== null) return usableSender(this.values(`${named}:first:addr`)[0]);
    const { untrusted, trusted } = source.relays();
    const told = usableSender((untrusted[0] ?? trusted.at(-1))?.envfrom);
    if (told !== null) return told;
    // What fetchmail makes of a list's X-Sender is no envelope's sender.
    if (this.values('X-Sender:first:addr')[0]?.includes('@') === true)
      if (this.values('Received').some((line) => line.includes('(fetchmail'))) return null;
    const noted = this.values('X-Envelope-From:first:addr')[0];
    if (noted !== undefined) return this.#belowReceived('x-envelope-from') ? null : noted;
    for (const name of ['Envelope-Sender', 'Return-Path']) {
      const sender = this.values(`${name}:first:addr`)[0];
      if (sender !== undefined && !this.#belowReceived(name.toLowerCase())) return sender;
    }
    return null;
  }

  /** Whether a Received stands above a field of that name. */
  #belowReceived(key: string): boolean {
    let received = false;
    for (const field of this.source.fields()) {
      if (field.key === 'received') received = true;
      else if (received && field.key === key) return true;
    }
    return false;
  }
}

function usableSender(sender: string | null | undefined): string | null {
  return sender !== null && sender !== undefined && (sender === '' || sender.indexOf('@') > 0) ? sender : null;
}

/** Fields by name, in the order in which names appear, until the limit is reached. */
function withinLimit(headers: readonly MailHeader[], lines: readonly string[]): readonly string[] {
  const places = new Map<string, number[]>();
  headers.forEach(({ key }, index) => {
    const same = places.get(key);
    if (same === undefined) places.set(key, [index]);
    else same.push(index);
  });
  const taken = new Set<number>();
  let size = 0;
  for (const indexes of places.values()) {
    for (const index of indexes) {
      size += lines[index]!.length;
      if (size > ALL_LENGTH_MAX) return lines.filter((_, place) => taken.has(place));
      taken.add(index);
    }
  }
  return lines;
}

function addressesOf(value: string): string[] {
  return readAddresses(value).flatMap(({ address }) => (address === null ? [] : [address]));
}

function namesOf(value: string, raw: boolean): string[] {
  return readAddresses(value).flatMap(({ phrase }) => {
    if (phrase === null) return [];
    return [raw || isBlank(phrase) ? phrase : tidyName(new MailHeader('', phrase).decoded())];
  });
}

/** Blanks collapsed, single quotes around it removed. */
function tidyName(name: string): string {
  if (trimBlanks(name) === '') return name;
  const tidy = trimBlanks(name.replace(/[ \t\n\r\f\v]+/g, ' '));
  return tidy.length > 1 && tidy.startsWith("'") && tidy.endsWith("'") ? tidy.slice(1, -1) : tidy;
}

function hostOfAddress(value: string): string | null {
  return /^[^\n]*@([^ \t\n\r\f\v]+)/.exec(value)?.[1] ?? null;
}

function ipsOf(values: readonly string[], reversed: boolean): readonly string[] {
  return values.flatMap((value) => {
    const ip = firstFreeIp(value);
    const wanted = ip !== null && reversed ? reverseIp(ip) : ip;
    return wanted === null ? [] : [wanted];
  });
}
