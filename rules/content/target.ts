// What a rule of the administrator looks at, taken from one message as received: decoded, bounded, and kept for all rules
// that look at the same thing. Never fails; what was too much is told by `cut`.
import { decodeText } from '../../message/charset.js';
import type { Transaction } from '../../message/envelope.js';
import type { Message } from '../../message/message.js';
import { toBytes } from '../bytes.js';
import { Subject } from '../pattern/pattern.js';
import { foldCase, foldLetters, unify } from './fold.js';

/** `content` is the text of all text parts, attached ones too, with the subject. */
export type Target = 'subject' | 'content' | 'from' | 'to' | 'header';

/** Most characters of header values looked at per target. */
export const HEADER_MAX_CHARS = 262_144;

/** Stands before, between and after the values of words, so that nothing is found across them; no value holds it. */
export const BETWEEN = '\0';

/**
 * The forms of a target that patterns are compared with, UTF-8 bytes each: `lines` as decoded, a line end between values;
 * `words` as a reader sees them; each also without case.
 */
export type Form = 'lines' | 'folded-lines' | 'words' | 'folded-words';

/** The values of one target in these forms, each worked out when first asked for. */
export class TargetText {
  readonly #subjects = new Map<Form, Subject>();
  #unified: readonly string[] | undefined;

  constructor(readonly values: readonly string[]) {}

  subject(form: Form): Subject {
    let subject = this.#subjects.get(form);
    if (subject === undefined) this.#subjects.set(form, (subject = new Subject(toBytes(this.#text(form)))));
    return subject;
  }

  #text(form: Form): string {
    switch (form) {
      case 'lines':
        return this.values.join('\n');
      case 'folded-lines':
        return foldLetters(this.values.join('\n'));
      case 'words':
        return apart(this.#words());
      case 'folded-words':
        return apart(this.#words().map(foldCase));
    }
  }

  #words(): readonly string[] {
    return (this.#unified ??= this.values.map(unify));
  }
}

function apart(values: readonly string[]): string {
  return BETWEEN + values.join(BETWEEN) + BETWEEN;
}

/** One message, target by target. */
export class TargetTexts {
  readonly #kept = new Map<string, TargetText>();
  #cut = false;

  constructor(
    private readonly message: Message,
    private readonly transaction: Transaction,
    private readonly textMaxChars: number,
  ) {}

  /** Whether there was more text than is looked at, as far as targets were asked for yet. */
  get cut(): boolean {
    return this.#cut;
  }

  /** `header` names the field for that target. */
  of(target: Target, header: string): TargetText {
    const key = target === 'header' ? `header ${header.toLowerCase()}` : target;
    let text = this.#kept.get(key);
    if (text === undefined) {
      text = new TargetText(this.#derive(target, header));
      this.#kept.set(key, text);
    }
    return text;
  }

  #derive(target: Target, header: string): readonly string[] {
    switch (target) {
      case 'subject':
        return this.#bound(this.#fields('Subject'), HEADER_MAX_CHARS);
      case 'header':
        return this.#bound(this.#fields(header), HEADER_MAX_CHARS);
      case 'from':
        return this.#bound([this.transaction.mailFrom.address, ...this.#mailboxes('From')], HEADER_MAX_CHARS);
      case 'to': {
        const envelope = this.transaction.rcptTo.map(({ address }) => address);
        return this.#bound([...envelope, ...this.#mailboxes('To'), ...this.#mailboxes('Cc')], HEADER_MAX_CHARS);
      }
      case 'content':
        return this.#content();
    }
  }

  /** Decoded values of every field of that name: a second Subject counts like the first. */
  #fields(name: string): readonly string[] {
    return this.message.headersNamed(name).map(({ value }) => value);
  }

  /** The field as it reads, then its display names and addresses one by one. */
  #mailboxes(name: string): readonly string[] {
    const boxes = this.message.addresses(name);
    return [...this.#fields(name), ...boxes.map((box) => box.name), ...boxes.map(({ address }) => address)];
  }

  #content(): readonly string[] {
    const values = [...this.#fields('Subject')];
    let left = this.textMaxChars;
    for (const text of this.#texts()) {
      const taken = text.slice(0, left);
      if (taken.length < text.length) this.#cut = true;
      left -= taken.length;
      if (taken !== '') values.push(taken);
    }
    // Limits of the message's own reading; known once the texts were read.
    if (this.message.oddities.some(({ code }) => code === 'TEXT_LIMIT' || code === 'MIME_PARTS_LIMIT'))
      this.#cut = true;
    return values;
  }

  /** What readers see, what is hidden from them, then what another reader might make of the same bytes. */
  *#texts(): Generator<string> {
    for (const text of this.message.texts) {
      yield text.visible;
      yield text.hidden;
    }
    for (const { content } of this.message.readings()) yield decodeText(content, null).text;
  }

  #bound(values: readonly string[], maxChars: number): readonly string[] {
    let left = maxChars;
    const kept: string[] = [];
    for (const value of values) {
      if (value === '') continue;
      if (value.length > left) this.#cut = true;
      if (left <= 0) break;
      kept.push(value.slice(0, left));
      left -= value.length;
    }
    return kept;
  }
}

/** By message and bound. */
const shared = new WeakMap<Message, Map<number, TargetTexts>>();

/** The texts of a message, the same object for every stage that asks with the same bound. */
export function textsOf(message: Message, transaction: Transaction, textMaxChars: number): TargetTexts {
  const byBound = shared.get(message) ?? new Map<number, TargetTexts>();
  shared.set(message, byBound);
  const texts = byBound.get(textMaxChars) ?? new TargetTexts(message, transaction, textMaxChars);
  byBound.set(textMaxChars, texts);
  return texts;
}
