// The tables of the logs and of their search index, as migrations: entry n leads from version n to n + 1. An entry that
// has shipped is never edited; a change is a new entry.

/**
 * `seq` orders rows by time: ms since the epoch times `SEQ_PER_MS`, plus a place within the millisecond. Rows written
 * late (from the spool) so find their place, and a span of time is a span of `seq`.
 */
export const SEQ_PER_MS = 1_000;
/** How far from its time a row may stand where more than `SEQ_PER_MS` share a millisecond, ms. */
export const SEQ_SLACK_MS = 60_000;

/** Keeps rows of the mail log and the security log; see row.ts for what stands in each column. */
export const LOG_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE mail (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, session_id TEXT NOT NULL, queue_id TEXT,
    message_id TEXT, mail_from TEXT NOT NULL, header_from TEXT NOT NULL, subject TEXT, size INTEGER NOT NULL,
    client_address TEXT, client_name TEXT, helo TEXT, login TEXT, recipients TEXT NOT NULL,
    actions TEXT NOT NULL, directions TEXT NOT NULL, category TEXT, event TEXT, detail BLOB NOT NULL
  );
  CREATE TABLE security (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, kind TEXT NOT NULL, step TEXT,
    session_id TEXT NOT NULL, queue_id TEXT, category TEXT NOT NULL, event TEXT NOT NULL, client_address TEXT,
    client_name TEXT, mail_from TEXT, recipients TEXT NOT NULL, subject TEXT, helo TEXT, login TEXT, detail BLOB
  );
  CREATE TABLE sub_rule (seq INTEGER PRIMARY KEY, names TEXT NOT NULL);
  CREATE TABLE mail_unindexed (seq INTEGER PRIMARY KEY);
  CREATE TABLE security_unindexed (seq INTEGER PRIMARY KEY);
  `,
];

/** Trigrams of what can be searched, in a file of its own: it can be built anew at any time from the logs. */
export const INDEX_MIGRATIONS: readonly string[] = [
  `
  CREATE VIRTUAL TABLE mail_words USING fts5(
    text, tokenize = 'trigram case_sensitive 1', content = '', contentless_delete = 1, detail = none);
  CREATE VIRTUAL TABLE security_words USING fts5(
    text, tokenize = 'trigram case_sensitive 1', content = '', contentless_delete = 1, detail = none);
  CREATE TABLE filled (done INTEGER NOT NULL);
  INSERT INTO mail_words (mail_words, rank) VALUES ('hashsize', 16777216);
  INSERT INTO security_words (security_words, rank) VALUES ('hashsize', 16777216);
  `,
];
