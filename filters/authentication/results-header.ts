// Writes what was found out as an Authentication-Results field (RFC 8601) and as the text that an ARC seal repeats. Values
// from mail and DNS are written as tokens or quoted strings of bounded length: none can begin a field, comment or result.
import type { Connection } from '../../message/envelope.js';
import type { Author } from './author.js';
import { AUTHOR_PROBLEMS } from './author.js';
import type { ArcFacts, AuthenticationFacts, DkimFacts, DmarcFacts, SpfFacts } from './facts.js';

/** The field's name. */
export const RESULTS_FIELD = 'Authentication-Results';
/** Longest value of one property or reason, characters. */
const VALUE_MAX_CHARS = 255;
const REASON_MAX_CHARS = 120;
/** Where a line is folded, when it can be, characters. */
const LINE_MAX_CHARS = 78;
/** DKIM signatures reported; the stage verifies fewer. */
const SIGNATURES_MAX = 20;

/** One result: `method=result` and what belongs to it, each piece a place to fold before. */
type Result = readonly string[];

/** What is reported. */
export interface ReportedFacts {
  readonly facts: AuthenticationFacts;
  /** Null where DMARC is off. */
  readonly author: Author | null;
  /** Whether signatures were looked for at all. */
  readonly dkimChecked: boolean;
  /** As the MTA gave it: the reverse name is reported where it looked that up. */
  readonly connection: Connection;
  /** Address of the envelope sender, '' for the null sender. */
  readonly mailFrom: string;
}

/** The results without the authserv-id, on one line: `spf=pass smtp.mailfrom=a.example; dkim=none`. */
export function writeResults(reported: ReportedFacts): string {
  return resultsOf(reported)
    .map((result) => result.join(' '))
    .join('; ');
}

/** The field's value, folded. `authservId` is a token (the settings and `authservIdOf` see to it). */
export function writeResultsField(authservId: string, reported: ReportedFacts): string {
  const lines = resultsOf(reported).map(foldResult);
  return `${authservId};\n\t${lines.join(';\n\t')}`;
}

function foldResult(result: Result): string {
  let text = '';
  let length = 0;
  for (const piece of result) {
    const isTooLong = length > 0 && length + 1 + piece.length > LINE_MAX_CHARS;
    text += text === '' ? piece : `${isTooLong ? '\n\t' : ' '}${piece}`;
    length = isTooLong ? piece.length : length + 1 + piece.length;
  }
  return text;
}

function resultsOf({ facts, author, dkimChecked, connection, mailFrom }: ReportedFacts): readonly Result[] {
  const { spf, spfHelo, dkim, dmarc, arc } = facts;
  const results: Result[] = [
    ...reverseName(connection),
    ...(spf === null ? [] : [senderResult(spf, mailFrom)]),
    ...(spfHelo === null || mailFrom === '' ? [] : [heloResult(spfHelo)]),
    ...(dkimChecked && dkim.length === 0 ? [['dkim=none']] : dkim.slice(0, SIGNATURES_MAX).map(signatureResult)),
    ...(arc === null ? [] : [arcResult(arc, connection.clientAddress)]),
    ...dmarcResult(dmarc, author),
  ];
  return results.length === 0 ? [['none']] : results;
}

/** `iprev` (RFC 8601 §3) in the words of what the MTA found. */
function reverseName({ clientResolve, clientAddress, clientName }: Connection): readonly Result[] {
  if (clientAddress === null || clientResolve === 'unknown') return [];
  const result = IPREV[clientResolve];
  const name = clientName === null || !isToken(clientName) ? [] : [`(${clientName.slice(0, VALUE_MAX_CHARS)})`];
  return [[`iprev=${result}`, ...name, property('policy.iprev', clientAddress)]];
}

const IPREV = { ok: 'pass', forged: 'fail', fail: 'permerror', temp: 'temperror' } as const;

function senderResult(spf: SpfFacts, mailFrom: string): Result {
  if (mailFrom === '') return heloResult(spf);
  const address = showsAddress(mailFrom, spf.domain) ? `${localPart(mailFrom)}@${spf.domain}` : spf.domain;
  return [`spf=${spf.result}`, ...reason(spf.problem), ...(address === '' ? [] : [property('smtp.mailfrom', address)])];
}

function heloResult(spf: SpfFacts): Result {
  return [
    `spf=${spf.result}`,
    ...reason(spf.problem),
    ...(spf.domain === '' ? [] : [property('smtp.helo', spf.domain)]),
  ];
}

function localPart(address: string): string {
  return address.slice(0, Math.max(0, address.lastIndexOf('@')));
}

/** An address is shown whole where its local part needs no quoting and its domain is the one checked. */
function showsAddress(address: string, domain: string): boolean {
  const local = localPart(address);
  return domain !== '' && local.length <= 64 && /^[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*$/.test(local);
}

function signatureResult(signature: DkimFacts): Result {
  if (signature.result === 'none') return ['dkim=none'];
  return [
    `dkim=${signature.result}`,
    ...(signature.keyBits === null ? [] : [`(${Math.trunc(signature.keyBits)}-bit key)`]),
    ...reason(signature.problem),
    ...propertyUnlessEmpty('header.d', signature.domain),
    ...propertyUnlessEmpty('header.i', signature.identity),
    ...propertyUnlessEmpty('header.s', signature.selector),
    ...propertyUnlessEmpty('header.a', signature.algorithm),
    ...propertyUnlessEmpty('header.b', signature.signatureStart),
  ];
}

function arcResult(arc: ArcFacts, clientAddress: string | null): Result {
  if (arc.result === 'none') return ['arc=none'];
  return [
    `arc=${arc.result}`,
    `(i=${Math.trunc(arc.instances)})`,
    ...reason(arc.problem),
    ...(clientAddress === null ? [] : [property('smtp.remote-ip', clientAddress)]),
  ];
}

/** Without one author a failure under a claimed domain's policy is said, and never a pass. */
function dmarcResult(dmarc: DmarcFacts | null, author: Author | null): readonly Result[] {
  if (author === null) return [];
  if (author.problem !== null && dmarc?.result !== 'fail') return [unclearAuthor(author.problem)];
  return dmarc === null ? [] : [policyResult(dmarc)];
}

function policyResult(dmarc: DmarcFacts): Result {
  const published = dmarc.published === null ? [] : [`(p=${dmarc.published} dis=${dmarc.applied})`];
  const applied = dmarc.published === null ? [] : [`policy.dmarc=${dmarc.applied}`];
  return [
    `dmarc=${dmarc.result}`,
    ...published,
    ...reason(dmarc.problem),
    ...propertyUnlessEmpty('header.from', dmarc.domain),
    ...applied,
  ];
}

/** No domain answers for such a message: said so, and never a pass. */
function unclearAuthor(problem: NonNullable<Author['problem']>): Result {
  return ['dmarc=permerror', ...reason(AUTHOR_PROBLEMS[problem])];
}

function reason(problem: string | null): Result {
  return problem === null ? [] : [`reason=${quoted(problem.slice(0, REASON_MAX_CHARS))}`];
}

const propertyUnlessEmpty = (name: string, value: string): Result => (value === '' ? [] : [property(name, value)]);

function property(name: string, value: string): string {
  const short = value.slice(0, VALUE_MAX_CHARS);
  return `${name}=${isToken(short) || isAddress(short) ? short : quoted(short)}`;
}

/** RFC 2045 §5.1: printable ASCII without specials. */
function isToken(text: string): boolean {
  return /^[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+$/.test(text);
}

/** `[local]@domain` without anything to quote (RFC 8601 §2.2, pvalue). */
function isAddress(text: string): boolean {
  return /^[A-Za-z0-9_.+-]*@[A-Za-z0-9_.-]+$/.test(text);
}

/** A quoted string; what is not printable ASCII becomes `?`. */
function quoted(text: string): string {
  return `"${text.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
