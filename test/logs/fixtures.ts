// Invented events and a log store in a folder of its own, for the tests of the logs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { MessageEvent, SessionEvent } from '../../logs/event.js';
import { openLogStore, type LogStore, type LogStoreOptions } from '../../logs/store.js';
import { systemClock } from '../../outside/clock.js';
import { openDatabase } from '../../outside/database.js';
import { newIdentifier } from '../../outside/identifier.js';
import { openLeases } from '../../outside/lease.js';

export const START_MS = Date.UTC(2026, 2, 1);

export async function makeDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-stores-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function messageEvent(fields: Partial<MessageEvent> = {}): MessageEvent {
  const time = fields.time ?? START_MS;
  return {
    kind: 'message',
    id: newIdentifier(time),
    time,
    sessionId: '[192.0.2.7]:4711@1772323200000',
    queueId: '4bXq2z1abcz1',
    messageId: '<one@sender.example>',
    mailFrom: 'alice@sender.example',
    headerFrom: 'alice@sender.example',
    subject: 'Minutes of Tuesday',
    sizeBytes: 4_321,
    clientAddress: '192.0.2.7',
    clientName: 'mx.sender.example',
    country: null,
    helo: 'mx.sender.example',
    login: null,
    tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384 256',
    settingsVersion: 'abc123',
    contentSha256: 'aa'.repeat(32),
    recipients: [
      {
        address: 'bob@here.example',
        direction: 'received',
        action: 'accept',
        score: 1.5,
        category: null,
        thresholds: { tagAt: 5, quarantineAt: 10, rejectAt: null },
        quarantineId: null,
      },
    ],
    findings: [
      { id: 'MISSING_DATE', stage: 'rules', category: 'spam', group: 'rules', score: 1.5, evidence: 'no Date field' },
      { id: 'OWN_LIST', stage: 'lists', category: 'policy', score: 0, evidence: '', recipient: 0 },
    ],
    exempts: [
      { check: 'spf', rule: 'allow rule "partner"' },
      { check: 'spam', rule: 'allow rule "friend"', recipient: 0 },
    ],
    subRules: ['__HAS_SUBJECT', '__HAS_FROM'],
    stageMs: { rules: 1.25, attachments: 0.1 },
    totalMs: 3,
    broken: [],
    security: null,
    ...fields,
  };
}

export function sessionEvent(fields: Partial<SessionEvent> = {}): SessionEvent {
  const time = fields.time ?? START_MS;
  return {
    kind: 'session',
    id: newIdentifier(time),
    time,
    sessionId: '[198.51.100.9]:2525@1772323200000',
    step: 'rcpt',
    clientAddress: '198.51.100.9',
    clientName: null,
    helo: 'friend',
    login: null,
    mailFrom: 'mallory@elsewhere.example',
    rcptTo: 'bob@here.example',
    category: 'policy',
    event: 'refused: no such user',
    findings: [],
    ...fields,
  };
}

export interface TestLogs {
  readonly store: LogStore;
  /** Every alert raised or cleared, in order, as `+code` and `-code`. */
  readonly alerts: string[];
}

export async function openTestLogs(dir: string, options: Partial<LogStoreOptions> = {}): Promise<TestLogs> {
  const state = await openDatabase({ path: join(dir, 'state.db') });
  const alerts: string[] = [];
  const store = await openLogStore({
    dir,
    spoolDir: '',
    subjects: 'keep',
    limits: { mailRowsMax: 1_000_000, securityRowsMax: 1_000_000, keepDays: 0, subRuleDays: 30 },
    leases: await openLeases(state),
    clock: systemClock,
    holder: 'test',
    alert: (code, raised) => void alerts.push((raised ? '+' : '-') + code),
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  onTestFinished(async () => {
    await store.close();
    await state.close();
  });
  return { store, alerts };
}
