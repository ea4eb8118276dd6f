// ARC verification (RFC 8617 §5.2): the chain of one message in, whether it holds and what a trusted sealer stated out.
// Nothing the mail brings makes it throw or stall; a chain that cannot be verified, whatever the cause, is a failing one.
import type { Message } from '../../message/message.js';
import type { Resolver } from '../../outside/resolver.js';
import { readChain, type ArcChain, type ArcSet } from './arc-chain.js';
import { canonicalDomain } from './domain.js';
import type { ArcFacts } from './facts.js';
import { fetchKeys, RSA_BITS_MIN, type KeyProblem, type PublicKey } from './key-record.js';
import { SignedContent } from './signed-content.js';
import { timeProblem, verifySignature, type MessageSignature, type SignatureCore } from './signature.js';
import { statedResult } from './stated-results.js';

export interface ArcInput {
  readonly message: Message;
  readonly resolver: Resolver;
  /** Ends the message's time: a chain not verified by then fails, `temporary`. */
  readonly signal: AbortSignal;
  /** ms since the epoch. */
  readonly nowMs: number;
  /** Domains whose seals are believed; `*.name` stands for every name below. */
  readonly trustedSealers: readonly string[];
  /** Domain of the one author (author.ts), or null: then no statement is believed. */
  readonly fromDomain: string | null;
  /** Shared with `verifyDkim`. */
  readonly content?: SignedContent;
  /** The message was over the size limit and is not here as a whole. */
  readonly truncated?: boolean;
}

const NO_ARC: ArcFacts = { result: 'none', instances: 0, sealer: '', trusted: false, statedDmarc: null, problem: null };

/** Why a chain fails. */
interface Failure {
  readonly problem: string;
  readonly temporary: boolean;
}

/** One set read whole. */
interface ReadSet {
  readonly set: ArcSet;
  readonly seal: SignatureCore;
}

/** Verifies the chain. Never throws on what a mail or DNS brings. */
export async function verifyArc(input: ArcInput): Promise<ArcFacts> {
  const chain = readChain(input.message);
  if (chain.highest === 0 && chain.problem === null) return NO_ARC;
  const sets = readSets(chain);
  if ('problem' in sets) return failed(chain, sets);
  const newest = sets.at(-1) as ReadSet;
  const signature = readMessageSignature(newest.set);
  if ('problem' in signature) return failed(chain, signature);
  const failure = await new ChainVerifier(input).verify(sets, signature);
  if (failure !== null) return failed(chain, failure, newest.seal.domain);
  const trusted = trustedRun(sets, signature, input);
  return {
    result: 'pass',
    instances: chain.highest,
    sealer: newest.seal.domain,
    trusted: trusted !== null,
    statedDmarc: trusted === null ? null : statedDmarc(trusted.set, input.fromDomain),
    problem: null,
  };
}

function failed(chain: ArcChain, { problem, temporary }: Failure, sealer = ''): ArcFacts {
  return { ...NO_ARC, result: 'fail', instances: chain.highest, sealer, problem, ...(temporary && { temporary }) };
}

const lasting = (problem: string): Failure => ({ problem, temporary: false });

/** The tags of every seal (§4.1.3), or what is wrong with the chain. */
function readSets(chain: ArcChain): readonly ReadSet[] | Failure {
  if (chain.problem !== null) return lasting(chain.problem);
  const sets: ReadSet[] = [];
  for (const set of chain.sets) {
    const { sealTags, signatureTags, instance } = set;
    const seal = sealTags.core(set.seal);
    if (sealTags.value('h') !== null) sealTags.object('h= stands in a seal');
    const problem = sealTags.problem ?? signatureTags.problem;
    if (problem !== null) return lasting(`instance ${instance}: ${problem}`);
    sets.push({ set, seal });
  }
  return sets;
}

/** The newest ARC-Message-Signature (§4.1.2), the one that covers the message as it is. */
function readMessageSignature({ instance, signature, signatureTags }: ArcSet): MessageSignature | Failure {
  const read = signatureTags.messageSignature(signature);
  if (read.signedHeaders.includes('arc-seal')) signatureTags.object('h= names ARC-Seal');
  return signatureTags.problem === null ? read : lasting(`instance ${instance}: ${signatureTags.problem}`);
}

class ChainVerifier {
  readonly #content: SignedContent;
  constructor(private readonly input: ArcInput) {
    this.#content = input.content ?? new SignedContent(input.message, input.signal);
  }

  /** Steps 4 and 6 of §5.2, the cheapest first. Null: the chain holds. */
  async verify(sets: readonly ReadSet[], signature: MessageSignature): Promise<Failure | null> {
    if (this.input.truncated === true) return { problem: 'the message was not read as a whole', temporary: true };
    if (this.#content.headerCut) return lasting('the header is over the limits');
    const late = timeProblem(signature, this.input.nowMs);
    if (late !== null) return lasting(late);
    return (
      (await this.#checkBody(signature)) ?? (await this.#checkMessage(signature)) ?? (await this.#checkSeals(sets))
    );
  }

  async #checkBody(signature: MessageSignature): Promise<Failure | null> {
    const pending = this.#content.bodyHash(signature.bodyCanonicalisation, signature.bodyLimitBytes);
    if (pending === 'over') return lasting('too many signatures with lengths of their own (l=)');
    const body = await pending;
    if (body === null) return { problem: 'the time for the message was over', temporary: true };
    if (body.hash !== signature.bodyHash) return lasting('the body was changed after the newest seal');
    const limit = signature.bodyLimitBytes;
    return limit !== Infinity && limit !== body.sizeBytes ? lasting('l= is not the length of the body') : null;
  }

  #checkMessage(signature: MessageSignature): Promise<Failure | null> {
    const { field, signedHeaders, headerCanonicalisation, b } = signature;
    const signed =
      this.#content.signedFields(signedHeaders, headerCanonicalisation, field) +
      this.#content.withoutSignature(field, b, headerCanonicalisation);
    return this.#check(signature, signed, 'the newest ARC-Message-Signature');
  }

  /** The newest first; the others once it holds. Each covers all sets up to its own (§5.1.1). */
  async #checkSeals(sets: readonly ReadSet[]): Promise<Failure | null> {
    const inputs: string[] = [];
    let before = '';
    for (const { set, seal } of sets) {
      before += this.#content.field(set.results, 'relaxed') + this.#content.field(set.signature, 'relaxed');
      inputs.push(before + this.#content.withoutSignature(seal.field, seal.b, 'relaxed'));
      before += this.#content.field(seal.field, 'relaxed');
    }
    const check = ({ seal, set }: ReadSet) =>
      this.#check(seal, inputs[set.instance - 1] as string, `the seal of instance ${set.instance}`);
    const newest = sets.at(-1) as ReadSet;
    const failure = await check(newest);
    if (failure !== null) return failure;
    const others = await Promise.all(sets.slice(0, -1).reverse().map(check));
    return others.find((one) => one !== null) ?? null;
  }

  async #check(signature: SignatureCore, signed: string, what: string): Promise<Failure | null> {
    const { selector, domain, keyType } = signature;
    const { resolver, signal } = this.input;
    const keys: readonly PublicKey[] | KeyProblem = await fetchKeys(
      { resolver, signal, rsaBitsMin: RSA_BITS_MIN },
      selector,
      domain,
      keyType,
    );
    if ('kind' in keys) return { problem: `${what}: ${keys.problem}`, temporary: keys.kind === 'temporary' };
    if (!(await this.#content.pace.spend(signed.length)))
      return { problem: 'the time for the message was over', temporary: true };
    const holds = keys.some(({ key }) => verifySignature(keyType, key, signed, signature.signature));
    return holds ? null : lasting(`${what} does not verify`);
  }
}

/**
 * The earliest set whose sealer is trusted and all after it too: nobody unknown sealed the message since, so what that set
 * says is nearest to its origin and believed as far as the settings go. Null where the newest sealer is not trusted, or
 * where the newest signature leaves From out, so that anybody may have written another.
 */
function trustedRun(sets: readonly ReadSet[], newest: MessageSignature, input: ArcInput): ReadSet | null {
  if (!newest.signedHeaders.includes('from') || input.message.headersNamed('from').length !== 1) return null;
  let earliest: ReadSet | null = null;
  for (let at = sets.length - 1; at >= 0; at--) {
    const one = sets[at] as ReadSet;
    if (!isTrusted(one.seal.domain, input.trustedSealers)) break;
    earliest = one;
  }
  return earliest;
}

function isTrusted(domain: string, trusted: readonly string[]): boolean {
  return trusted.some((entry) => {
    const below = entry.startsWith('*.');
    const name = canonicalDomain(below ? entry.slice(2) : entry);
    if (name === null) return false;
    return below ? domain.endsWith(`.${name}`) : domain === name;
  });
}

/** The DMARC result stated there. One for another From domain than today's is none for this message. */
function statedDmarc(set: ArcSet, fromDomain: string | null): string | null {
  const stated = fromDomain === null ? null : statedResult(set.results.rawValue, 'dmarc');
  const about = stated?.properties.get('header.from');
  if (stated === null || (about !== undefined && canonicalDomain(about) !== fromDomain)) return null;
  return stated.result;
}
