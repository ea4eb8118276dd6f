// What the supervisor and its processes say to each other over Node's channel between parent and child: plain data.
import type { AttachedTexts } from '../config/attached.js';

/** The role of a process under the supervisor. */
export type Role = 'worker' | 'admin' | 'screen';

/** What is spoken on a listening socket; `screen-proxied` is SMTP behind a PROXY header. */
export type ListenerProtocol = 'milter' | 'policy' | 'screen' | 'screen-proxied';

/** A listening socket handed to a process. */
export interface HandedListener {
  readonly protocol: ListenerProtocol;
  readonly descriptor: number;
}

/** The settings as text, so that every process has the very same. */
export interface SettingsText {
  readonly text: string;
  /** Name for messages; null means embedded defaults. */
  readonly file: string | null;
  /** What the files they name held when they were read. */
  readonly attached: AttachedTexts;
}

/** First message to a new process. */
export interface StartOrder extends SettingsText {
  readonly kind: 'start';
  readonly number: number;
  /** Life file to write. */
  readonly life: string;
  /** Listening sockets open in the process, in the order of the settings. */
  readonly listeners: readonly HandedListener[];
  readonly suspects: readonly string[];
}

/** Supervisor to process. */
export type Order =
  | StartOrder
  /** Make everything these settings need, ready to be swapped in; answer `prepared`. */
  | ({ readonly kind: 'prepare'; readonly id: number } & SettingsText)
  | { readonly kind: 'commit' | 'cancel'; readonly id: number }
  /** The whole list, in place of the one before. */
  | { readonly kind: 'suspects'; readonly identities: readonly string[] }
  /** For the admin process to record. */
  | { readonly kind: 'alert'; readonly code: string; readonly raised: boolean; readonly detail: string }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  /** Take no new connections, let those open come to their end within `graceMs`, then exit. */
  | { readonly kind: 'drain'; readonly graceMs: number }
  /** Answer what is in hand within `graceMs`, close idle connections, then exit. */
  | { readonly kind: 'stop'; readonly graceMs: number };

/** Process to supervisor. */
export type Report =
  | { readonly kind: 'ready'; readonly version: string }
  /** Said before exiting when it cannot start. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'prepared'; readonly id: number; readonly objection: string | null }
  /** A suspect was scanned alone and survived. */
  | { readonly kind: 'cleared'; readonly identity: string }
  /** A suspect killed the process it was alone in, and what became of it is settled. */
  | { readonly kind: 'condemned'; readonly detail: string }
  | { readonly kind: 'ask'; readonly id: number; readonly what: 'status' | 'reload' };

/** One process as `status` shows it. */
export interface ProcessStatus {
  readonly role: Role;
  readonly number: number;
  readonly pid: number;
  readonly state: 'starting' | 'ready' | 'leaving';
  /** ms since the epoch. */
  readonly startedAt: number;
  /** Version of the settings it runs on; '' while it starts. */
  readonly version: string;
  /** ms since its heartbeat last moved. */
  readonly beatAgeMs: number;
  readonly connections: number;
  readonly messages: number;
  readonly inFlight: number;
}

/** What the control method `status` gives. */
export interface ServerStatus {
  readonly pid: number;
  readonly program: string;
  readonly startedAt: number;
  readonly file: string | null;
  readonly version: string;
  readonly listen: readonly string[];
  readonly workersWanted: number;
  readonly processes: readonly ProcessStatus[];
  /** Processes that ended unasked since the start. */
  readonly crashes: number;
  readonly suspects: number;
  readonly reload: ReloadResult | null;
}

/** What became of a request to read the settings again. */
export interface ReloadResult {
  /** ms since the epoch. */
  readonly time: number;
  readonly taken: boolean;
  /** Version in force afterwards. */
  readonly version: string;
  /** Problems when refused; notes when taken. */
  readonly lines: readonly string[];
}
