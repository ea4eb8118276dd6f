// The tables of the outbox, as migrations: entry n leads from version n to n + 1; one that has shipped is never edited.

/**
 * `holders`: open answers that prepared the same item; it is taken back when the last of them cancels.
 * A recipient is `waiting`, or `failed` for good with the server's `reply`; one that was served is gone.
 */
export const OUTBOX_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE outbox_item (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, mail_from TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    about TEXT NOT NULL, not_before INTEGER NOT NULL, time INTEGER NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_try_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, last_error TEXT,
    merge_key TEXT NOT NULL, holders INTEGER NOT NULL DEFAULT 1, prepared_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX outbox_prepared ON outbox_item (merge_key) WHERE state = 'prepared';
  CREATE INDEX outbox_due ON outbox_item (state, next_try_at);
  CREATE INDEX outbox_content ON outbox_item (sha256);
  CREATE TABLE outbox_recipient (
    item TEXT NOT NULL REFERENCES outbox_item (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    place INTEGER NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', reply TEXT,
    PRIMARY KEY (item, place)
  ) WITHOUT ROWID;
  `,
];

/** What stays `prepared` longer than this was cut off by a crash and is sent, ms. */
export const PREPARED_MAX_MS = 10 * 60_000;
