// The block and allow lists at the door: what the administrator's rules on addresses and networks say of a client before
// it may speak. The same rules as the stage's, from the settings and from the store, those for everybody only.
import type { Configuration } from '../config/load.js';
import { borrowBook, type AccessBook } from '../filters/access/book.js';
import { columnsOf } from '../filters/access/matrix.js';
import type { AccessRule } from '../filters/access/rule.js';
import { pinnedRules, type AccessSettings } from '../filters/access/settings.js';
import { accessStage } from '../filters/access/stage.js';
import { RuleTable } from '../filters/access/table.js';
import type { AlertCode } from '../logs/alerts.js';
import { systemClock } from '../outside/clock.js';
import { stageSection, type CommonStageSettings } from '../pipeline/stage-section.js';
import type { AccessWord } from '../screen/screen.js';

const TROUBLE: AlertCode = 'access-unreadable';
/** Kinds of allow rules that beat a block and come to be known after the door. */
const LATER_KINDS = ['sender', 'domain', 'recipient'] as const;
const SECTION = stageSection(accessStage.spec);

export interface ScreenAccess {
  /** Never waits: rules that have just changed hold for the next client. */
  wordOn(address: string): AccessWord;
  /** Rules of these settings from now on; the store's stay. */
  take(configuration: Configuration): void;
  close(): Promise<void>;
}

/** Opens the rules. A store that cannot be read is an alert, and the rules of the settings hold alone. */
export async function openScreenAccess(
  configuration: Configuration,
  alert: (code: string, raised: boolean, detail: string) => void,
): Promise<ScreenAccess> {
  const { dir } = settingsOf(configuration);
  const onTrouble = (raised: boolean, detail: string): void => alert(TROUBLE, raised, detail);
  if (dir === null) return new RulesAtTheDoor(configuration, null);
  try {
    return new RulesAtTheDoor(configuration, await borrowBook({ dir, clock: systemClock, make: true, onTrouble }));
  } catch (error) {
    onTrouble(true, error instanceof Error ? error.message : String(error));
    return new RulesAtTheDoor(configuration, null);
  }
}

class RulesAtTheDoor implements ScreenAccess {
  private pinned = new RuleTable();
  private stored = new RuleTable();
  private isOn = true;

  constructor(
    configuration: Configuration,
    private readonly borrowed: { readonly book: AccessBook; giveBack(): Promise<void> } | null,
  ) {
    this.take(configuration);
  }

  wordOn(address: string): AccessWord {
    if (!this.isOn) return null;
    this.refresh();
    const subject = { client: address, sender: null, recipient: null };
    const now = systemClock.now();
    const word = sayOf([...this.pinned.match(subject, now).global, ...this.stored.match(subject, now).global]);
    // Senders and recipients are not known yet, and a rule on them may still allow: the stage says it at RCPT.
    const mayBeAllowed = [this.pinned, this.stored].some((table) => table.hasAllow(LATER_KINDS));
    return word !== 'permit' && mayBeAllowed ? null : word;
  }

  take(configuration: Configuration): void {
    const settings = settingsOf(configuration);
    this.isOn = settings.enabled;
    this.pinned = new RuleTable(pinnedRules(settings));
  }

  async close(): Promise<void> {
    await this.borrowed?.giveBack();
  }

  private refresh(): void {
    if (this.borrowed === null) return;
    const current = this.borrowed.book.current();
    if (current instanceof RuleTable) this.stored = current;
    else void current.then((table) => (this.stored = table));
  }
}

/**
 * Allow beats block. A client is let through untested where its rule spares it the lists and the restrictions, as that of
 * an address or a network does. Silent discarding needs a mail to discard: that is left to the stage.
 */
export function sayOf(rules: readonly AccessRule[]): AccessWord {
  const allows = rules.filter(({ effect }) => effect === 'allow');
  const spares = allows.some(({ kind, skips }) => {
    const columns = columnsOf(kind, skips);
    return columns.includes('dnsbl') && columns.includes('restriction');
  });
  if (spares) return 'permit';
  if (allows.length > 0) return null;
  return rules.some(({ effect }) => effect === 'reject') ? { deny: 'enforce' } : null;
}

function settingsOf(configuration: Configuration): AccessSettings & CommonStageSettings {
  const values: unknown = configuration.section(SECTION);
  return values as AccessSettings & CommonStageSettings;
}
