// The `milter` section of the configuration: where to listen, and every limit and wait of the protocol. Data only.
import { Type, type Static } from 'typebox';
import { listenKeys } from '../config/listen-keys.js';
import { section } from '../config/section.js';

const MS_MAX = 86_400_000;

export const MILTER_SECTION = section('milter', 'The socket that Postfix or Sendmail hands mail to, and its limits.', {
  ...listenKeys('inet:127.0.0.1:11332'),
  noReply: Type.Union([Type.Literal('auto'), Type.Literal('always'), Type.Literal('never')], {
    default: 'auto',
    description:
      'Which events without a verdict go unanswered where the MTA agrees: `always` all, `never` none; `auto` all on UNIX sockets, and over TCP only header fields, since more costs 44 ms a message. An MTA that writes each field by itself (Sendmail) wants `never` over TCP.',
  }),
  connectionsMax: Type.Integer({
    default: 16_384,
    minimum: 1,
    maximum: 1_000_000,
    description:
      'Most connections per worker; further ones are closed at once. Also bounded by the process limit of open files.',
  }),
  connectionsPerSourceMax: Type.Integer({
    default: 12_288,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Most connections from one TCP address per worker.',
  }),
  packetSizeMaxBytes: Type.Integer({
    default: 1_048_577,
    minimum: 65_536,
    maximum: 16_777_216,
    description: 'Largest packet taken from an MTA; a larger one closes the connection.',
  }),
  recipientCountMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Most recipients of one message; further ones are answered `452 4.5.3`.',
  }),
  headerCountMax: Type.Integer({
    default: 5_000,
    minimum: 100,
    maximum: 1_000_000,
    description: 'Most header fields kept of one message; over it the message counts as truncated.',
  }),
  headerSizeMaxBytes: Type.Integer({
    default: 1_048_576,
    minimum: 65_536,
    maximum: 67_108_864,
    description: 'Most header bytes kept of one message; over it the message counts as truncated.',
  }),
  messageSizeMaxBytes: Type.Integer({
    default: 67_108_864,
    minimum: 65_536,
    maximum: 1_073_741_824,
    description:
      'Largest message kept whole; of a larger one only the beginning is kept and the message counts as truncated. Keep it above the message size limit of the MTA.',
  }),
  inFlightMaxBytes: Type.Integer({
    default: 268_435_456,
    minimum: 65_536,
    maximum: 68_719_476_736,
    description:
      'Most bytes of messages on their way per worker; beyond it the newest connections wait, the oldest goes on.',
  }),
  negotiationTimeoutMs: Type.Integer({
    default: 30_000,
    minimum: 50,
    maximum: MS_MAX,
    description: 'Longest wait for the first packet of a connection.',
  }),
  idleTimeoutMs: Type.Integer({
    default: 7_200_000,
    minimum: 50,
    maximum: MS_MAX,
    description:
      'Longest silence between two packets; must outlast the slowest client, since the MTA says nothing while it receives a message.',
  }),
  packetTimeoutMs: Type.Integer({
    default: 60_000,
    minimum: 50,
    maximum: MS_MAX,
    description: 'Longest time for one packet to arrive whole once it has begun.',
  }),
  contentTimeoutMs: Type.Integer({
    default: 900_000,
    minimum: 50,
    maximum: MS_MAX,
    description: 'Longest time from the first header field of a message to its end.',
  }),
  envelopeTimeoutMs: Type.Integer({
    default: 20_000,
    minimum: 50,
    maximum: MS_MAX,
    description:
      'Longest time for a verdict before the content, then a temporary failure; keep it under the MTA command timeout (Postfix 30 s).',
  }),
  verdictTimeoutMs: Type.Integer({
    default: 240_000,
    minimum: 50,
    maximum: MS_MAX,
    description:
      'Longest time for the verdict on a message, then a temporary failure; keep it under the MTA content timeout (Postfix 300 s).',
  }),
  waitTimeoutMs: Type.Integer({
    default: 240_000,
    minimum: 50,
    maximum: MS_MAX,
    description: 'Longest time a connection waits for room among the bytes in flight before it is closed.',
  }),
  writeTimeoutMs: Type.Integer({
    default: 60_000,
    minimum: 50,
    maximum: MS_MAX,
    description: 'Longest time for an answer to be taken by the MTA.',
  }),
  progressIntervalMs: Type.Integer({
    default: 5_000,
    minimum: 50,
    maximum: 7_000,
    description: 'How often the MTA is told that a scan is still running (Sendmail gives up after 10 s of silence).',
  }),
});

export type MilterSettings = Static<typeof MILTER_SECTION.schema>;
