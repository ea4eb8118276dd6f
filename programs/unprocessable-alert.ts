// The end of the alert `message-unprocessable`: cleared once no such message is held for anybody any more. It is raised
// through the admin process, which clears it too; it must not be cleared while one is held.
import type { Stores } from './stores.js';

export const UNPROCESSABLE_ALERT = 'message-unprocessable';

/** Clears the alert when no entry of category `unprocessable` is held. Never rejects: the next look may do better. */
export async function clearUnprocessable(stores: Pick<Stores, 'quarantine' | 'alerts' | 'logger'>): Promise<void> {
  const { quarantine, alerts, logger } = stores;
  try {
    const raised = await alerts.list();
    if (!raised.some(({ code }) => code === UNPROCESSABLE_ALERT)) return;
    const held = await quarantine.list({ category: 'unprocessable', state: 'held' }, 1);
    if (held.length === 0) alerts.alert(UNPROCESSABLE_ALERT, false, 'none is held any more');
  } catch (error) {
    logger.error({ err: error }, 'no look could be taken at unprocessable mail: its alert stays');
  }
}
