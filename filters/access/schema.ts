// The tables of the block and allow lists, and how a rule stands in a row. Each step leads one version forward.
import type { Row } from '../../outside/database.js';
import { readSkips, skipsText } from './matrix.js';
import { RULE_EFFECTS, RULE_KINDS, type AccessRule } from './rule.js';

/** Names the tables in the store's own list of versions. */
export const ACCESS_COMPONENT = 'access';

/**
 * `generation` counts writes: a rule carries that of its last change, `access_gone` those of rules taken away. Whoever has
 * read up to a generation reads on from it, or everything where `epoch` differs or `gone_from` is later.
 */
export const ACCESS_MIGRATIONS: readonly string[] = [
  `CREATE TABLE access_rule (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     kind TEXT NOT NULL,
     value TEXT NOT NULL,
     effect TEXT NOT NULL,
     enabled INTEGER NOT NULL,
     note TEXT NOT NULL,
     author TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER,
     scope TEXT NOT NULL,
     final INTEGER NOT NULL,
     authenticated INTEGER NOT NULL,
     skips TEXT NOT NULL,
     generation INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE UNIQUE INDEX access_rule_what ON access_rule (scope, kind, value);
   CREATE INDEX access_rule_generation ON access_rule (generation, id);
   CREATE INDEX access_rule_name ON access_rule (name);
   CREATE INDEX access_rule_expiry ON access_rule (expires_at) WHERE expires_at IS NOT NULL;
   CREATE TABLE access_gone (id TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX access_gone_generation ON access_gone (generation);
   CREATE TABLE access_state (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     epoch TEXT NOT NULL,
     generation INTEGER NOT NULL,
     gone_from INTEGER NOT NULL
   );
   INSERT INTO access_state VALUES (1, lower(hex(randomblob(16))), 0, 0);`,
];

/** Columns of a rule, in the order of `valuesOf`. */
export const RULE_COLUMNS =
  'id, name, kind, value, effect, enabled, note, author, created_at, expires_at, scope, final, authenticated, skips';

/** A rule as the values of its columns. */
export function valuesOf(rule: AccessRule): readonly (string | number | null)[] {
  const { id, name, kind, value, effect, note, author, createdAt, expiresAt, scope } = rule;
  const bit = (flag: boolean): number => (flag ? 1 : 0);
  return [
    ...[id, name, kind, value, effect, bit(rule.enabled), note, author, createdAt, expiresAt, scope],
    ...[bit(rule.final), bit(rule.authenticated), skipsText(rule.skips)],
  ];
}

/** The rule of a row; null where a later program wrote something that this one does not know. */
export function ruleOf(row: Row): AccessRule | null {
  const kind = RULE_KINDS.find((one) => one === row['kind']);
  const effect = RULE_EFFECTS.find((one) => one === row['effect']);
  const skips = readSkips(row['skips'] as string);
  if (kind === undefined || effect === undefined || skips === null) return null;
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    kind,
    value: row['value'] as string,
    effect,
    enabled: row['enabled'] === 1,
    note: row['note'] as string,
    author: row['author'] as string,
    createdAt: row['created_at'] as number,
    expiresAt: row['expires_at'] as number | null,
    scope: row['scope'] as string,
    final: row['final'] === 1,
    authenticated: row['authenticated'] === 1,
    skips,
  };
}
