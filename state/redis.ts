// The store in Redis, which several nodes share. One connection per process; nothing is queued while it is down and
// nothing is sent twice, so a call that fails is known to have failed once. Redis Cluster is not spoken.
import { Redis, type RedisOptions } from 'ioredis';
import { byBytes } from './entry.js';
import { REMOVE, SWAP } from './redis-scripts.js';
import type { Kept, Place, Span, Store, Swap } from './store.js';

/** Redis forgets an entry so long after its end, ms: clocks of nodes differ, and theirs decide. */
const PX_MARGIN_MS = 60_000;
const PROBE_PX_MS = 60_000;
/** Entries that go at most when a table is over its bound; and ended ones that go with each write. */
const EVICT_MAX = 500;
const EVICT_SHARE = 100;
const CLEAR_MAX = 4;
/** Pause before the connection is tried again, ms; doubled up to the last. */
const RECONNECT_PAUSE_MS = 50;
const RECONNECT_PAUSE_MAX_MS = 1_000;
const RECONNECT_DOUBLINGS_MAX = 10;
/** Keys asked for in one step while listing. */
const SCAN_COUNT = 1_000;
const PAGE_SLACK = 4_000;
const KEPT_PATTERN = /^(\d{1,16}):([^]*)$/;

/** Where Redis is, taken apart. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  /** A UNIX socket in place of host and port. */
  readonly path: string | null;
  readonly db: number;
  readonly username: string | null;
  readonly isTls: boolean;
}

export interface RedisStoreOptions {
  readonly address: RedisAddress;
  readonly password: string | null;
  /** PEM of authorities that may vouch for the server, in place of the system's. */
  readonly authorities: string | null;
  /** First part of every key. */
  readonly prefix: string;
  /** Longest wait for a connection, ms. */
  readonly timeLimitMs: number;
}

/** Connects; resolves when that has come about or taken too long. Never rejects: it is tried again until `close`. */
export async function openRedis(options: RedisStoreOptions): Promise<Store> {
  const store = new RedisStore(options);
  await store.settled(options.timeLimitMs);
  return store;
}

interface Scripted {
  weirSwap(entry: string, ends: string, ...argv: readonly (string | number)[]): Promise<readonly [number, string?]>;
  weirRemove(entry: string, ends: string, ...argv: readonly (string | number)[]): Promise<number>;
}

class RedisStore implements Store {
  private readonly redis: Redis & Scripted;
  private readonly prefix: string;
  private lastError = 'not connected yet';
  private isProbing = false;

  constructor(options: RedisStoreOptions) {
    this.prefix = options.prefix;
    const redis = new Redis(connectionOptions(options));
    redis.on('error', (error: Error) => {
      this.lastError = messageOf(error);
    });
    redis.on('close', () => {
      this.isProbing = false;
    });
    redis.defineCommand('weirSwap', { numberOfKeys: 2, lua: SWAP });
    redis.defineCommand('weirRemove', { numberOfKeys: 2, lua: REMOVE });
    this.redis = redis as Redis & Scripted;
  }

  async get({ table, key }: Place, nowMs: number): Promise<Kept | null> {
    const kept = keptOf(await this.ready().get(this.entry(table, key)));
    return kept === null || kept.endsAt <= nowMs ? null : kept;
  }

  async swap(place: Place, expected: Kept | null, next: Kept | null, nowMs: number): Promise<Swap> {
    const { table, key, entriesMax } = place;
    const endsAt = next?.endsAt ?? 0;
    const [done, current] = await this.ready().weirSwap(
      this.entry(table, key),
      this.ends(table),
      nowMs,
      textOf(expected),
      textOf(next),
      endsAt,
      Math.max(0, endsAt - Math.floor(nowMs)) + PX_MARGIN_MS,
      key,
      entriesMax,
      Math.min(EVICT_MAX, Math.ceil(entriesMax / EVICT_SHARE)),
      CLEAR_MAX,
    );
    return done === 1 ? { done: true } : { done: false, current: keptOf(current ?? null) };
  }

  async remove({ table, key }: Place, nowMs: number): Promise<boolean> {
    return (await this.ready().weirRemove(this.entry(table, key), this.ends(table), nowMs, key)) === 1;
  }

  /** Goes through all keys of the table: there is no order by key, which every write would have to pay for. */
  async page(table: string, { prefix, after, limit }: Span, nowMs: number) {
    if (limit <= 0) return [];
    let found = new Set<string>();
    let cursor = '0';
    do {
      const [next, listed] = await this.ready().zscan(
        this.ends(table),
        cursor,
        'MATCH',
        `${literal(prefix)}*`,
        'COUNT',
        SCAN_COUNT,
      );
      for (let at = 0; at + 1 < listed.length; at += 2) {
        const key = listed[at] ?? '';
        if (Number(listed[at + 1]) > nowMs && (after === null || byBytes(key, after) > 0)) found.add(key);
      }
      if (found.size > limit + PAGE_SLACK) found = new Set(firstOf(found, limit));
      cursor = next;
    } while (cursor !== '0');
    return this.entriesOf(table, firstOf(found, limit), nowMs);
  }

  async count(table: string): Promise<number> {
    return this.ready().zcard(this.ends(table));
  }

  /** A probe that is still out when the next is due means a connection that leads nowhere: then there is a new one. */
  async probe(): Promise<void> {
    if (this.isProbing) this.redis.disconnect(true);
    const redis = this.ready();
    this.isProbing = true;
    await redis.set(`${this.prefix}::probe`, '1', 'PX', PROBE_PX_MS);
    this.isProbing = false;
  }

  /** Entries go by their own expiry, and out of the set with each write. */
  async sweep(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {
    if (this.redis.status === 'ready') {
      const end = this.redis.quit().catch((error: unknown) => {
        this.lastError = messageOf(error);
      });
      await within(end, this.redis.options.connectTimeout ?? 0);
    }
    this.redis.disconnect();
  }

  /** Resolves when it is connected, or the time is over. */
  async settled(limitMs: number): Promise<void> {
    const { redis } = this;
    await within(new Promise<void>((done) => redis.once('ready', done)), limitMs);
  }

  private ready(): Redis & Scripted {
    if (this.redis.status !== 'ready') throw new Error(`no connection to Redis: ${this.lastError}`);
    return this.redis;
  }

  private async entriesOf(table: string, keys: readonly string[], nowMs: number) {
    const entries: (readonly [string, Kept])[] = [];
    for (let at = 0; at < keys.length; at += SCAN_COUNT) {
      const some = keys.slice(at, at + SCAN_COUNT);
      const texts = await this.ready().mget(some.map((key) => this.entry(table, key)));
      for (const [index, key] of some.entries()) {
        const kept = keptOf(texts[index] ?? null);
        if (kept !== null && kept.endsAt > nowMs) entries.push([key, kept]);
      }
    }
    return entries;
  }

  private ends(table: string): string {
    return `${this.prefix}:${table}`;
  }

  private entry(table: string, key: string): string {
    return `${this.prefix}:${table}:${key}`;
  }
}

/** As the client takes it: nothing is queued, nothing is sent twice. */
export function connectionOptions({ address, password, authorities, timeLimitMs }: RedisStoreOptions) {
  const { host, port, path, db, username, isTls } = address;
  return {
    ...(path === null ? { host, port } : { path }),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(isTls ? { tls: authorities === null ? {} : { ca: authorities } } : {}),
    db,
    connectTimeout: timeLimitMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Of a connection that breaks all calls fail at once; otherwise those of the first break would never be answered.
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    // A replica that became one after a failover refuses writes: the name may lead elsewhere by now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    retryStrategy: (times: number) =>
      Math.min(RECONNECT_PAUSE_MAX_MS, RECONNECT_PAUSE_MS * 2 ** Math.min(times, RECONNECT_DOUBLINGS_MAX)),
  } satisfies RedisOptions;
}

function textOf(kept: Kept | null): string {
  return kept === null ? '' : `${kept.endsAt}:${kept.text}`;
}

function keptOf(text: string | null): Kept | null {
  const parts = text === null ? null : KEPT_PATTERN.exec(text);
  return parts === null ? null : { endsAt: Number(parts[1]), text: parts[2] ?? '' };
}

function firstOf(keys: ReadonlySet<string>, limit: number): readonly string[] {
  return [...keys].sort(byBytes).slice(0, limit);
}

/** As a pattern of Redis that means itself. */
function literal(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&');
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

async function within(work: Promise<unknown>, limitMs: number): Promise<void> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  await Promise.race([work, new Promise((done) => limit.signal.addEventListener('abort', done))]);
  clearTimeout(timer);
}
