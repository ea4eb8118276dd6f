// The tables of the quarantine, as migrations: entry n leads from version n to n + 1; one that has shipped is never edited.

/** `merge_key` is of content, sender, recipients and category; an entry of which something is still held takes a repeat in. */
export const QUARANTINE_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE quarantine_entry (
    id TEXT PRIMARY KEY, time INTEGER NOT NULL, category TEXT NOT NULL, mail_from TEXT NOT NULL, header_from TEXT NOT NULL,
    subject TEXT, message_id TEXT, size INTEGER NOT NULL, sha256 TEXT NOT NULL, reason TEXT NOT NULL, score REAL NOT NULL,
    log_id TEXT NOT NULL, merge_key TEXT NOT NULL, held INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX quarantine_held ON quarantine_entry (merge_key) WHERE held > 0;
  CREATE INDEX quarantine_class ON quarantine_entry (category, time);
  CREATE INDEX quarantine_content ON quarantine_entry (sha256);
  CREATE TABLE quarantine_recipient (
    entry TEXT NOT NULL REFERENCES quarantine_entry (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'held', changed_at INTEGER,
    PRIMARY KEY (entry, place)
  ) WITHOUT ROWID;
  CREATE TRIGGER quarantine_recipient_state AFTER UPDATE OF state ON quarantine_recipient
  WHEN (old.state = 'held') <> (new.state = 'held') BEGIN
    UPDATE quarantine_entry SET held = held + (new.state = 'held') - (old.state = 'held') WHERE id = new.entry;
  END;
  `,
];
