// ARC sealing (RFC 8617 §5.1): the bytes of a message as they leave and what was found out when it came in, one ARC set as
// edits out. Never seals on top of a chain that said it had failed, nor states a chain that is not in the message.
import { createHash, sign as signBytes } from 'node:crypto';
import { parseMessage } from '../../message/parse.js';
import type { Message } from '../../message/message.js';
import type { Edit } from '../../pipeline/answer.js';
import type { SealBasis } from '../../pipeline/stage.js';
import { ARC_SETS_MAX, readChain, type ArcChain } from './arc-chain.js';
import { hashBodyNow } from './body-hash.js';
import { readSealingKey, type SealingKey } from './sealing-key.js';
import { relaxedField, SignedContent } from './signed-content.js';

export interface SealerOptions {
  /** d=: whose seal it is; its key stands in the DNS at `selector._domainkey.domain`. */
  readonly domain: string;
  readonly selector: string;
  /** RSA (2048 bits are usual) or Ed25519, PEM. */
  readonly privateKeyPem: string;
  /** How errors name the key; a path as a rule. */
  readonly keyFile?: string;
  /** Names of fields to sign, in this order and as often as named. Default: `FIELDS_SIGNED`, From once more than it stands. */
  readonly headersToSign?: readonly string[];
}

export interface Sealer {
  /**
   * The edits that put a new set on top, ARC-Seal uppermost, in the order to be made. Empty where there must be no further
   * set: the newest seal says the chain had failed (§5.1 step 2), there are 50, or the chain is not as `basis` says.
   */
  seal(content: Buffer, basis: SealBasis, nowMs: number): readonly Edit[];
}

/** What readers are shown and what holds a conversation together; nothing that later hosts add or rewrite. */
export const FIELDS_SIGNED: readonly string[] = [
  ...['from', 'sender', 'reply-to', 'to', 'cc', 'subject', 'date', 'message-id', 'in-reply-to', 'references'],
  ...['mime-version', 'content-type', 'content-transfer-encoding', 'content-disposition', 'content-id'],
  ...['resent-from', 'resent-sender', 'resent-to', 'resent-cc', 'resent-date', 'resent-message-id'],
  ...['list-id', 'list-help', 'list-unsubscribe', 'list-unsubscribe-post', 'list-subscribe', 'list-post'],
  ...['list-owner', 'list-archive', 'auto-submitted', 'dkim-signature'],
];

/** Occurrences of one field that are signed. */
const OCCURRENCES_MAX = 20;
/** Where h= is folded. */
const LINE_LENGTH = 76;

/** Makes a sealer. Throws an Error that names the key's file where the key is none. */
export function createSealer(options: SealerOptions): Sealer {
  const key = readSealingKey(options.privateKeyPem, options.keyFile ?? 'the sealing key');
  return { seal: (content, basis, nowMs) => new Seal(options, key, parseMessage(content), nowMs).edits(basis) };
}

/** Name and value of one field, folds as `\n` and a blank. */
interface Field {
  readonly name: string;
  readonly value: string;
}

class Seal {
  readonly #algorithm: string;
  readonly #timeS: string;
  constructor(
    private readonly options: SealerOptions,
    private readonly key: SealingKey,
    private readonly message: Message,
    nowMs: number,
  ) {
    this.#algorithm = `${key.type}-sha256`;
    this.#timeS = String(Math.floor(nowMs / 1_000));
  }

  edits(basis: SealBasis): readonly Edit[] {
    const chain = readChain(this.message);
    if (!maySeal(chain, basis)) return [];
    const instance = String(chain.highest + 1);
    const results: Field = {
      name: 'ARC-Authentication-Results',
      value: `i=${instance}; ${basis.authservId};\n ${foldResults(basis.results)}`,
    };
    const signature = this.#signMessage(instance);
    const seal = this.#sealSets(instance, basis.chain, chain, results, signature);
    return [results, signature, seal].map(({ name, value }) => ({ kind: 'prepend-header', name, value }));
  }

  /** §4.1.2: tags in alphabetical order, as verifiers' own test suites write them. */
  #signMessage(instance: string): Field {
    const content = new SignedContent(this.message, NEVER);
    const names = this.options.headersToSign?.map((name) => name.toLowerCase()) ?? namesToSign(this.message);
    const covered = content.signedFields(names, 'relaxed', null);
    const bodyHash = this.#bodyHash();
    const { domain, selector } = this.options;
    return this.#signed('ARC-Message-Signature', covered, (b) => [
      ['a', this.#algorithm],
      ['b', b],
      ['bh', bodyHash],
      ['c', 'relaxed/relaxed'],
      ['d', domain],
      ['h', names.join(':')],
      ['i', instance],
      ['s', selector],
      ['t', this.#timeS],
    ]);
  }

  #bodyHash(): string {
    const { raw, bodyOffset, tokens } = this.message;
    const bareLf = tokens.bareLfCount > 0;
    const options = { canonicalisation: 'relaxed', limitBytes: Infinity, bareLf } as const;
    return hashBodyNow(raw.subarray(bodyOffset), options).hash;
  }

  /** §5.1.1: over all sets in order; §5.1.2: over its own alone when it says that the chain failed. */
  #sealSets(instance: string, status: string, chain: ArcChain, results: Field, signature: Field): Field {
    const content = new SignedContent(this.message, NEVER);
    const before = status === 'fail' ? [] : chain.sets.flatMap((set) => [set.results, set.signature, set.seal]);
    const covered =
      before.map((field) => content.field(field, 'relaxed')).join('') + canonical(results) + canonical(signature);
    const { domain, selector } = this.options;
    return this.#signed('ARC-Seal', covered, (b) => [
      ['a', this.#algorithm],
      ['b', b],
      ['cv', status],
      ['d', domain],
      ['i', instance],
      ['s', selector],
      ['t', this.#timeS],
    ]);
  }

  /** A field whose b= signs `covered` and the field itself with b= empty. */
  #signed(name: string, covered: string, tags: (b: string) => readonly (readonly [string, string])[]): Field {
    const unsigned = { name, value: foldTags(tags('')) };
    const input = Buffer.from(covered + canonical(unsigned).slice(0, -2), 'latin1');
    return { name, value: foldTags(tags(this.#sign(input).toString('base64'))) };
  }

  #sign(input: Buffer): Buffer {
    if (this.key.type === 'rsa') return signBytes('sha256', input, this.key.key);
    return signBytes(null, createHash('sha256').update(input).digest(), this.key.key);
  }
}

const NEVER = new AbortController().signal;

/** Whether a further set says something true (§5.1 steps 1 to 3). */
function maySeal(chain: ArcChain, basis: SealBasis): boolean {
  if (chain.highest >= ARC_SETS_MAX || chain.newestStatus === 'fail') return false;
  if (basis.chain === 'fail') return chain.highest > 0;
  if (chain.problem !== null || chain.highest !== basis.instances) return false;
  return (basis.chain === 'none') === (chain.highest === 0);
}

/** Every occurrence that stands, bottom up; From once more, so that none can be added unseen. */
function namesToSign(message: Message): readonly string[] {
  return FIELDS_SIGNED.flatMap((name) => {
    const count = Math.min(message.headersNamed(name).length, OCCURRENCES_MAX);
    return Array.from({ length: name === 'from' ? count + 1 : count }, () => name);
  });
}

function canonical({ name, value }: Field): string {
  return `${relaxedField(name.toLowerCase(), value)}\r\n`;
}

/**
 * Tags on lines. b= stands on one, 686 bytes at most: a fold within it would be part of what later seals cover, and the
 * public suite has none there. Folds are with blanks, not tabs: dkimpy looks for ` i=1;` in the bytes.
 */
function foldTags(tags: readonly (readonly [string, string])[]): string {
  return tags.map(([name, value]) => foldTag(name, value)).join(';\n ');
}

function foldTag(name: string, value: string): string {
  if (name !== 'h') return `${name}=${value}`;
  let text = 'h=';
  let length = 2;
  for (const [index, part] of value.split(':').entries()) {
    const piece = index === 0 ? part : `:${part}`;
    if (length + piece.length > LINE_LENGTH && index > 0) {
      text += ':\n ';
      length = part.length;
      text += part;
      continue;
    }
    text += piece;
    length += piece.length;
  }
  return text;
}

/** The results one to a line. Semicolons within quotes are not told apart: a fold may stand there too. */
function foldResults(text: string): string {
  return text.replace(/[\r\n\0]+[ \t]*/g, ' ').replace(/; +/g, ';\n ');
}
