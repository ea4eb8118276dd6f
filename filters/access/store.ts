// The durable store of block and allow rules: one SQLite file, changed by commands and the programs behind them, read by
// every process that judges mail. Each change is one transaction and in force at once.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../outside/clock.js';
import {
  change,
  changesOf,
  openDatabase,
  rowsOf,
  select,
  type Database,
  type SqlValue,
  type Step,
} from '../../outside/database.js';
import { newIdentifier } from '../../outside/identifier.js';
import { GenerationFile } from './generation.js';
import { makeRule, wishOf, type AccessRule, type RuleBody, type RuleFault, type RuleWish } from './rule.js';
import { ACCESS_COMPONENT, ACCESS_MIGRATIONS, RULE_COLUMNS, ruleOf, valuesOf } from './schema.js';
import { conditionsFor, type RuleFilter } from './search.js';

/** Rules the store holds at most, all scopes together; and of one domain or user. */
export const RULES_MAX = 500_000;
export const SCOPE_RULES_MAX = 10_000;
/** Rules a list gives at most. */
export const LIST_MAX = 1_000;
/** How long a rule that expired stays listed, ms. */
export const EXPIRED_RULES_KEEP_MS = 30 * 86_400_000;
/** Traces of removed rules kept: who has not read for longer reads everything. */
const GONE_MAX = 10_000;
/** Rules of one statement. */
const CHUNK = 1_000;

/** What became of a rule that was to be added. `id`: the one that stands there now. */
export interface Added {
  readonly id: string;
  readonly outcome: 'added' | 'replaced' | 'exists';
}

/** There would be more rules than the store takes. */
export class TooManyRulesError extends Error {
  override readonly name = 'TooManyRulesError';
}

export interface AccessStore {
  /**
   * All or none. A rule of the same scope, kind and value that is there stays, or is replaced. Outcomes in the order given;
   * rejects with TooManyRulesError.
   */
  add(rules: readonly RuleBody[], author: string, existing?: 'keep' | 'replace'): Promise<readonly Added[]>;
  /** What differs from the rule as it is; null where there is none, or a fault where it would not be sound. */
  change(id: string, wish: Partial<RuleWish>): Promise<AccessRule | RuleFault | null>;
  /** Ids of those that were there. */
  remove(ids: readonly string[]): Promise<readonly string[]>;
  /** Takes away what expired before that time, ms since the epoch; the ids. */
  removeExpired(beforeMs: number): Promise<readonly string[]>;
  get(id: string): Promise<AccessRule | null>;
  /** Newest first; after the id of the page before, if given. */
  list(filter: RuleFilter, limit: number, before?: string): Promise<readonly AccessRule[]>;
  count(): Promise<number>;
  close(): Promise<void>;
}

/** The file of the rules below `access.dir`. */
export const accessFile = (dir: string): string => join(dir, 'access.db');

/** Whether there is a store at all. */
export const hasStore = (dir: string): boolean => existsSync(accessFile(dir));

/** Opens the store, and makes it where there is none (0700, 0600). Rejects as `openDatabase` and `migrate` do. */
export async function openAccessStore(dir: string, clock: Clock): Promise<AccessStore> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const database = await openDatabase({ path: accessFile(dir) });
  try {
    await database.migrate(ACCESS_COMPONENT, ACCESS_MIGRATIONS);
  } catch (error) {
    await database.close();
    throw error;
  }
  const generation = new GenerationFile(dir);
  // A change whose maker died before it could say so is said now.
  generation.bump();
  return new SqlAccessStore(database, generation, clock);
}

const NEXT_GENERATION = change('UPDATE access_state SET generation = generation + 1');
const GENERATION = '(SELECT generation FROM access_state)';

class SqlAccessStore implements AccessStore {
  constructor(
    private readonly database: Database,
    private readonly generation: GenerationFile,
    private readonly clock: Clock,
  ) {}

  async add(
    bodies: readonly RuleBody[],
    author: string,
    existing: 'keep' | 'replace' = 'keep',
  ): Promise<readonly Added[]> {
    if (bodies.length === 0) return [];
    const now = this.clock.now();
    const rules = bodies.map((body) => ({ ...body, id: newIdentifier(now), author, createdAt: now }));
    await this.demandRoom(rules);
    const chunks = chunksOf(rules, CHUNK);
    const results = await this.write([
      ...chunks.map((chunk) => insertStep(chunk, existing)),
      ...chunks.map((chunk) => standingStep(chunk)),
    ]);
    const touched = new Set(results.slice(0, chunks.length).flatMap((rows) => idsIn(rowsOf(rows))));
    const standing = results.slice(chunks.length).flatMap((rows) => idsIn(rowsOf(rows)));
    return rules.map((rule, index) => {
      const id = standing[index] ?? rule.id;
      return { id, outcome: id === rule.id ? 'added' : touched.has(id) ? 'replaced' : 'exists' };
    });
  }

  async change(id: string, wish: Partial<RuleWish>): Promise<AccessRule | RuleFault | null> {
    const old = await this.get(id);
    if (old === null) return null;
    const made = makeRule({ ...wishOf(old), ...wish });
    if ('fault' in made) return made.fault;
    const rule = { ...old, ...made.rule };
    if (rule.scope !== old.scope) await this.demandRoom([rule]);
    const [, ...values] = valuesOf(rule);
    const columns = RULE_COLUMNS.split(', ').slice(1);
    const [found] = await this.write([
      change(
        `UPDATE OR IGNORE access_rule SET ${columns.map((name) => `${name} = ?`).join(', ')}, generation = ${GENERATION} WHERE id = ?`,
        ...values,
        id,
      ),
    ]);
    if (changesOf(found) > 0) return rule;
    if ((await this.get(id)) === null) return null;
    return { key: 'value', expected: 'one that no other rule of this kind and scope has' };
  }

  remove(ids: readonly string[]): Promise<readonly string[]> {
    return this.removeWhere('id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  removeExpired(beforeMs: number): Promise<readonly string[]> {
    return this.removeWhere('expires_at IS NOT NULL AND expires_at < ?', beforeMs);
  }

  async get(id: string): Promise<AccessRule | null> {
    const [rows] = await this.database.read([select(`SELECT ${RULE_COLUMNS} FROM access_rule WHERE id = ?`, id)]);
    const [row] = rowsOf(rows);
    return row === undefined ? null : ruleOf(row);
  }

  async list(filter: RuleFilter, limit: number, before?: string): Promise<readonly AccessRule[]> {
    const { where, params } = conditionsFor(filter, this.clock.now(), before);
    const most = Math.min(Math.max(1, Math.trunc(limit)), LIST_MAX);
    const sql = `SELECT ${RULE_COLUMNS} FROM access_rule WHERE ${where} ORDER BY id DESC LIMIT ?`;
    const [rows] = await this.database.read([select(sql, ...params, most)]);
    return rowsOf(rows).flatMap((row) => ruleOf(row) ?? []);
  }

  async count(): Promise<number> {
    const [rows] = await this.database.read([select('SELECT count(*) AS n FROM access_rule')]);
    return rowsOf(rows)[0]?.['n'] as number;
  }

  close(): Promise<void> {
    this.generation.close();
    return this.database.close();
  }

  private async removeWhere(where: string, ...params: readonly SqlValue[]): Promise<readonly string[]> {
    const [, , gone] = await this.write([
      change(`INSERT OR REPLACE INTO access_gone SELECT id, ${GENERATION} FROM access_rule WHERE ${where}`, ...params),
      change(`UPDATE access_state SET gone_from = max(gone_from, coalesce((${LAST_TO_FORGET}), 0))`, GONE_MAX),
      select(`DELETE FROM access_rule WHERE ${where} RETURNING id`, ...params),
      change('DELETE FROM access_gone WHERE generation <= (SELECT gone_from FROM access_state)'),
    ]);
    return idsIn(rowsOf(gone));
  }

  /** One transaction under a generation of its own; in force everywhere when it resolves. */
  private async write(steps: readonly Step[]) {
    const [, ...results] = await this.database.write([NEXT_GENERATION, ...steps]);
    this.generation.bump();
    return results;
  }

  private async demandRoom(rules: readonly AccessRule[]): Promise<void> {
    const scopes = new Map<string, number>();
    for (const { scope } of rules) if (scope !== 'global') scopes.set(scope, (scopes.get(scope) ?? 0) + 1);
    const names = JSON.stringify([...scopes.keys()]);
    const [all, own] = await this.database.read([
      select('SELECT count(*) AS n FROM access_rule'),
      select(
        'SELECT scope, count(*) AS n FROM access_rule WHERE scope IN (SELECT value FROM json_each(?)) GROUP BY scope',
        names,
      ),
    ]);
    if ((rowsOf(all)[0]?.['n'] as number) + rules.length > RULES_MAX)
      throw new TooManyRulesError(`there would be more than ${RULES_MAX} rules`);
    for (const row of rowsOf(own))
      scopes.set(row['scope'] as string, (scopes.get(row['scope'] as string) ?? 0) + (row['n'] as number));
    for (const [scope, count] of scopes)
      if (count > SCOPE_RULES_MAX)
        throw new TooManyRulesError(`there would be more than ${SCOPE_RULES_MAX} rules for ${scope}`);
  }
}

/** The generation up to which traces of removed rules are too many. */
const LAST_TO_FORGET = 'SELECT generation FROM access_gone ORDER BY generation DESC LIMIT 1 OFFSET ?';

function insertStep(rules: readonly AccessRule[], existing: 'keep' | 'replace'): Step {
  const columns = RULE_COLUMNS.split(', ');
  const values = columns.map((_, index) => `value ->> ${index}`).join(', ');
  const kept = new Set(['id', 'kind', 'value', 'scope', 'created_at']);
  const set = columns.filter((name) => !kept.has(name)).map((name) => `${name} = excluded.${name}`);
  const conflict = existing === 'keep' ? 'NOTHING' : `UPDATE SET ${set.join(', ')}, generation = excluded.generation`;
  return select(
    `INSERT INTO access_rule (${RULE_COLUMNS}, generation) SELECT ${values}, ${GENERATION} FROM json_each(?) WHERE true
     ON CONFLICT (scope, kind, value) DO ${conflict} RETURNING id`,
    JSON.stringify(rules.map(valuesOf)),
  );
}

/** The ids that stand for those scopes, kinds and values now, in the order given. */
function standingStep(rules: readonly AccessRule[]): Step {
  return select(
    `SELECT r.id FROM json_each(?) AS j LEFT JOIN access_rule AS r
     ON r.scope = j.value ->> 0 AND r.kind = j.value ->> 1 AND r.value = j.value ->> 2 ORDER BY j.key`,
    JSON.stringify(rules.map(({ scope, kind, value }) => [scope, kind, value])),
  );
}

const idsIn = (rows: readonly { readonly [name: string]: SqlValue }[]): readonly string[] =>
  rows.map((row) => row['id'] as string);

function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const chunks: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}
