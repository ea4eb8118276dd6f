// A lock between processes that ends with its holder, however that ends: the file lock that SQLite takes for a write.
// Nothing is stored in the file, and a file left behind means nothing.
import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';

/** Gives the lock back; repeated calls are harmless. */
export type Unlock = () => void;

/** Takes the lock of a file, made when it is missing; null when somebody else has it. Throws when the file cannot be used. */
export function takeLock(path: string): Unlock | null {
  // Made here, for its mode: whoever may open it may hold it.
  closeSync(openSync(path, 'a', 0o600));
  const file = new Database(path, { timeout: 0 });
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    if ((error as { readonly code?: string }).code === 'SQLITE_BUSY') return null;
    throw error;
  }
  // Closing ends the transaction, which has written nothing.
  return () => file.close();
}
