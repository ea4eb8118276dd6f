// Alerts: the one catalogue of what an operator must be told, and the store of what is raised now. An alert is raised and
// cleared by code; repeating it is harmless. Storing one must never hold up mail: it happens behind the call.
import type { Clock } from '../outside/clock.js';
import { change, rowsOf, select, type Database } from '../outside/database.js';

/** `meaning`: what is wrong. `action`: what to do about it. */
export interface AlertSpec {
  readonly meaning: string;
  readonly action: string;
}

export const ALERTS = {
  'log-unwritable': {
    meaning: 'The log store cannot be written; entries go to the spool and are taken over later.',
    action: 'Look at the disk that holds the storage directory: full, read-only, failing? `weir doctor` tells more.',
  },
  'spool-unwritable': {
    meaning: 'Neither the log store nor the spool takes entries: mail gets a temporary failure.',
    action: 'Free space or repair the disk at once; mail waits at its senders until then.',
  },
  'log-index-behind': {
    meaning: 'The search index of the logs lags: searches are slower until it has caught up.',
    action: 'Nothing if it clears by itself; else look whether the admin process runs and the disk is fast enough.',
  },
  'disk-space-low': {
    meaning: 'The disk that holds the stores is below the first mark of `storage`.',
    action: 'Free space, or keep quarantine and logs for fewer days.',
  },
  'disk-space-out': {
    meaning: 'The disk that holds the stores is below the second mark of `storage`: mail gets a temporary failure.',
    action: 'Free space at once; mail waits at its senders until then.',
  },
  'outbox-failed': {
    meaning: 'Mail in the outbox was refused for good or ran out of time; it stays listed as failed.',
    action: '`weir outbox list` shows the reason; then `weir outbox retry` or `weir outbox delete`.',
  },
  'outbox-unreachable': {
    meaning: 'The mail server does not take mail back on the re-injection listener; releases and notices wait.',
    action: '`weir postfix check` compares the listener with what it should be; see that Postfix runs.',
  },
  'content-damaged': {
    meaning: 'The stored content of a message is missing or damaged.',
    action: 'Check the disk. The entry cannot be released; ask the sender to send again.',
  },
  'antivirus-unreachable': {
    meaning: 'The antivirus engine does not answer; the break policy of the stage decides about mail.',
    action: 'Start clamd, or correct the address in `antivirus`; `weir doctor` tests it.',
  },
  'antivirus-signatures-old': {
    meaning: 'The antivirus signatures are older than allowed.',
    action: 'See that freshclam runs and can reach its mirror.',
  },
  'resolver-failing': {
    meaning: 'No DNS server answers: look-ups fail at once, and the stages that need them say so in their findings.',
    action: 'See that the servers of `resolver` (or /etc/resolv.conf) run and can be reached; `weir doctor` asks each.',
  },
  'state-unreachable': {
    meaning:
      'What is remembered between connections cannot be read or written; the break policies of greylisting, rates and blocks decide about mail.',
    action:
      'See that Redis runs and can be reached, or that the disk of `storage.dir` takes writes; `weir doctor` tests it.',
  },
  'authentication-dns': {
    meaning: 'SPF, DKIM and DMARC cannot be looked up: mail of several domains in a row met no answer from DNS.',
    action: 'See that the DNS servers of `resolver` answer; `authentication` says what becomes of mail meanwhile.',
  },
  'rules-refused': {
    meaning: 'A line of a rule file was refused; the other rules run.',
    action: '`weir doctor` names file and line.',
  },
  'rules-not-kept': {
    meaning: 'Compiled rules cannot be kept on disk, or what was kept was damaged: processes take longer to start.',
    action: 'The detail says why: full, read-only, of another owner, failing? Mail is judged as before.',
  },
  'rules-update-failed': {
    meaning: 'The daily update of rules did not come about; the rules that were in force stay.',
    action:
      'The detail says why; `weir rules update` tries again, `weir rules update --status` shows what is installed.',
  },
  'dns-list-dead': {
    meaning:
      'A DNS list is suspended: it is dead, lists everything, refuses us or does not answer. It counts for nothing.',
    action: 'The detail says which and why; take it off `lists.sites`, or see its terms of use and your resolver.',
  },
  'dns-list-error': {
    meaning: 'A DNS list answered with an error code or with what no list gives; such answers never count.',
    action: 'Ask through a resolver of your own, within the terms of the list; `weir check-ip` shows what it answers.',
  },
  'screen-list-dead': {
    meaning:
      'A DNS list of the front listener is suspended: it is dead, lists everything, refuses us or does not answer. It counts for nothing.',
    action:
      'The detail says which and why; take it off `screen.dnsblSites`, or see its terms of use and your resolver.',
  },
  'screen-list-error': {
    meaning: 'A DNS list answered the front listener with an error code or with what no list gives; that never counts.',
    action: 'Ask through a resolver of your own, within the terms of the list; `weir check-ip` shows what it answers.',
  },
  'screen-lists-busy': {
    meaning:
      'So many look-ups are out that DNS lists are not asked about some clients of the front listener; what is not asked counts for nothing.',
    action: 'Raise `resolver.inFlightMax` and `resolver.waitingMax`, or see why the DNS servers are slow.',
  },
  'screen-state': {
    meaning:
      'The front listener cannot read or write what it remembers of clients: good ones are tested, and wait, each time.',
    action: 'See that the store of `state` can be reached; `weir doctor` tests it.',
  },
  'screen-upstream': {
    meaning: 'The mail server does not take connections from the front listener: clients are told to come again.',
    action:
      'See that Postfix runs and that its listener at `screen.upstream` has `smtpd_upstream_proxy_protocol=haproxy`; `weir postfix check` compares it.',
  },
  'screen-stress': {
    meaning: 'So many clients are under test that the front listener shortens its waits.',
    action:
      'Nothing if it clears by itself; else look who connects, and raise `screen.screenedMax` if they are honest.',
  },
  'own-address-listed': {
    meaning: 'An address that this system sends from is on a block list: others may refuse its mail.',
    action: 'Find what sent spam from it, then ask the list to take it off; `weir check-ip ADDRESS` shows the reason.',
  },
  'stage-broken': {
    meaning: 'A stage fails or overruns its time; its break policy decides about mail.',
    action: 'The text log names the stage and the reason.',
  },
  'worker-died': {
    meaning: 'A scan worker died and was replaced.',
    action: 'The text log has the reason; when it repeats, report it.',
  },
  'worker-restarting': {
    meaning: 'Scan workers die again and again; new ones are started ever more slowly.',
    action: 'The text log has the reason of the last death.',
  },
  'screen-died': {
    meaning:
      'The front listener died and is replaced; new clients wait in the kernel meanwhile, sessions in hand are lost.',
    action: 'The log of `weir serve` has the reason; clients try again by themselves.',
  },
  'admin-died': {
    meaning: 'The admin process died and was replaced; mail flowed meanwhile.',
    action: 'The text log has the reason; when it repeats, report it.',
  },
  'message-unprocessable': {
    meaning: 'A message killed its worker and the process it was tried in alone; it lies in quarantine.',
    action: '`weir quarantine list --category unprocessable`; report it if the content may be shared.',
  },
  'countries-unreadable': {
    meaning: 'The country database cannot be read: the country of every client is unknown.',
    action: 'Put a good file at `countries.file`, or empty the key to take the one that comes with Weir.',
  },
  'countries-damaged': {
    meaning: 'Records of the country database are damaged: the country of some clients is unknown.',
    action: 'Put a good file at `countries.file`, or empty the key to take the one that comes with Weir.',
  },
  'access-unreadable': {
    meaning: 'The store of block and allow rules cannot be read; the rules known last go on.',
    action: 'The detail says why: see the disk and the rights of `access.dir`; it is tried again by itself.',
  },
  'settings-refused': {
    meaning:
      'The configuration file, or a rule file that it names, was changed but is not valid; what was before stays in force.',
    action: '`weir config check` names each mistake with its file and line; a good file is taken when it is there.',
  },
  'sealing-key-open': {
    meaning: 'The private key of `sealing.keyFile` can be read by others than its owner.',
    action: 'chmod 600 that file; if anybody else may have read it, make a new key.',
  },
} as const satisfies Readonly<Record<string, AlertSpec>>;

export type AlertCode = keyof typeof ALERTS;

/** One alert as stored. Times in ms since the epoch; `clearedAt` null while it is raised. */
export interface Alert {
  readonly code: string;
  readonly detail: string;
  readonly raisedAt: number;
  readonly clearedAt: number | null;
  /** How often it was raised in all. */
  readonly count: number;
}

export interface Alerts {
  /** Raises or clears; gives at once. Unknown codes are kept too, and complained about in the text log. */
  alert(code: string, raised: boolean, detail: string): void;
  /** Those raised now, or all ever raised. */
  list(all?: boolean): Promise<readonly Alert[]>;
  /** Resolves when everything called so far is stored. */
  settled(): Promise<void>;
}

/** The part of a logger used here. */
export interface AlertLog {
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
  info(fields: object, text: string): void;
}

/** Longest detail kept, characters. */
export const ALERT_DETAIL_CHARS_MAX = 1_000;
/** A raised alert is stored again at most this often, ms: with the same detail, and with another one. */
export const ALERT_REFRESH_MS = 60_000;
export const ALERT_DETAIL_MS = 1_000;

const MIGRATIONS = [
  `CREATE TABLE alert (
     code TEXT PRIMARY KEY, detail TEXT NOT NULL, raised_at INTEGER NOT NULL, cleared_at INTEGER, count INTEGER NOT NULL
   ) WITHOUT ROWID`,
];

const RAISE = `INSERT INTO alert VALUES (?, ?, ?, NULL, 1) ON CONFLICT (code) DO UPDATE SET
  raised_at = CASE WHEN cleared_at IS NULL THEN raised_at ELSE excluded.raised_at END,
  count = count + (cleared_at IS NOT NULL), detail = excluded.detail, cleared_at = NULL`;
const CLEAR = 'UPDATE alert SET cleared_at = ? WHERE code = ? AND cleared_at IS NULL';

export async function openAlerts(database: Database, clock: Clock, log: AlertLog): Promise<Alerts> {
  await database.migrate('alerts', MIGRATIONS);
  return new StoredAlerts(database, clock, log);
}

class StoredAlerts implements Alerts {
  /** Per code: what this process said last, and when it was stored. */
  private readonly said = new Map<string, { raised: boolean; detail: string; storedAt: number }>();
  private pending: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly log: AlertLog,
  ) {}

  alert(code: string, raised: boolean, detail: string): void {
    const now = this.clock.now();
    const before = this.said.get(code);
    const isNews = before?.raised !== raised;
    const text = detail.slice(0, ALERT_DETAIL_CHARS_MAX);
    if (!isNews) {
      const waitMs = before.detail === text ? ALERT_REFRESH_MS : ALERT_DETAIL_MS;
      if (!raised || now - before.storedAt < waitMs) return;
    }
    this.said.set(code, { raised, detail: text, storedAt: now });
    if (isNews) this.tell(code, raised, text, before !== undefined);
    this.pending = this.pending.then(() => this.store(code, raised, text, now));
  }

  async list(all = false): Promise<readonly Alert[]> {
    const where = all ? '' : 'WHERE cleared_at IS NULL';
    const [rows] = await this.database.read([select(`SELECT * FROM alert ${where} ORDER BY raised_at DESC, code`)]);
    return rowsOf(rows).map((row) => ({
      code: row['code'] as string,
      detail: row['detail'] as string,
      raisedAt: row['raised_at'] as number,
      clearedAt: row['cleared_at'] as number | null,
      count: row['count'] as number,
    }));
  }

  settled(): Promise<void> {
    return this.pending;
  }

  private tell(code: string, raised: boolean, detail: string, known: boolean): void {
    if (!Object.hasOwn(ALERTS, code)) this.log.error({ alert: code }, 'alert is not in the catalogue');
    if (raised) this.log.warn({ alert: code, detail }, 'alert raised');
    else if (known) this.log.info({ alert: code, detail }, 'alert cleared');
  }

  /** A store that fails must not lose the alert: the next call stores it again. */
  private async store(code: string, raised: boolean, detail: string, now: number): Promise<void> {
    try {
      await this.database.write([raised ? change(RAISE, code, detail, now) : change(CLEAR, now, code)]);
    } catch (error) {
      this.said.delete(code);
      this.log.error({ alert: code, err: error }, 'alert could not be stored');
    }
  }
}
