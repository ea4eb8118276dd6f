// One DMARC policy record (RFC 7489 §6.3, with np= of RFC 9091 and t= of RFC 9989): text in, tags out. Pure and linear;
// what is malformed takes its default, and a record without a usable policy says so.
import { trimBlanks } from '../../message/encoded-word.js';
import type { DmarcPolicy } from './facts.js';

/** Longest record read, bytes. */
export const DMARC_RECORD_BYTES_MAX = 4_096;

export interface DmarcRecord {
  readonly p: DmarcPolicy;
  /** For subdomains; null where not given. */
  readonly sp: DmarcPolicy | null;
  /** For subdomains that do not exist; null where not given. */
  readonly np: DmarcPolicy | null;
  readonly adkim: 'r' | 's';
  readonly aspf: 'r' | 's';
  /** Share of failing mail the policy is for, 0 to 100. */
  readonly pct: number;
  /** t=y: the policy is on trial and one level milder is asked for. */
  readonly testing: boolean;
}

/** Whether a TXT record is one of DMARC at all: the version first and exact (§6.6.3 step 2). */
export function isDmarcRecord(text: string): boolean {
  return /^[ \t]*[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text);
}

/**
 * Reads a record. Null where it has no usable policy and no address for reports: then DMARC is not applied (§6.6.3). With
 * such an address it is `p=none`.
 */
export function parseDmarcRecord(text: string): DmarcRecord | null {
  if (text.length > DMARC_RECORD_BYTES_MAX) return null;
  const tags = readTags(text);
  if (tags === null) return null;
  const policies = policiesOf(tags) ?? (hasReportAddress(tags.get('rua')) ? MONITORING : null);
  if (policies === null) return null;
  return {
    ...policies,
    adkim: modeOf(tags.get('adkim')),
    aspf: modeOf(tags.get('aspf')),
    pct: shareOf(tags.get('pct')),
    testing: tags.get('t')?.toLowerCase() === 'y',
  };
}

const MONITORING = { p: 'none', sp: null, np: null } as const;

/** Tags by name; those without a value are left out. Null where a name stands twice (RFC 6376 §3.2): no choice is made. */
function readTags(text: string): ReadonlyMap<string, string> | null {
  const tags = new Map<string, string>();
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    if (equals <= 0) continue;
    const name = trimBlanks(part.slice(0, equals)).toLowerCase();
    if (tags.has(name)) return null;
    tags.set(name, trimBlanks(part.slice(equals + 1)));
  }
  return tags;
}

type Policies = Pick<DmarcRecord, 'p' | 'sp' | 'np'>;

/** Null where p is absent or no policy, or sp or np is given and no policy. */
function policiesOf(tags: ReadonlyMap<string, string>): Policies | null {
  const p = policyOf(tags.get('p'));
  const sp = policyOf(tags.get('sp'));
  const np = policyOf(tags.get('np'));
  if (p === null || (sp === null && tags.has('sp')) || (np === null && tags.has('np'))) return null;
  return { p, sp, np };
}

const POLICIES = ['none', 'quarantine', 'reject'] as const satisfies DmarcPolicy[];

function policyOf(value: string | undefined): DmarcPolicy | null {
  return POLICIES.find((policy) => policy === value?.toLowerCase()) ?? null;
}

function modeOf(value: string | undefined): 'r' | 's' {
  return value?.toLowerCase() === 's' ? 's' : 'r';
}

/** 100 for what is no whole number from 0 to 100. */
function shareOf(value: string | undefined): number {
  return value !== undefined && /^[0-9]{1,3}$/.test(value) && Number(value) <= 100 ? Number(value) : 100;
}

/** At least one URI (RFC 3986: a scheme and something behind it). */
function hasReportAddress(value: string | undefined): boolean {
  return value?.split(',').some((uri) => /^[a-z][a-z0-9+.-]*:\S/i.test(trimBlanks(uri))) ?? false;
}
