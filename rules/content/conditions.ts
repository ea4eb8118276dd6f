// When a rule of the administrator counts: by direction of the mail, and by country and network of the client. Takes
// settings, gives for each message the recipients for whom the rule holds.
import { Type, type Static } from 'typebox';
import type { Objection } from '../../config/section.js';
import { isNetwork, NetworkSet } from '../../message/network.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Direction, MessageJob } from '../../pipeline/stage.js';

/** Stands for a country that is not known: private and unlisted addresses, mail of local programs. */
export const COUNTRY_UNKNOWN = 'XX';

const LIST_MAX = 300;
const NETWORKS_MAX = 1_000;

const countries = (description: string) =>
  Type.Array(Type.String({ pattern: '^[A-Z]{2}$', examples: ['CH'] }), {
    default: [],
    maxItems: LIST_MAX,
    description,
  });
const networks = (description: string) =>
  Type.Array(Type.String({ minLength: 2, maxLength: 64 }), { default: [], maxItems: NETWORKS_MAX, description });

/** Settings of the conditions of one rule; all that are set must hold. */
export const conditionsSchema = Type.Object(
  {
    directions: Type.Array(Type.Union([Type.Literal('received'), Type.Literal('sent'), Type.Literal('internal')]), {
      default: [],
      maxItems: 3,
      uniqueItems: true,
      description: 'Directions of mail in which it counts, per recipient; none = all.',
    }),
    countries: countries(
      `Countries of the client from which it counts, as two capital letters, \`${COUNTRY_UNKNOWN}\` for unknown; none = all.`,
    ),
    exceptCountries: countries('Countries of the client from which it does not count.'),
    networks: networks('Addresses and networks of the client from which it counts; none = all.'),
    exceptNetworks: networks('Addresses and networks of the client from which it does not count.'),
  },
  { additionalProperties: false, default: {}, description: 'When it counts: all that is set must hold.' },
);
export type ConditionSettings = Static<typeof conditionsSchema>;

/** Null: for all recipients. Else the indexes of those for whom the rule counts; empty = not at all. */
export type Scope = readonly number[] | null;

/** One rule's conditions, ready to ask. Throws RangeError for a network that is none: `objectionsTo` tells before. */
export class Conditions {
  readonly #directions: ReadonlySet<Direction>;
  readonly #countries: ReadonlySet<string>;
  readonly #exceptCountries: ReadonlySet<string>;
  readonly #networks: NetworkSet | null;
  readonly #exceptNetworks: NetworkSet;

  constructor(settings: ConditionSettings) {
    this.#directions = new Set(settings.directions);
    this.#countries = new Set(settings.countries);
    this.#exceptCountries = new Set(settings.exceptCountries);
    this.#networks = settings.networks.length === 0 ? null : new NetworkSet(settings.networks);
    this.#exceptNetworks = new NetworkSet(settings.exceptNetworks);
  }

  scope({ transaction, directions }: Pick<MessageJob, 'transaction' | 'directions'>): Scope {
    const { clientAddress, country } = transaction.connection;
    const from = country ?? COUNTRY_UNKNOWN;
    if (this.#countries.size > 0 && !this.#countries.has(from)) return [];
    if (this.#exceptCountries.has(from)) return [];
    if (this.#networks !== null && !this.#networks.has(clientAddress)) return [];
    if (this.#exceptNetworks.has(clientAddress)) return [];
    if (this.#directions.size === 0) return null;
    const held = directions.flatMap((direction, index) => (this.#directions.has(direction) ? [index] : []));
    return held.length === directions.length ? null : held;
  }
}

/** The conditions of many rules; those that are alike are asked once for a message. */
export class ScopeTable {
  readonly #distinct: readonly Conditions[];
  readonly #indexes: readonly number[];

  /** In the order of the rules. */
  constructor(settings: readonly ConditionSettings[]) {
    const indexes = new Map<string, number>();
    const distinct: Conditions[] = [];
    this.#indexes = settings.map((one) => {
      const key = JSON.stringify(one);
      const known = indexes.get(key);
      if (known !== undefined) return known;
      indexes.set(key, distinct.length);
      return distinct.push(new Conditions(one)) - 1;
    });
    this.#distinct = distinct;
  }

  /** The scope of each rule, by its number, for one message. */
  forMessage(job: Pick<MessageJob, 'transaction' | 'directions'>): (rule: number) => Scope {
    const scopes = this.#distinct.map((conditions) => conditions.scope(job));
    return (rule) => scopes[this.#indexes[rule] ?? -1] ?? null;
  }
}

/** One finding for all, or one for each recipient it holds for. */
export function scoped(finding: Finding, scope: Scope): readonly Finding[] {
  return scope === null ? [finding] : scope.map((recipient) => ({ ...finding, recipient }));
}

/** What speaks against the conditions at `path`. */
export function objectionsTo(settings: ConditionSettings, path: readonly string[]): readonly Objection[] {
  return (['networks', 'exceptNetworks'] as const).flatMap((key) =>
    settings[key].flatMap((entry, index) =>
      isNetwork(entry)
        ? []
        : [{ path: [...path, key, String(index + 1)], expected: 'an address or network such as "192.0.2.0/24"' }],
    ),
  );
}
