// Opens what the settings name, and tells by an alert while it is away. A store that is away does not keep a process from
// starting: what follows is the policy of whoever asks it.
import type { Clock } from '../outside/clock.js';
import { openEmbedded } from './embedded.js';
import { stateOn, type SweptState } from './keeper.js';
import { openRedis, type RedisStoreOptions } from './redis.js';

/** The file of the embedded store, in the directory of the stores. */
export const STATE_FILE = 'connections.db';

export interface StateOptions {
  /** The file of the embedded store, used where there is no Redis. */
  readonly path: string;
  readonly redis: RedisStoreOptions | null;
  /** Longest wait for one answer, ms. */
  readonly timeLimitMs: number;
}

export interface StateWorld {
  readonly clock: Clock;
  alert(code: 'state-unreachable', raised: boolean, detail: string): void;
}

/** Rejects only with a DatabaseError SCHEMA_NEWER, where a newer program wrote the file. */
export async function openState({ path, redis, timeLimitMs }: StateOptions, world: StateWorld): Promise<SweptState> {
  const store = redis === null ? await openEmbedded({ path, busyTimeoutMs: timeLimitMs }) : await openRedis(redis);
  const state = stateOn(store, {
    clock: world.clock,
    timeLimitMs,
    onAway: (isAway, reason) => world.alert('state-unreachable', isAway, reason),
  });
  await state.check();
  return state;
}
