// The settings of the antivirus stage: type, default, bounds and one sentence each.
import { Type, type Static } from 'typebox';
import { SERVER_ADDRESS_PATTERN } from './server-address.js';

const prefixes = (value: readonly string[], description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 128, pattern: '^[!-~]+$' }), {
    default: [...value],
    maxItems: 1_000,
    description,
  });

export const antivirusSettings = Type.Object({
  engine: Type.Union([Type.Literal('none'), Type.Literal('clamd')], {
    default: 'none',
    description:
      'Which engine scans: `clamd` (ClamAV), or `none` while there is no engine; `weir doctor` says so then.',
  }),
  server: Type.String({
    default: 'unix:/run/clamav/clamd.ctl',
    maxLength: 300,
    pattern: SERVER_ADDRESS_PATTERN,
    description: 'Where clamd listens: `unix:/path` or `tcp:host:port`.',
  }),
  connectTimeoutMs: Type.Integer({
    default: 2_000,
    minimum: 10,
    maximum: 60_000,
    description: 'Longest wait for a connection to clamd, ms.',
  }),
  scanTimeoutMs: Type.Integer({
    default: 30_000,
    minimum: 50,
    maximum: 240_000,
    description: 'Longest wait for the answer on one content, ms; over it the stage fails and its break policy holds.',
  }),
  connectionsMax: Type.Integer({
    default: 6,
    minimum: 1,
    maximum: 200,
    description:
      "Most connections of one worker to clamd at once; all workers together should stay below clamd's MaxThreads.",
  }),
  streamMaxBytes: Type.Integer({
    default: 26_214_400,
    minimum: 1_024,
    maximum: 2_147_483_647,
    description:
      'Largest content that is sent, bytes; must not exceed StreamMaxLength and MaxFileSize of clamd.conf. Larger content counts as not scanned.',
  }),
  scansMax: Type.Integer({
    default: 500,
    minimum: 1,
    maximum: 10_000,
    description:
      'Most contents scanned of one message: the whole, each part, each further reading. More count as not scanned.',
  }),
  scanBytesMax: Type.Integer({
    default: 268_435_456,
    minimum: 1_024,
    maximum: 4_294_967_296,
    description: 'Most bytes sent to the engine for one message; what is over counts as not scanned.',
  }),
  suspectSignatures: prefixes(
    ['Heuristics.Phishing.', 'PUA.'],
    'Beginnings of signature names that only add to the spam score, since they speak of suspicion rather than of a virus.',
  ),
  cacheEntriesMax: Type.Integer({
    default: 20_000,
    minimum: 0,
    maximum: 1_000_000,
    description: 'How many clean results are remembered per worker; 0 = none. Emptied when the signatures change.',
  }),
  cacheTtlMs: Type.Integer({
    default: 600_000,
    minimum: 0,
    maximum: 86_400_000,
    description:
      "How long a clean result is remembered, ms: signatures of one's own change without a new version number.",
  }),
  signatureAgeMaxDays: Type.Integer({
    default: 7,
    minimum: 1,
    maximum: 3_650,
    description: 'Age of the signatures, days, from which an alert is raised.',
  }),
});

export type AntivirusSettings = Static<typeof antivirusSettings>;
