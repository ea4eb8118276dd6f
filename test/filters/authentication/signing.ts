// Signed mail for the tests: keys of our own, invented mails, and a signer that makes any signature asked for, broken ones
// too. It canonicalises by itself, in other words than the code under test.
import { createHash, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import { verifyDkim, type DkimInput } from '../../../filters/authentication/dkim.js';
import type { DkimFacts } from '../../../filters/authentication/facts.js';
import { fromDomain } from '../../../filters/authentication/author.js';
import { parseMessage } from '../../../message/parse.js';
import type { Zone } from '../../ground/scripted-zone.js';
import { zoneResolver } from './zone-resolver.js';

export const NOW_MS = Date.UTC(2026, 4, 1);
export const NOW_S = NOW_MS / 1_000;

/** A key pair with what its DNS record says. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly pem: string;
  /** Base64 for p=. */
  readonly p: string;
  readonly record: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
}

export function rsaKey(bits: number): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const p = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  return { privateKey, pem, p, record: `v=DKIM1; k=rsa; p=${p}`, algorithm: 'rsa-sha256' };
}

export function ed25519Key(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const p = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { privateKey, pem, p, record: `v=DKIM1; k=ed25519; p=${p}`, algorithm: 'ed25519-sha256' };
}

export const RSA = rsaKey(2_048);
export const ED25519 = ed25519Key();

export const HEADER = [
  'Received: from a.example.com (a.example.com [192.0.2.7])\r\n\tby mx.example.org with ESMTPS id 4F\r\n\tfor <bo@example.org>; Fri, 1 May 2026 00:00:00 +0000',
  'From: Ann <ann@example.com>',
  'To: Bo <bo@example.org>',
  'Subject: The  minutes of\r\n Thursday ',
  'Date: Fri, 1 May 2026 00:00:00 +0000',
  'Message-ID: <1@example.com>',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
].join('\r\n');
export const BODY = 'Dear Bo,\r\n\r\nhere  are the\tminutes. \r\n.\r\nAnn\r\n\r\n\r\n';
export const MAIL = `${HEADER}\r\n\r\n${BODY}`;

/** What a signature says; a tag given as null is left out, further ones are added. Bytes as latin1. */
export interface SignOptions {
  readonly key?: TestKey;
  readonly tags?: Readonly<Record<string, string | null>> | undefined;
  /** How often fields are named in h=. */
  readonly headers?: string;
  readonly canonicalisation?: string;
  /** Made of the field's text before it is signed; b= is empty in it. */
  readonly rewrite?: (field: string) => string;
}

/** `mail` with a signature on top. */
export function signed(mail: string, options: SignOptions = {}): string {
  const key = options.key ?? RSA;
  const canonicalisation = options.canonicalisation ?? 'relaxed/relaxed';
  const [headerForm = '', bodyForm = ''] = canonicalisation.split('/');
  const cut = mail.indexOf('\r\n\r\n');
  const body = canonicalBody(cut < 0 ? '' : mail.slice(cut + 4), bodyForm);
  const length = options.tags?.['l'];
  const hashed = length === null || length === undefined ? body : body.slice(0, Number(length));
  const headers = options.headers ?? 'from:to:subject:date:message-id:mime-version:content-type';
  const tags: Record<string, string | null> = {
    v: '1',
    a: key.algorithm,
    c: canonicalisation,
    d: 'example.com',
    s: 'sel',
    h: headers,
    bh: createHash('sha256').update(Buffer.from(hashed, 'latin1')).digest('base64'),
    ...options.tags,
  };
  const said = Object.entries(tags).flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
  const plain = `DKIM-Signature: ${said.join('; ')};\r\n\tb=`;
  const field = options.rewrite?.(plain) ?? plain;
  const input =
    coveredFields(cut < 0 ? mail : mail.slice(0, cut), headers, headerForm) + canonicalField(field, headerForm);
  return `${field}${signText(input, key)}\r\n${mail}`;
}

export function signText(input: string, key: TestKey): string {
  const bytes = Buffer.from(input, 'latin1');
  const signature =
    key.algorithm === 'rsa-sha256'
      ? signBytes('sha256', bytes, key.privateKey)
      : signBytes(null, createHash('sha256').update(bytes).digest(), key.privateKey);
  return signature.toString('base64').replace(/.{70}/g, '$&\r\n\t ');
}

function coveredFields(header: string, names: string, form: string): string {
  const left = header.split(/\r\n(?![ \t])/);
  return names
    .toLowerCase()
    .split(':')
    .map((name) => {
      const at = left.findLastIndex((field) => field.split(':')[0]?.trim().toLowerCase() === name.trim());
      return at < 0 ? '' : `${canonicalField(left.splice(at, 1)[0] as string, form)}\r\n`;
    })
    .join('');
}

function canonicalField(field: string, form: string): string {
  if (form === 'simple') return field;
  const colon = field.indexOf(':');
  const value = field
    .slice(colon + 1)
    .split('\r\n')
    .join('');
  return `${field.slice(0, colon).trim().toLowerCase()}:${value
    .split(/[ \t]+/)
    .filter(Boolean)
    .join(' ')}`;
}

function canonicalBody(body: string, form: string): string {
  const lines = body.split('\r\n');
  const kept = form === 'simple' ? lines : lines.map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (kept.length > 0 && kept.at(-1) === '') kept.pop();
  return kept.length === 0 ? (form === 'simple' ? '\r\n' : '') : `${kept.join('\r\n')}\r\n`;
}

/** The zone of one key record, or of what stands in its place. */
export function zoneOf(...texts: readonly (string | readonly string[])[]): Zone {
  return { 'sel._domainkey.example.com': { TXT: texts } };
}

/** Verifies `mail` (bytes as latin1) as the stage would. */
export async function verify(
  mail: string | Buffer,
  zone: Zone = zoneOf(RSA.record),
  more: Partial<DkimInput> = {},
): Promise<readonly DkimFacts[]> {
  const message = parseMessage(typeof mail === 'string' ? Buffer.from(mail, 'latin1') : mail);
  return verifyDkim({
    message,
    resolver: zoneResolver(zone),
    signal: new AbortController().signal,
    nowMs: NOW_MS,
    fromDomain: fromDomain(message).domain,
    ...more,
  });
}

/** The first signature's facts. */
export async function verifyOne(...args: Parameters<typeof verify>): Promise<DkimFacts> {
  const [facts] = await verify(...args);
  if (facts === undefined) throw new Error('no signature was found');
  return facts;
}
