// Reads one message: bytes in, an immutable view out. Reads the header at once, everything else when first asked for.
// Never throws, whatever the bytes are; every bound is in `MessageLimits` or named beside its use.
import { createHash } from 'node:crypto';
import { parseAddresses, type Address } from './address.js';
import { findAttachments, type Attachment } from './attachment.js';
import { noteHeader, noteTokens } from './form.js';
import { readHeaderBlock, RFC_HEADER_READING, type HeaderBlock, type HeaderField } from './header.js';
import { DEFAULT_LIMITS, type MessageLimits } from './limits.js';
import type { Message } from './message.js';
import type { Part } from './mime.js';
import { OdditySink, type Oddity } from './oddity.js';
import { deriveReadings, type Reading } from './readings.js';
import { findTexts, findTextUrls, type PartText } from './text.js';
import { tokenise, type Tokens } from './tokens.js';
import { buildTree, RFC_READING, type Tree } from './tree.js';
import type { Url } from './url.js';

/**
 * Reads `raw` (the content of one message: header, empty line, body). Limits not given are the defaults. The buffer is
 * kept, not copied: the caller must not change it.
 */
export function parseMessage(raw: Buffer, limits: Partial<MessageLimits> = {}): Message {
  return new ParsedMessage(raw, { ...DEFAULT_LIMITS, ...limits });
}

const NO_FIELDS: readonly HeaderField[] = [];

class ParsedMessage implements Message {
  readonly #block: HeaderBlock;
  readonly #sink = new OdditySink();
  readonly #byName = new Map<string, HeaderField[]>();
  readonly #addresses = new Map<string, readonly Address[]>();
  #tokens: Tokens | undefined;
  #tree: Tree | undefined;
  #texts: readonly PartText[] | undefined;
  #attachments: readonly Attachment[] | undefined;
  #urls: readonly Url[] | undefined;
  #readings: readonly Reading[] | undefined;
  #sha256: string | undefined;

  constructor(
    readonly raw: Buffer,
    readonly limits: MessageLimits,
  ) {
    this.#block = readHeaderBlock({
      bytes: raw,
      start: 0,
      end: raw.length,
      limits,
      reading: RFC_HEADER_READING,
      oddities: this.#sink,
      atTop: true,
      isDelimiter: () => false,
    });
    for (const field of this.#block.fields) {
      const list = this.#byName.get(field.key);
      if (list === undefined) this.#byName.set(field.key, [field]);
      else list.push(field);
    }
    noteHeader(this.#block, this.#byName, this.#sink);
  }

  get tokens(): Tokens {
    if (this.#tokens === undefined) {
      this.#tokens = tokenise(this.raw);
      noteTokens(this.#tokens, this.bodyOffset, this.#sink);
    }
    return this.#tokens;
  }
  get bodyOffset(): number {
    return this.#block.bodyStart;
  }
  get headers(): readonly HeaderField[] {
    return this.#block.fields;
  }
  headersNamed(name: string): readonly HeaderField[] {
    return this.#byName.get(name.toLowerCase()) ?? NO_FIELDS;
  }
  header(name: string): string | null {
    return this.headersNamed(name)[0]?.value ?? null;
  }

  addresses(name: string): readonly Address[] {
    const key = name.toLowerCase();
    let list = this.#addresses.get(key);
    if (list === undefined) {
      list = this.headersNamed(key).flatMap((field) => {
        const { addresses, oddities } = parseAddresses(field.rawValue);
        for (const code of oddities) this.#sink.add(code, field.start, field.name);
        return addresses;
      });
      this.#addresses.set(key, list);
    }
    return list;
  }

  get messageId(): string | null {
    const value = this.header('message-id');
    return value === null || value === '' ? null : value.replace(/^<|>$/g, '');
  }
  get subject(): string | null {
    return this.header('subject');
  }
  get root(): Part {
    return this.#ownTree().root;
  }
  get parts(): readonly Part[] {
    return this.#ownTree().parts;
  }
  get texts(): readonly PartText[] {
    return (this.#texts ??= findTexts(this.parts, this.limits, this.#sink));
  }
  get attachments(): readonly Attachment[] {
    return (this.#attachments ??= findAttachments(this.parts, this.#sink));
  }
  get urls(): readonly Url[] {
    return (this.#urls ??= findTextUrls(this.texts, this.limits, this.#sink));
  }
  /** Those of the bytes stand behind those of the header. */
  get oddities(): readonly Oddity[] {
    void this.tokens;
    return this.#sink.list;
  }

  readings(): readonly Reading[] {
    return (this.#readings ??= deriveReadings({
      tokens: this.tokens,
      block: this.#block,
      start: 0,
      tree: this.#ownTree(),
      limits: this.limits,
      oddities: this.#sink,
    }));
  }

  get sha256(): string {
    return (this.#sha256 ??= createHash('sha256').update(this.raw).digest('hex'));
  }

  #ownTree(): Tree {
    return (this.#tree ??= buildTree({
      tokens: this.tokens,
      start: 0,
      limits: this.limits,
      oddities: this.#sink,
      reading: RFC_READING,
      rootBlock: this.#block,
    }));
  }
}
