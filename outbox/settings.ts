// The `outbox` section: where everything Weir sends goes, and how long it is tried.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const span = (initial: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: initial, minimum, maximum, description });

export const outboxSection = section(
  'outbox',
  'Everything Weir sends (releases, copies, notices) goes through one queue to the re-injection listener of the mail server.',
  {
    host: Type.String({
      default: '127.0.0.1',
      minLength: 1,
      maxLength: 255,
      description: 'Address of the re-injection listener; it filters nothing and must be reachable from here alone.',
    }),
    port: Type.Integer({
      default: 10_026,
      minimum: 1,
      maximum: 65_535,
      description: 'Port of the re-injection listener.',
    }),
    heloName: Type.String({
      default: 'localhost',
      minLength: 1,
      maxLength: 255,
      pattern: '^[A-Za-z0-9.:\\[\\]_-]+$',
      description: 'Name given in EHLO.',
    }),
    connections: Type.Integer({ default: 4, minimum: 1, maximum: 100, description: 'Deliveries at once.' }),
    retryMinMs: span(15_000, 100, HOUR_MS, 'Wait after the first failed try; doubled after each further one.'),
    retryMaxMs: span(30 * MINUTE_MS, 100, 24 * HOUR_MS, 'Longest wait between two tries.'),
    expireHours: span(
      120,
      1,
      8_760,
      'Hours after which an item that could not be sent is given up; it stays listed as failed.',
    ),
    connectTimeoutMs: span(10_000, 100, 10 * MINUTE_MS, 'Longest wait for the connection and the greeting.'),
    replyTimeoutMs: span(5 * MINUTE_MS, 100, 30 * MINUTE_MS, 'Longest silence of the mail server within a session.'),
  },
  (settings) =>
    settings.retryMinMs > settings.retryMaxMs
      ? [{ path: ['retryMinMs'], expected: `at most retryMaxMs (${String(settings.retryMaxMs)})` }]
      : [],
);

export type OutboxSettings = Static<typeof outboxSection.schema>;
