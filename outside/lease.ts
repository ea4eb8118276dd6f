// A lease: of all processes on one database only the holder does a certain work (sending, indexing, clearing out). It
// runs out by itself when its holder dies. Kept as one row; a holder must stop its work once `renew` says no.
import type { Database } from './database.js';
import { changesOf, change } from './database.js';

const MIGRATIONS = [
  'CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID',
];

export interface Leases {
  /** Takes or renews it until `now + spanMs` (ms since the epoch); false when another holder has it. */
  take(name: string, holder: string, now: number, spanMs: number): Promise<boolean>;
  /** Gives it back at once; nothing happens when it is somebody else's. */
  drop(name: string, holder: string): Promise<void>;
}

export async function openLeases(database: Database): Promise<Leases> {
  await database.migrate('lease', MIGRATIONS);
  return {
    async take(name, holder, now, spanMs) {
      const [taken] = await database.write([
        change(
          `INSERT INTO lease VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
           WHERE lease.holder = excluded.holder OR lease.expires_at <= ?`,
          name,
          holder,
          now + spanMs,
          now,
        ),
      ]);
      return changesOf(taken) > 0;
    },
    async drop(name, holder) {
      await database.write([change('DELETE FROM lease WHERE name = ? AND holder = ?', name, holder)]);
    },
  };
}
