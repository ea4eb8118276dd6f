// Alerts on their way from the supervisor to the admin process, which keeps their store: handed over at once when it is
// there, kept for the next one when it is not. Bounded; never waits.
import type { Child } from './child.js';

/** Alerts kept for an admin process that is not there just now. */
const ALERTS_MAX = 100;

interface PendingAlert {
  readonly code: string;
  readonly raised: boolean;
  readonly detail: string;
}

export class AlertPost {
  private readonly pending = new Map<string, PendingAlert>();

  /** `admin` gives the admin process when it is ready. */
  constructor(private readonly admin: () => Child | null) {}

  /** Raises or clears an alert; of those kept, the newest of a code counts. */
  send(code: string, raised: boolean, detail: string): void {
    const admin = this.admin();
    if (admin !== null) {
      admin.tell({ kind: 'alert', code, raised, detail });
      return;
    }
    this.pending.delete(code);
    if (this.pending.size < ALERTS_MAX) this.pending.set(code, { code, raised, detail });
  }

  /** Hands what was kept to a new admin process. */
  deliver(admin: Child): void {
    for (const alert of this.pending.values()) admin.tell({ kind: 'alert', ...alert });
    this.pending.clear();
  }
}
