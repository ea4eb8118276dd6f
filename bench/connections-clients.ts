// Clients of the connection bench: good ones, and those that are silent, slow, talk early or die. Each is one connection
// that ends by itself; a crowd of them is opened at a rate, never more than so many at once. No randomness but by seed.
import { connect, type Socket } from 'node:net';

/** A listener that is called on. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export type Kind = 'good' | 'silent' | 'slow' | 'talker' | 'dying';

/** What became of one connection. */
export interface Outcome {
  /** Code of the last reply; 0 when there was none. */
  readonly code: number;
  /** ms to the whole greeting; null when none came. */
  readonly greetingMs: number | null;
  readonly totalMs: number;
}

/** A client that hears nothing for so long gives up, ms. */
const PATIENCE_MS = 60_000;
const SLOW_EVERY_MS = 1_000;
const HELD_MAX_CHARS = 8_192;
const DIALOGUE = ['EHLO client.bench', 'MAIL FROM:<anna@away.test>', 'RCPT TO:<ben@house.test>'] as const;

/** One connection of that kind. `holdMs`: how long those stay that want nothing. Never rejects. */
export function visit(target: Target, from: string, kind: Kind, holdMs: number): Promise<Outcome> {
  return new Promise((done) => {
    const begun = performance.now();
    const socket = connect({ ...target, localAddress: from });
    const client = new Client(socket, kind, begun);
    const patience = kind === 'good' || kind === 'talker' ? PATIENCE_MS : holdMs;
    const timer = setTimeout(() => (kind === 'dying' ? socket.resetAndDestroy() : socket.destroy()), patience);
    socket.once('close', () => {
      clearTimeout(timer);
      client.stop();
      done({ code: client.code, greetingMs: client.greetingMs, totalMs: performance.now() - begun });
    });
  });
}

class Client {
  code = 0;
  greetingMs: number | null = null;
  private held = '';
  private step = 0;
  private drip: NodeJS.Timeout | null = null;

  constructor(
    private readonly socket: Socket,
    private readonly kind: Kind,
    private readonly begun: number,
  ) {
    socket.on('data', (chunk: Buffer) => this.hear(chunk.toString('latin1')));
    socket.on('error', () => socket.destroy());
    if (kind === 'talker') socket.once('connect', () => socket.write(`${DIALOGUE[0]}\r\n`));
  }

  stop(): void {
    if (this.drip !== null) clearInterval(this.drip);
  }

  private hear(text: string): void {
    this.held = (this.held + text).slice(-HELD_MAX_CHARS);
    for (let end = this.held.indexOf('\r\n'); end >= 0; end = this.held.indexOf('\r\n')) {
      const line = this.held.slice(0, end);
      this.held = this.held.slice(end + 2);
      if (line[3] !== '-') this.answer(Number(line.slice(0, 3)));
    }
  }

  private answer(code: number): void {
    if (this.greetingMs === null && code === 220) this.greetingMs = performance.now() - this.begun;
    if (this.step <= DIALOGUE.length) this.code = code;
    if (this.kind === 'slow') this.drip ??= setInterval(() => this.socket.write('x'), SLOW_EVERY_MS);
    if (this.kind !== 'good') return;
    const next = code < 400 ? DIALOGUE[this.step] : undefined;
    if (next === undefined && this.step > DIALOGUE.length) return void this.socket.destroy();
    this.step = next === undefined ? DIALOGUE.length + 1 : this.step + 1;
    this.socket.write(`${next ?? 'QUIT'}\r\n`);
  }
}

/** One planned connection. */
export interface Plan {
  readonly kind: Kind;
  readonly from: string;
}

/** What a crowd met, by kind. */
export interface CrowdResult {
  readonly outcomes: ReadonlyMap<Kind, readonly Outcome[]>;
  /** Most connections open at once. */
  readonly openMax: number;
  readonly ms: number;
}

/** Opens the planned connections, `perSecond` of them, never more than `openMax` at once. */
export async function openCrowd(
  target: Target,
  plans: readonly Plan[],
  { perSecond, openMax, holdMs }: { readonly perSecond: number; readonly openMax: number; readonly holdMs: number },
): Promise<CrowdResult> {
  const outcomes = new Map<Kind, Outcome[]>();
  const begun = performance.now();
  const open = new Set<Promise<void>>();
  // One waiter, woken by whoever ends: a race of thousands of promises, again and again, would never let go of any.
  let wake: () => void = () => undefined;
  let seen = 0;
  for (const [index, { kind, from }] of plans.entries()) {
    const dueMs = (index / perSecond) * 1_000;
    for (;;) {
      const waitMs = dueMs - (performance.now() - begun);
      if (waitMs > 1) await new Promise((done) => setTimeout(done, waitMs));
      else if (open.size >= openMax) await new Promise<void>((done) => (wake = done));
      else break;
    }
    const visiting: Promise<void> = visit(target, from, kind, kind === 'dying' ? (index * 7) % 2_000 : holdMs).then(
      (outcome) => {
        open.delete(visiting);
        wake();
        const known = outcomes.get(kind) ?? [];
        outcomes.set(kind, known);
        known.push(outcome);
      },
    );
    open.add(visiting);
    seen = Math.max(seen, open.size);
  }
  await Promise.all(open);
  return { outcomes, openMax: seen, ms: performance.now() - begun };
}

/** The n-th address of a network of 16 bits, such as `127.64`. */
export function addressIn(network: string, index: number): string {
  return `${network}.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`;
}

/** Middle value; 0 of none. */
export function median(values: readonly number[], share = 0.5): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
