// A milter server for tests: defaults with overrides, a handler that records what it is given, on TCP or a UNIX socket of
// its own; everything is closed and removed after each test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { afterEach } from 'vitest';
import type { Connection, Transaction } from '../../message/envelope.js';
import type { AnswerFate, MilterHandler } from '../../milter/handler.js';
import { createMilterServer, type MilterServer } from '../../milter/server.js';
import { MILTER_SECTION, type MilterSettings } from '../../milter/settings.js';
import type { Answer } from '../../pipeline/answer.js';
import { Mta } from './wire.js';

export const ACCEPT: Answer = { kind: 'accept', edits: [] };

/** What a test server has seen. */
export interface Seen {
  readonly transactions: Transaction[];
  readonly fates: AnswerFate[];
  readonly protocolErrors: { readonly connection: Connection | null; readonly reason: string }[];
  readonly handlerErrors: unknown[];
}

export interface TestServer {
  readonly address: string;
  readonly server: MilterServer;
  readonly seen: Seen;
  dial(): Promise<Mta>;
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function later(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup);
}

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-milter-'));
  later(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function settings(overrides: Partial<MilterSettings> = {}): MilterSettings {
  const made = Value.Default(MILTER_SECTION.schema, { ...overrides });
  Value.Assert(MILTER_SECTION.schema, made);
  return made;
}

export interface ServerOptions {
  readonly kind?: 'tcp' | 'unix';
  readonly settings?: Partial<MilterSettings>;
  readonly judge?: (transaction: Transaction, signal: AbortSignal) => Promise<Answer> | Answer;
  readonly handler?: Partial<MilterHandler>;
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const seen: Seen = { transactions: [], fates: [], protocolErrors: [], handlerErrors: [] };
  const listen = options.kind === 'unix' ? `unix:${join(tempDir(), 'm.sock')}` : 'inet:127.0.0.1:0';
  const handler: MilterHandler = {
    async onMessage(transaction, signal) {
      seen.transactions.push(transaction);
      const answer = (await options.judge?.(transaction, signal)) ?? ACCEPT;
      return { answer, settled: (fate) => void seen.fates.push(fate) };
    },
    onProtocolError: (connection, reason) => void seen.protocolErrors.push({ connection, reason }),
    ...options.handler,
  };
  const server = createMilterServer(settings({ listen: [listen], ...options.settings }), handler, {
    onHandlerError: (_connection, error) => void seen.handlerErrors.push(error),
  });
  await server.listen();
  later(() => server.close(0));
  const address = server.addresses[0] ?? '';
  return {
    address,
    server,
    seen,
    async dial() {
      const mta = await Mta.to(address);
      later(() => mta.destroy());
      return mta;
    },
  };
}

/** Waits until something holds, or throws after the time. */
export async function until(holds: () => boolean, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
