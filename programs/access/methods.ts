// What the control socket offers on the block and allow rules, and what commands call directly when no server runs.
// Parameters come from outside and are checked; every change is audited.
import { Type } from 'typebox';
import { readHits } from '../../filters/access/hits.js';
import { makeRule, RULE_EFFECTS, RULE_KINDS, type AccessRule, type RuleFault } from '../../filters/access/rule.js';
import type { RuleFilter } from '../../filters/access/search.js';
import type { Added } from '../../filters/access/store.js';
import { StateUnavailable } from '../../state/state.js';
import type { ControlMethods } from '../control.js';
import { method } from '../control-method.js';
import type { Stores } from '../stores.js';

/** Rules of one call; whoever has more calls again. */
export const CALL_RULES_MAX = 400;
const LIST_MAX = 1_000;
const IDS_MAX = 10_000;
const TEXT_MAX_CHARS = 1_000;

const strict = { additionalProperties: false } as const;
const text = Type.String({ maxLength: TEXT_MAX_CHARS });
const optional = Type.Optional;
const time = Type.Union([Type.Integer({ minimum: 0, maximum: 8.64e15 }), Type.Null()]);
const oneOf = (values: readonly string[]) => Type.Enum([...values]);

const wishFields = {
  kind: text,
  value: text,
  effect: text,
  name: text,
  enabled: Type.Boolean(),
  note: text,
  expiresAt: time,
  scope: text,
  final: Type.Boolean(),
  authenticated: Type.Boolean(),
  skips: text,
};
const Wish = Type.Object(
  { ...Type.Partial(Type.Object(wishFields)).properties, kind: text, value: text, effect: text },
  strict,
);
const Add = Type.Object(
  {
    rules: Type.Array(Wish, { minItems: 1, maxItems: CALL_RULES_MAX }),
    author: text,
    existing: oneOf(['keep', 'replace']),
  },
  strict,
);
const Change = Type.Object(
  { id: text, wish: Type.Object(Type.Partial(Type.Object(wishFields)).properties, strict) },
  strict,
);
const Ids = Type.Object({ ids: Type.Array(text, { maxItems: IDS_MAX }) }, strict);
const List = Type.Object(
  {
    filter: Type.Object(
      {
        ...{ text: optional(text), name: optional(text), scope: optional(text) },
        ...{ kind: optional(oneOf(RULE_KINDS)), effect: optional(oneOf(RULE_EFFECTS)) },
        state: optional(oneOf(['on', 'off', 'expired'])),
      },
      strict,
    ),
    limit: Type.Integer({ minimum: 1, maximum: LIST_MAX }),
    before: optional(text),
  },
  strict,
);

export interface Counts {
  /** Null where the state that counts is away. */
  readonly hits: number | null;
  /** ms since the epoch; null for never. */
  readonly lastHitAt: number | null;
}

/** A rule with its counts, as lists give it. */
export type ListedRule = AccessRule & Counts;

/** What `access.add` gives: what became of each rule, or the first that is not sound, by its place. */
export type AddResult = { readonly added: readonly Added[] } | { readonly at: number; readonly fault: RuleFault };

/** `access.list`, `access.get`, `access.counts`, `access.add`, `access.change`, `access.remove`. */
export function accessMethods(stores: Stores): ControlMethods {
  const audit = (deed: string, fields: object): void => stores.logger.info({ audit: deed, ...fields }, 'audit');
  return {
    'access.list': method(List, async ({ filter, limit, before }) =>
      withHits(stores, await (await stores.access()).list(filter as RuleFilter, limit, before)),
    ),
    'access.get': method(Ids, async ({ ids }) => {
      const store = await stores.access();
      const found = await Promise.all(ids.map((id) => store.get(id)));
      return withHits(
        stores,
        found.flatMap((rule) => rule ?? []),
      );
    }),
    'access.counts': method(Ids, ({ ids }) => countsOf(stores, ids)),
    'access.add': method(Add, async ({ rules, author, existing }): Promise<AddResult> => {
      const made = rules.map((wish) => makeRule(wish));
      const wrong = made.findIndex((one) => 'fault' in one);
      const first = made[wrong];
      if (first !== undefined && 'fault' in first) return { at: wrong, fault: first.fault };
      const bodies = made.flatMap((one) => ('rule' in one ? [one.rule] : []));
      const added = await (await stores.access()).add(bodies, author, existing as 'keep' | 'replace');
      audit('access.add', { author, rules: bodies.slice(0, 10), count: bodies.length });
      return { added };
    }),
    'access.change': method(Change, async ({ id, wish }) => {
      const changed = await (await stores.access()).change(id, wish);
      audit('access.change', { id, wish });
      return changed;
    }),
    'access.remove': method(Ids, async ({ ids }) => {
      const removed = await (await stores.access()).remove(ids);
      audit('access.remove', { ids: removed.slice(0, 10), count: removed.length });
      return removed;
    }),
  };
}

async function withHits(stores: Stores, rules: readonly AccessRule[]): Promise<readonly ListedRule[]> {
  const counts = await countsOf(
    stores,
    rules.map(({ id }) => id),
  );
  return rules.map((rule, index) => ({ ...rule, ...(counts[index] ?? UNKNOWN) }));
}

const UNKNOWN: Counts = { hits: null, lastHitAt: null };

/** In the order asked. Unknown while the state is away: a list of rules is worth more than their counts. */
async function countsOf(stores: Stores, ids: readonly string[]): Promise<readonly Counts[]> {
  if (ids.length === 0) return [];
  try {
    const hits = await readHits(await stores.state(), ids);
    return ids.map((id) => {
      const { count = 0, lastAt = null } = hits.get(id) ?? {};
      return { hits: count, lastHitAt: lastAt };
    });
  } catch (error) {
    if (error instanceof StateUnavailable) return ids.map(() => UNKNOWN);
    throw error;
  }
}
