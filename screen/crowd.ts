// Who is connected: exact counts by address, by IPv6 network and in all, and whether there are so many under test that
// the waits get shorter. Everything taken is given back; an address without connections leaves nothing behind.
import { isIPv6 } from 'node:net';
import type { LimitName } from './event.js';

/** The bounds, as the settings name them. */
export interface CrowdLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly connectionsPerNetworkMax: number;
  readonly screenedMax: number;
}

/** Share of `screenedMax` at which stress begins and ends. */
export const STRESS_ON = 0.9;
export const STRESS_OFF = 0.7;

interface Client {
  open: number;
  screened: number;
}

export class Crowd {
  readonly #clients = new Map<string, Client>();
  readonly #networks = new Map<string, number>();
  #open = 0;
  #screened = 0;
  #isStressed = false;

  constructor(
    private limits: CrowdLimits,
    private readonly onStress: (isStressed: boolean) => void,
  ) {}

  get open(): number {
    return this.#open;
  }

  get screened(): number {
    return this.#screened;
  }

  get isStressed(): boolean {
    return this.#isStressed;
  }

  /** Addresses with a connection. */
  get addresses(): number {
    return this.#clients.size;
  }

  setLimits(limits: CrowdLimits): void {
    this.limits = limits;
    this.#judgeStress();
  }

  /** Whether there is room for one more connection at all. */
  hasRoom(): boolean {
    return this.#open < this.limits.connectionsMax;
  }

  /** Whether one more client may be tested. */
  hasScreenRoom(): boolean {
    return this.#screened < this.limits.screenedMax;
  }

  /** Counts a connection of an address, or says which bound it would break. */
  enter(address: string): LimitName | null {
    const client = this.#clients.get(address);
    if ((client?.open ?? 0) >= this.limits.connectionsPerAddressMax) return 'address';
    const network = networkOf(address);
    const ofNetwork = network === null ? 0 : (this.#networks.get(network) ?? 0);
    if (network !== null && ofNetwork >= this.limits.connectionsPerNetworkMax) return 'network';
    if (client === undefined) this.#clients.set(address, { open: 1, screened: 0 });
    else client.open += 1;
    if (network !== null) this.#networks.set(network, ofNetwork + 1);
    return null;
  }

  leave(address: string): void {
    const client = this.#clients.get(address);
    if (client === undefined) return;
    client.open -= 1;
    if (client.open === 0) this.#clients.delete(address);
    const network = networkOf(address);
    if (network === null) return;
    const left = (this.#networks.get(network) ?? 1) - 1;
    if (left > 0) this.#networks.set(network, left);
    else this.#networks.delete(network);
  }

  /** A connection taken, whosever it is; `close` gives it back. */
  accept(): void {
    this.#open += 1;
  }

  close(): void {
    this.#open -= 1;
  }

  /** Sessions of an address under test. */
  screenedOf(address: string): number {
    return this.#clients.get(address)?.screened ?? 0;
  }

  /** A test of a client begins, and ends. */
  beginScreening(address: string): void {
    const client = this.#clients.get(address);
    if (client !== undefined) client.screened += 1;
    this.#screened += 1;
    this.#judgeStress();
  }

  endScreening(address: string): void {
    const client = this.#clients.get(address);
    if (client !== undefined) client.screened -= 1;
    this.#screened -= 1;
    this.#judgeStress();
  }

  #judgeStress(): void {
    const { screenedMax } = this.limits;
    const isStressed = this.#screened >= screenedMax * (this.#isStressed ? STRESS_OFF : STRESS_ON);
    if (isStressed === this.#isStressed) return;
    this.#isStressed = isStressed;
    this.onStress(isStressed);
  }
}

/** The /64 of an IPv6 address in its short form, as four groups; null for IPv4. */
export function networkOf(address: string): string | null {
  if (!isIPv6(address)) return null;
  const [before = '', after] = address.split('::');
  const head = before === '' ? [] : before.split(':');
  if (after === undefined) return head.slice(0, 4).join(':');
  const tail = after === '' ? [] : after.split(':');
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}
