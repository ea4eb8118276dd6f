// Tells the operator when DNS fails, not when one sender's DNS does: several messages in a row, of different domains, none
// of which could be looked up whole. The first that could clears the alert.
import type { AuthenticationFacts } from './facts.js';

/** Messages in a row with a temporary error, and different domains among them, that raise the alert. */
export const FAILURES_MIN = 3;
export const FAILING_DOMAINS_MIN = 2;
/** Domains remembered. */
const DOMAINS_MAX = 10;

export const DNS_ALERT = 'authentication-dns';

export class DnsWatch {
  #failures = 0;
  #raised = false;
  readonly #domains = new Set<string>();

  constructor(private readonly alert: (code: string, raised: boolean, detail: string) => void) {}

  see(facts: AuthenticationFacts): void {
    const results = [facts.spf, facts.dmarc, ...facts.dkim].filter((one) => one !== null && one.domain !== '');
    const failed = results.filter((one) => one?.result === 'temperror');
    if (failed.length > 0) this.#failed(failed.map((one) => one?.domain ?? ''));
    else if (results.length > 0) this.#worked();
  }

  #failed(domains: readonly string[]): void {
    this.#failures += 1;
    for (const domain of domains) if (this.#domains.size < DOMAINS_MAX) this.#domains.add(domain);
    if (this.#failures < FAILURES_MIN || this.#domains.size < FAILING_DOMAINS_MIN) return;
    this.#raised = true;
    this.alert(
      DNS_ALERT,
      true,
      `${this.#failures} messages in a row could not be checked: ${[...this.#domains].join(', ')}`,
    );
  }

  #worked(): void {
    this.#failures = 0;
    this.#domains.clear();
    if (!this.#raised) return;
    this.#raised = false;
    this.alert(DNS_ALERT, false, 'DNS answers again');
  }
}
