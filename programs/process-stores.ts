// The stores as a process under the supervisor opens them: everything they need taken from its configuration, and the
// answer whether there is room kept at hand, since the gateway asks for every message.
import { join } from 'node:path';
import type { Configuration } from '../config/load.js';
import type { Section } from '../config/section.js';
import type { AccessSettings } from '../filters/access/settings.js';
import { logSection } from '../logs/settings.js';
import type { TextLog } from '../logs/text-log.js';
import { outboxSection } from '../outbox/settings.js';
import { systemClock } from '../outside/clock.js';
import type { SweptState } from '../state/keeper.js';
import { openState, STATE_FILE, type StateOptions, type StateWorld } from '../state/open.js';
import { stateSection, redisOptions } from '../state/settings.js';
import { quarantineSection } from '../quarantine/settings.js';
import { openStores, type Stores } from './stores.js';
import { storageSection } from './storage-settings.js';

/** How often free space is looked at, ms. */
const SPACE_EVERY_MS = 1_000;

export interface ProcessStores {
  readonly stores: Stores;
  /** False below the second free-space mark. */
  hasRoom(): boolean;
  close(): Promise<void>;
}

/** Opens the stores of a configuration. Rejects as `openStores` does. */
export function openStoresOf(configuration: Configuration, logger: TextLog): Promise<Stores> {
  return openStores({
    storage: configuration.section(storageSection),
    log: configuration.section(logSection),
    outbox: configuration.section(outboxSection),
    quarantine: configuration.section(quarantineSection),
    state: stateOf(configuration),
    accessDir: accessDirOf(configuration),
    clock: systemClock,
    logger,
  });
}

/** Where the block and allow rules lie. */
export function accessDirOf(configuration: Configuration): string {
  const settings = configuration.section({ name: 'access' } as Pick<Section, 'name' | 'schema'>) as AccessSettings;
  return settings.dir ?? join(configuration.section(storageSection).dir, 'access');
}

/** What is remembered between connections, as the settings have it. */
export function stateOf(configuration: Configuration): Omit<StateOptions, 'path'> {
  const settings = configuration.section(stateSection);
  return { redis: redisOptions(settings, configuration.attached), timeLimitMs: settings.timeLimitMs };
}

/** Opens the state alone. Rejects with a DatabaseError SCHEMA_NEWER, where a newer program wrote it. */
export function openStateOf(configuration: Configuration, alert: StateWorld['alert']): Promise<SweptState> {
  const path = join(configuration.section(storageSection).dir, STATE_FILE);
  return openState({ path, ...stateOf(configuration) }, { clock: systemClock, alert });
}

/** As `openStoresOf`, with the look at free space running until `close`. */
export async function openProcessStores(configuration: Configuration, logger: TextLog): Promise<ProcessStores> {
  const stores = await openStoresOf(configuration, logger);
  let state = (await stores.space.check()).state;
  const look = async (): Promise<void> => {
    state = (await stores.space.check()).state;
  };
  const timer = setInterval(() => void look(), SPACE_EVERY_MS);
  timer.unref();
  return {
    stores,
    hasRoom: () => state !== 'out',
    close: () => {
      clearInterval(timer);
      return stores.close();
    },
  };
}
