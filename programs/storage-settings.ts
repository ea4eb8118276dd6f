// The `storage` section: where Weir keeps what it must not lose, and how much room it wants there.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';

const MEBIBYTE = 1_048_576;
const MARK_MAX_BYTES = 1024 ** 5;

const mark = (bytes: number, description: string) =>
  Type.Integer({ default: bytes, minimum: 0, maximum: MARK_MAX_BYTES, description });

export const storageSection = section(
  'storage',
  'Where the log, the quarantine and the outbox are kept, and how much room must be left there.',
  {
    dir: Type.String({
      default: '/var/lib/weir',
      minLength: 1,
      maxLength: 4_096,
      pattern: '^/[^\\0]*$',
      examples: ['/var/lib/weir'],
      description: 'Directory of all stores, an absolute path; made with mode 0700 when it is missing.',
    }),
    freeAlertBytes: mark(1_024 * MEBIBYTE, 'Below so many free bytes an alert is raised.'),
    freeTempfailBytes: mark(256 * MEBIBYTE, 'Below so many free bytes mail gets a temporary failure.'),
  },
  (settings) =>
    settings.freeTempfailBytes > settings.freeAlertBytes
      ? [{ path: ['freeTempfailBytes'], expected: `at most freeAlertBytes (${settings.freeAlertBytes})` }]
      : [],
);

export type StorageSettings = Static<typeof storageSection.schema>;
