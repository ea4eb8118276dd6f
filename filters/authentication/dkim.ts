// DKIM verification (RFC 6376, RFC 8301, RFC 8463): the signatures of one message in, the result of each out. Nothing the
// mail brings makes it throw, stall or believe; where reading is in doubt the result is no pass.
import { getDomain } from '../../message/public-suffix.js';
import type { HeaderField } from '../../message/header.js';
import type { Message } from '../../message/message.js';
import type { Resolver } from '../../outside/resolver.js';
import { alignmentOf } from './alignment.js';
import type { DkimFacts, DkimResult } from './facts.js';
import { readIdentity, type Identity } from './identity.js';
import { fetchKeys, RSA_BITS_MIN, type KeyProblem, type PublicKey } from './key-record.js';
import { SignedContent } from './signed-content.js';
import { readDomain, TagReader, timeProblem, verifySignature, type MessageSignature } from './signature.js';

/** Bounds of one verification. */
export interface DkimLimits {
  /** Signatures looked at, from the top; what lies below has one entry for all, result `policy`. */
  readonly signaturesMax: number;
  /** RSA keys shorter than this give `policy`, never `pass`. */
  readonly rsaBitsMin: number;
}

export const DKIM_LIMITS: DkimLimits = { signaturesMax: 10, rsaBitsMin: RSA_BITS_MIN };
/** Bytes of b= that a report shows (RFC 6008 §4 wants eight at least). */
const SIGNATURE_START_LENGTH = 8;
const IDENTITY_LENGTH_MAX = 320;

export interface DkimInput {
  readonly message: Message;
  readonly resolver: Resolver;
  /** Ends the message's time: what is not known by then is `temperror`. */
  readonly signal: AbortSignal;
  /** ms since the epoch. */
  readonly nowMs: number;
  /** Domain of the one author (author.ts), or null: then nothing is aligned. */
  readonly fromDomain: string | null;
  readonly limits?: Partial<DkimLimits>;
  /** Shared with `verifyArc`, so that the body is hashed once for both. */
  readonly content?: SignedContent;
  /** The message was over the size limit and is not here as a whole: no signature can be judged. */
  readonly truncated?: boolean;
}

/** Result of every signature, message order; empty where there is none. Never throws on what a mail or DNS brings. */
export async function verifyDkim(input: DkimInput): Promise<readonly DkimFacts[]> {
  const fields = input.message.headersNamed('dkim-signature');
  if (fields.length === 0) return [];
  const verifier = new Verifier(input);
  const looked = fields.slice(0, verifier.limits.signaturesMax);
  const facts = await Promise.all(looked.map((field) => verifier.verify(field)));
  const over = fields.length - looked.length;
  if (over === 0) return facts;
  const problem = `${over} more signatures were not looked at: ${verifier.limits.signaturesMax} are the most`;
  return [...facts, { ...NOTHING_KNOWN, result: 'policy', problem }];
}

const NOTHING_KNOWN: DkimFacts = {
  result: 'permerror',
  domain: '',
  selector: '',
  identity: '',
  algorithm: '',
  keyBits: null,
  signatureStart: '',
  alignment: null,
  testing: false,
  signedHeaders: [],
  problem: null,
};

/** What a check found: the result, and why it is no pass. */
interface Outcome {
  readonly result: DkimResult;
  readonly problem: string | null;
  readonly bits?: number | null;
  readonly testing?: boolean;
}

/** A field that could be read as a signature. */
interface Signed {
  readonly signature: MessageSignature;
  readonly identity: Identity;
}

class Verifier {
  readonly limits: DkimLimits;
  readonly #content: SignedContent;
  constructor(private readonly input: DkimInput) {
    this.limits = { ...DKIM_LIMITS, ...input.limits };
    this.#content = input.content ?? new SignedContent(input.message, input.signal);
  }

  async verify(field: HeaderField): Promise<DkimFacts> {
    const tags = TagReader.of(field);
    const signed = readSignature(tags, field);
    const outcome = 'result' in signed ? signed : await this.#judge(signed);
    return this.#facts(tags, 'result' in signed ? null : signed, outcome);
  }

  /** RFC 6376 §6.1: syntax was read; here time, content and key. */
  async #judge({ signature, identity }: Signed): Promise<Outcome> {
    if (this.input.truncated === true) return { result: 'neutral', problem: 'the message was not read as a whole' };
    if (this.#content.headerCut) return { result: 'permerror', problem: 'the header is over the limits' };
    const [body, keys] = await Promise.all([this.#checkBody(signature), this.#fetchKeys(signature)]);
    if (body.result !== 'pass' && body.result !== 'policy') return body;
    if ('kind' in keys) return ofKeyProblem(keys);
    const outcome = this.#checkSignature(signature, identity, keys);
    if (outcome.result !== 'pass') return outcome;
    const late = timeProblem(signature, this.input.nowMs);
    if (late !== null) return { ...outcome, result: 'policy', problem: late };
    if (body.result === 'policy') return { ...outcome, ...body };
    return { ...outcome, problem: addedFields(this.input.message, signature.signedHeaders) };
  }

  /** bh= and l= (§3.7, §6.1.3). A body that is longer than what was signed is never a pass. */
  async #checkBody(signature: MessageSignature): Promise<Outcome> {
    const pending = this.#content.bodyHash(signature.bodyCanonicalisation, signature.bodyLimitBytes);
    if (pending === 'over') return { result: 'policy', problem: 'too many signatures with lengths of their own (l=)' };
    const body = await pending;
    if (body === null) return { result: 'temperror', problem: 'the time for the message was over' };
    const limit = signature.bodyLimitBytes;
    if (limit !== Infinity && limit > body.sizeBytes)
      return { result: 'permerror', problem: 'l= is longer than the body' };
    if (body.hash !== signature.bodyHash) return { result: 'fail', problem: 'the body was changed after signing' };
    if (limit < body.sizeBytes)
      return { result: 'policy', problem: `${body.sizeBytes - limit} bytes of the body are not signed (l=)` };
    return { result: 'pass', problem: null };
  }

  #fetchKeys({ selector, domain, keyType }: MessageSignature): Promise<readonly PublicKey[] | KeyProblem> {
    const { resolver, signal } = this.input;
    return fetchKeys({ resolver, signal, rsaBitsMin: this.limits.rsaBitsMin }, selector, domain, keyType);
  }

  #checkSignature(signature: MessageSignature, identity: Identity, keys: readonly PublicKey[]): Outcome {
    const { field, signedHeaders, headerCanonicalisation, b, keyType } = signature;
    const signed =
      this.#content.signedFields(signedHeaders, headerCanonicalisation, field) +
      this.#content.withoutSignature(field, b, headerCanonicalisation);
    const key = keys.find((one) => verifySignature(keyType, one.key, signed, signature.signature));
    const { bits, testing } = key ?? keys[0] ?? { bits: null, testing: false };
    if (key === undefined) return { result: 'fail', problem: 'the signature does not verify', bits, testing };
    if (key.strictIdentity && identity.domain !== signature.domain)
      return { result: 'permerror', problem: 'the key does not sign for domains below its own (t=s)', bits, testing };
    return { result: 'pass', problem: null, bits, testing };
  }

  #facts(tags: TagReader, signed: Signed | null, outcome: Outcome): DkimFacts {
    const { fromDomain } = this.input;
    const domain = signed?.signature.domain ?? readDomain(tags.value('d') ?? '') ?? '';
    const apart = fromDomain === null || domain === '' || isPublicSuffix(domain);
    return {
      result: outcome.result,
      domain,
      selector: signed?.signature.selector ?? '',
      identity: (signed?.identity.text ?? '').slice(0, IDENTITY_LENGTH_MAX),
      algorithm: knownAlgorithm(tags.value('a')),
      keyBits: outcome.bits ?? null,
      signatureStart: (/^[A-Za-z0-9+/=]*/.exec(tags.value('b') ?? '')?.[0] ?? '').slice(0, SIGNATURE_START_LENGTH),
      alignment: apart ? null : alignmentOf(domain, fromDomain),
      testing: outcome.testing ?? false,
      signedHeaders: signed?.signature.signedHeaders ?? [],
      problem: outcome.problem,
    };
  }
}

/** The field as a signature, or what is wrong with it (§6.1.1). */
function readSignature(tags: TagReader, field: HeaderField): Signed | Outcome {
  const version = tags.required('v');
  if (tags.problem === null && version !== '1') tags.object('v= is an unknown version');
  const signature = tags.messageSignature(field);
  if (signature.signedHeaders.length === 0) tags.object('h= names no field');
  if (!signature.signedHeaders.includes('from')) tags.object('h= leaves From unsigned');
  const methods = tags.value('q');
  if (methods !== null && !methods.split(':').some((method) => method.trim() === 'dns/txt'))
    tags.object('q= names no way to the key that is known');
  if (signature.expiresAtS !== null && signature.signedAtS !== null && signature.expiresAtS <= signature.signedAtS)
    tags.object('x= is not after t=');
  const identity = readIdentity(tags.value('i'), signature.domain);
  if (identity === null) tags.object('i= is not of the signing domain');
  if (tags.problem !== null || identity === null)
    return { result: tags.weak ? 'policy' : 'permerror', problem: tags.problem };
  return { signature, identity };
}

function ofKeyProblem({ kind, problem, bits }: KeyProblem): Outcome {
  if (kind === 'temporary') return { result: 'temperror', problem };
  return { result: kind === 'weak' ? 'policy' : 'permerror', problem, bits };
}

/** Fields that may stand once: a further one, added after signing, is what many programs show (§8.15). */
const SHOWN_ONCE = ['from', 'subject', 'date', 'to', 'cc', 'reply-to', 'sender', 'content-type'];

/** A signature stands when such a field was added, and what it says is no longer what is shown. */
function addedFields(message: Message, signedHeaders: readonly string[]): string | null {
  const added = SHOWN_ONCE.filter((name) => {
    const count = message.headersNamed(name).length;
    return count > 1 && signedHeaders.filter((signed) => signed === name).length < count;
  });
  return added.length === 0 ? null : `stands more often than is signed: ${added.join(', ')}`;
}

/** Names under which anybody may register: whoever signs for one speaks for nobody below it. */
function isPublicSuffix(domain: string): boolean {
  return getDomain(domain, { allowPrivateDomains: false, extractHostname: false, detectIp: false }) === null;
}

function knownAlgorithm(text: string | null): string {
  return text !== null && /^[a-z0-9-]{1,32}$/.test(text) ? text : '';
}
