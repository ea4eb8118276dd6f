// The ARC sets of a message (RFC 8617 §4, §5.2 steps 1 to 3): its fields put in order by instance, or what breaks their
// structure. Takes the message's view; verifies no signature, looks nothing up.
import type { HeaderField } from '../../message/header.js';
import type { Message } from '../../message/message.js';
import { TagReader } from './signature.js';

/** §4.2.1: instances are numbered from 1 to 50. */
export const ARC_SETS_MAX = 50;
/** Bytes of all ARC fields together: every seal covers all before it, so their verification costs the square. */
export const ARC_BYTES_MAX = 262_144;

export const ARC_RESULTS = 'arc-authentication-results';
export const ARC_SIGNATURE = 'arc-message-signature';
export const ARC_SEAL = 'arc-seal';
const KINDS = [ARC_RESULTS, ARC_SIGNATURE, ARC_SEAL] as const;

/** One set: what a handler of the message added. */
export interface ArcSet {
  readonly instance: number;
  readonly results: HeaderField;
  readonly signature: HeaderField;
  readonly signatureTags: TagReader;
  readonly seal: HeaderField;
  readonly sealTags: TagReader;
}

/** `sets` from instance 1 upwards, empty where there is no chain. `problem` where the structure is broken; `highest` counts all the same. */
export interface ArcChain {
  readonly sets: readonly ArcSet[];
  readonly highest: number;
  /** cv= of the seal with the highest instance, '' where there is none. */
  readonly newestStatus: string;
  readonly problem: string | null;
}

const NO_CHAIN: ArcChain = { sets: [], highest: 0, newestStatus: '', problem: null };

/** Fields of one instance, as they are found. */
type Slot = Partial<Record<(typeof KINDS)[number], { readonly field: HeaderField; readonly tags: TagReader }>>;

/** Collects the chain. Never throws; linear. */
export function readChain(message: Message): ArcChain {
  const fields = KINDS.map((kind) => [kind, message.headersNamed(kind)] as const);
  const count = fields.reduce((sum, [, list]) => sum + list.length, 0);
  if (count === 0) return NO_CHAIN;
  if (count > ARC_SETS_MAX * KINDS.length)
    return { ...NO_CHAIN, highest: ARC_SETS_MAX, problem: `more than ${ARC_SETS_MAX} ARC sets` };
  const sizeBytes = fields.reduce((sum, [, list]) => list.reduce((all, { start, end }) => all + end - start, sum), 0);
  if (sizeBytes > ARC_BYTES_MAX)
    return { ...NO_CHAIN, highest: Math.ceil(count / KINDS.length), problem: 'the ARC fields are too long' };
  const slots = new Map<number, Slot>();
  let problem: string | null = null;
  for (const [kind, list] of fields) {
    for (const field of list) {
      const tags = kind === ARC_RESULTS ? new TagReader({ tags: new Map(), problem: null }) : TagReader.of(field);
      const instance = kind === ARC_RESULTS ? leadingInstance(field.rawValue) : numberOf(tags.value('i') ?? '');
      const slot = slots.get(instance) ?? {};
      if (instance === 0) problem ??= `${kind} without an instance from 1 to ${ARC_SETS_MAX}`;
      else if (slot[kind] !== undefined) problem ??= `${kind} stands twice for instance ${instance}`;
      else slots.set(instance, { ...slot, [kind]: { field, tags } });
    }
  }
  return inOrder(slots, problem);
}

/** Sets numbered without a gap, each whole, each with the status its place demands (§5.2 steps 2 and 3). */
function inOrder(slots: ReadonlyMap<number, Slot>, found: string | null): ArcChain {
  const highest = Math.max(0, ...slots.keys());
  const newestStatus = slots.get(highest)?.[ARC_SEAL]?.tags.value('cv') ?? '';
  const sets: ArcSet[] = [];
  let problem = found;
  for (let instance = 1; instance <= highest && problem === null; instance++) {
    const set = wholeSet(instance, slots.get(instance) ?? {});
    problem = typeof set === 'string' ? set : statusProblem(set);
    if (typeof set !== 'string') sets.push(set);
  }
  return { sets: problem === null ? sets : [], highest, newestStatus, problem };
}

function wholeSet(instance: number, slot: Slot): ArcSet | string {
  const [results, signature, seal] = [slot[ARC_RESULTS], slot[ARC_SIGNATURE], slot[ARC_SEAL]];
  if (results === undefined || signature === undefined || seal === undefined) {
    const missing = KINDS.filter((kind) => slot[kind] === undefined);
    return `instance ${instance} lacks ${missing.join(', ')}`;
  }
  return {
    instance,
    results: results.field,
    signature: signature.field,
    signatureTags: signature.tags,
    seal: seal.field,
    sealTags: seal.tags,
  };
}

function statusProblem({ instance, sealTags }: ArcSet): string | null {
  const status = sealTags.value('cv');
  if (status === (instance === 1 ? 'none' : 'pass')) return null;
  return status === 'fail' ? `instance ${instance} says the chain had failed` : `instance ${instance} has a wrong cv=`;
}

/** `1*2DIGIT` from 1 to 50; 0 for anything else. */
function numberOf(text: string): number {
  const instance = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
  return instance <= ARC_SETS_MAX ? instance : 0;
}

/** Bytes of an ARC-Authentication-Results field within which its instance must be told. */
const HEAD_BYTES_MAX = 256;

/** §4.1.1: `i=N;` stands before everything else. */
function leadingInstance(rawValue: string): number {
  const head = rawValue.slice(0, HEAD_BYTES_MAX);
  const match = /^[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,2})[ \t\r\n]*;/.exec(head);
  return numberOf(match?.[1] ?? '');
}
