// The interface every stage implements, and what the runner hands it. A stage reports findings, facts for later stages
// and header or body edits; it never names an action.
import type { TObject, Static } from 'typebox';
import type { Connection, EnvelopeAddress, Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { AttachedFiles } from '../config/attached.js';
import type { Section } from '../config/section.js';
import type { Clock } from '../outside/clock.js';
import type { Countries } from '../outside/countries.js';
import type { Resolver } from '../outside/resolver.js';
import type { Edit } from './answer.js';
import type { State } from '../state/state.js';
import type { Exemption, Finding, FindingSpec } from './finding.js';

/** When a stage runs: at any command of the SMTP dialogue, and on the whole message. */
export type EarlyMoment = 'connect' | 'helo' | 'mail' | 'rcpt';
export type Moment = EarlyMoment | 'message';

/**
 * How soon a stage must be told of a moment. Every moment that somebody must be told of is one more round trip between the
 * MTA and us. `now`: it counts there, or may refuse by what no login and no allow rule can spare. `by-rcpt`: what it finds
 * may refuse, and is said at RCPT as long as `pipeline.refuseAtRcpt` holds. `with-message`: it only notes or scores.
 */
export type Hearing = 'now' | 'by-rcpt' | 'with-message';

/** Where a recipient's mail goes, seen from here (behaviour 3). */
export type Direction = 'received' | 'sent' | 'internal';

/** What happens to the message when the stage throws or overruns its time. */
export type BreakPolicy = 'tempfail' | 'quarantine' | 'continue';

/** What an operator sees of a stage, in one place. */
export interface StageSpec<Schema extends TObject = TObject> {
  /** Folder = configuration section = log field = metric label = docs page. */
  readonly name: string;
  /** One sentence for the reference. */
  readonly summary: string;
  readonly runsAt: readonly Moment[];
  /** Directions in which it runs; a message with recipients of several directions runs it if any fits. */
  readonly directions: readonly Direction[];
  /** Stages whose results it reads; they run before it. */
  readonly needs: readonly string[];
  /** Keys with type, default, bounds and one sentence each; `enabled`, `onBreak`, `timeLimitMs` are added by `stageSettings`. */
  readonly settings: Schema;
  /** What the stage holds against settings that fit the schema: an expression that does not compile, two keys that cross. */
  readonly check?: Section<Schema>['check'];
  /** Fills in settings that follow from other sections. */
  readonly complete?: Section<Schema>['complete'];
  /** The files its settings name: read with the settings, handed to `create`, watched. */
  readonly files?: Section<Schema>['files'];
  /** What is wrong in those files that is left out rather than refused. */
  readonly complaints?: Section<Schema>['complaints'];
  readonly findings: readonly FindingSpec[];
  /** Off unless switched on, for stages that need a server or a choice by the administrator. Default true. */
  readonly enabledByDefault?: boolean;
  readonly onBreak: BreakPolicy;
  readonly timeLimitMs: number;
}

/** What the world offers a stage when it is made. */
export interface Outside {
  readonly clock: Clock;
  /** Null where nothing may be looked up (`weir scan` without a resolver, benches): such a stage reports what it knows without. */
  readonly resolver: Resolver | null;
  /** Null where no database is set. */
  readonly countries: Countries | null;
  /** What is remembered between connections, shared by all processes; null where nothing may be kept (`weir scan`, benches). */
  readonly state: State | null;
  /** Raises or clears an operator alert (catalogue in logs/alerts.ts). */
  alert(code: string, raised: boolean, detail: string): void;
}

/** What one run of a message stage sees. */
export interface MessageJob {
  readonly message: Message;
  readonly transaction: Transaction;
  /** Same order as `transaction.rcptTo`. */
  readonly directions: readonly Direction[];
  /** What earlier stages reported, by stage name: only those named in `needs` may be read. */
  results(stage: string): StageReport | undefined;
  /** What stages reported before the content, this stage's own and those of `needs`; recipients by their index in `rcptTo`. */
  early(stage: string): readonly EarlyReport[];
  /** Spam score of what stages reported so far, caps and exemptions applied, for one recipient; name in `needs` what it must hold. */
  scoreSoFar(recipient: number): number;
  /** ms on the monotonic clock at which this stage's time is over; loops over mail check it. */
  readonly deadline: number;
  /** Aborted when the client is gone, the time is over, or the worker stops. */
  readonly signal: AbortSignal;
}

/**
 * What one run of a stage sees before there is content. The same shape at every moment; what is not known yet is null.
 * Which directions are possible is all that is known of them before RCPT: `received` alone, or `sent` and `internal`; a
 * client may still log in and then be spared what was found for `received`. Behind a trusted relay the client is not
 * known yet: connect and helo are left out, at MAIL and RCPT its address, names and HELO are null.
 */
export interface EarlyJob {
  readonly moment: EarlyMoment;
  readonly connection: Connection;
  /** The login that sends (SASL), known from MAIL on. */
  readonly login: string | null;
  /** From MAIL on. */
  readonly mailFrom: EnvelopeAddress | null;
  /** At RCPT: the recipient asked about. */
  readonly rcptTo: EnvelopeAddress | null;
  /** Recipients of this transaction that were accepted so far, in order; `accepted.length` is the index `rcptTo` will have. */
  readonly accepted: readonly EnvelopeAddress[];
  /** At RCPT the recipient's own, before all that are possible. */
  readonly directions: readonly Direction[];
  /** True when the recipient's domain is one of ours; null before RCPT. */
  readonly recipientIsOurs: boolean | null;
  isOwnDomain(address: string): boolean;
  /** The address under the main name of its domain (recipients are given so already). */
  underMainName(address: string): string;
  /**
   * What earlier stages reported at this moment, and this and other stages at earlier ones of this session and
   * transaction: only those named in `needs`, and the stage itself. Of other recipients nothing is told.
   */
  results(stage: string): readonly StageReport[];
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** A recipient that the MTA refused by itself, told where it does so (milter: SMFIP_RCPT_REJ). */
export interface RefusedRecipient {
  readonly connection: Connection;
  readonly login: string | null;
  readonly mailFrom: EnvelopeAddress;
  readonly rcptTo: EnvelopeAddress;
  /** Enhanced status (RFC 3463), such as `5.1.1` for an unknown recipient; empty where not told. */
  readonly status: string;
}

export interface StageReport {
  readonly findings: readonly Finding[];
  /** Checks that a rule of the administrator's spares the message or a recipient. */
  readonly exempts?: readonly Exemption[];
  /** Applied to every recipient that gets the mail. */
  readonly edits?: readonly Edit[];
  /** Earlier stages' findings that this stage scores in their place, by id or by what they are `about`: they score 0. */
  readonly covers?: readonly string[];
  /** Results for later stages, typed by the stage's own exported type. */
  readonly facts?: unknown;
  /** Names of sub-rules that hit (SpamAssassin `__` names): logged so that a verdict can be judged again. */
  readonly subRules?: readonly string[];
  /** What a seal over the message as it goes out would state. */
  readonly sealBasis?: SealBasis;
}

/** A report made before the content. Its facts must be plain data: they may cross process borders. */
export interface EarlyReport extends StageReport {
  readonly stage: string;
  readonly moment: EarlyMoment;
  /** Index the recipient has in `rcptTo`; null before RCPT. */
  readonly recipient: number | null;
  /** Those the stage is for: the report counts for no other mail. */
  readonly directions: readonly Direction[];
}

/** What an ARC seal states about a message as it came in (RFC 8617 §4, §5.1). Plain data: it crosses process borders. */
export interface SealBasis {
  readonly authservId: string;
  /** The results as in Authentication-Results (RFC 8601), without the authserv-id: `spf=pass smtp.mailfrom=...; dkim=...`. */
  readonly results: string;
  /** Validity of the chain as it came in. */
  readonly chain: 'none' | 'pass' | 'fail';
  /** Sets in the chain as it came in, 0 to 50. */
  readonly instances: number;
}

/** One stage at work, made once per worker and settings version. */
export interface Stage {
  /**
   * What its settings ask for at a moment that it has a hook for; asked once, when the stage is made. Absent: `now`. The
   * hook is called in any case, once, in the order of the dialogue: what nobody had to be told of in time is made up for at
   * the next moment that is told, or with the message.
   */
  hears?(moment: EarlyMoment): Hearing;
  /** Before the content: findings that lead to a refusal end the command, others count when the message is judged. */
  onConnect?(job: EarlyJob): Promise<StageReport> | StageReport;
  onHelo?(job: EarlyJob): Promise<StageReport> | StageReport;
  onMail?(job: EarlyJob): Promise<StageReport> | StageReport;
  onRcpt?(job: EarlyJob): Promise<StageReport> | StageReport;
  /** For counting; nothing is answered. */
  onRefusedRcpt?(refused: RefusedRecipient): Promise<void> | void;
  /** A session is over of which the stage heard the connect. Where a process dies, it is never said. */
  onEnd?(connection: Connection): Promise<void> | void;
  /** What it reported before the content comes by `early` of its own name. */
  onMessage?(job: MessageJob): Promise<StageReport> | StageReport;
  /** One line per fact for `weir doctor`: what works, what does not. */
  check?(signal: AbortSignal): Promise<readonly Check[]>;
  close?(): Promise<void> | void;
}

/** One line of a health check. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
}

/** A stage as the list in filters/index.ts holds it: what it is, and how to make it. */
export interface StageModule<Schema extends TObject = TObject> {
  readonly spec: StageSpec<Schema>;
  /** `files` holds what `spec.files` names; nothing else may be read by path. */
  create(settings: Static<Schema>, outside: Outside, files: AttachedFiles): Promise<Stage> | Stage;
}
