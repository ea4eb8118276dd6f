// The findings of the antivirus stage, and which of them a signature's name means.
import type { FindingSpec } from '../../pipeline/finding.js';

export const antivirusFindings = [
  {
    id: 'VIRUS_FOUND',
    category: 'virus',
    score: 1,
    meaning: 'The antivirus engine found a virus in the message, in a part of it, or in one plausible reading of it.',
  },
  {
    id: 'VIRUS_SUSPECTED',
    category: 'spam',
    group: 'message',
    check: 'antivirus',
    score: 5,
    meaning:
      'The engine reports one of its signatures of suspicion (`suspectSignatures`), such as a phishing heuristic.',
  },
  {
    id: 'VIRUS_ENCRYPTED',
    category: 'attachment',
    check: 'antivirus',
    score: 1,
    meaning: 'The engine is set to report encrypted archives or documents, and this is one: nobody could look inside.',
  },
  {
    id: 'VIRUS_UNSCANNED',
    category: 'unprocessable',
    check: 'antivirus',
    score: 1,
    meaning: 'Something in the message is over a limit of the scan, so that it cannot be called clean.',
  },
] as const satisfies readonly FindingSpec[];

export type AntivirusFindingId = (typeof antivirusFindings)[number]['id'];

/** Alerts clamd gives when one of its own limits cut a scan short (clamd.conf `AlertExceedsMax`). */
const LIMITS_PREFIX = 'Heuristics.Limits.Exceeded';

/** Alerts on encrypted content (clamd.conf `AlertEncrypted`). */
const ENCRYPTED_PREFIX = 'Heuristics.Encrypted.';

/** What a signature's name means. Whatever is not known to be less is a virus. */
export function findingOfSignature(signature: string, suspectSignatures: readonly string[]): AntivirusFindingId {
  if (signature.startsWith(LIMITS_PREFIX)) return 'VIRUS_UNSCANNED';
  if (signature.startsWith(ENCRYPTED_PREFIX)) return 'VIRUS_ENCRYPTED';
  if (suspectSignatures.some((prefix) => signature.startsWith(prefix))) return 'VIRUS_SUSPECTED';
  return 'VIRUS_FOUND';
}
