// Mail that readers take apart differently, with the virus where only some of them look. The signature matches a content
// from its first byte only, so each case proves that this very reading was cut out, decoded and scanned.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentsOf } from '../../../filters/antivirus/contents.js';
import { antivirusStage } from '../../../filters/antivirus/stage.js';
import { parseMessage } from '../../../message/parse.js';
import type { Stage } from '../../../pipeline/stage.js';
import { EICAR, MARK_ANYWHERE, startClamd, type Clamd } from '../../ground/clamd.js';
import { requirePackage } from '../../ground/packages.js';
import { makePlace } from '../../ground/place.js';
import { idsOf, mail, makeJob, makeStage, runStage } from '../message-job.js';

const base64 = Buffer.from(EICAR).toString('base64');
const quoted = [...Buffer.from(EICAR)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
const head = (...fields: readonly string[]) => [
  'From: a@outside.test',
  'Subject: hello',
  'MIME-Version: 1.0',
  ...fields,
  '',
];
const file = (...fields: readonly string[]) => ['Content-Type: application/octet-stream; name=file.bin', ...fields, ''];
const encoded = file('Content-Transfer-Encoding: base64');
const text = ['Content-Type: text/plain', '', 'hello'];

/** uuencoded as `uuencode` writes it. */
function uuencoded(content: Buffer, name: string): readonly string[] {
  const lines = [`begin 644 ${name}`];
  const character = (value: number) => String.fromCharCode(value === 0 ? 0x60 : value + 0x20);
  for (let at = 0; at < content.length; at += 45) {
    const row = content.subarray(at, at + 45);
    let line = character(row.length);
    for (let i = 0; i < row.length; i += 3) {
      const [a = 0, b = 0, c = 0] = row.subarray(i, i + 3);
      line +=
        character(a >> 2) +
        character(((a & 3) << 4) | (b >> 4)) +
        character(((b & 15) << 2) | (c >> 6)) +
        character(c & 63);
    }
    lines.push(line);
  }
  return [...lines, '`', 'end'];
}

const CASES: Readonly<Record<string, readonly string[]>> = {
  'two Content-Types, the second boundary used': [
    ...head('Content-Type: multipart/mixed; boundary=one', 'Content-Type: multipart/mixed; boundary=two'),
    '--two',
    ...text,
    '--two',
    ...encoded,
    base64,
    '--two--',
  ],
  'two Content-Types, the first boundary used': [
    ...head('Content-Type: multipart/mixed; boundary=one', 'Content-Type: multipart/mixed; boundary=two'),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'two boundary parameters in one field, the second used': [
    ...head('Content-Type: multipart/mixed; boundary=one; boundary=two'),
    '--two',
    ...text,
    '--two',
    ...encoded,
    base64,
    '--two--',
  ],
  'two boundary parameters in one field, the first used': [
    ...head('Content-Type: multipart/mixed; boundary=one; boundary=two'),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'a boundary in continued pieces': [
    ...head('Content-Type: multipart/mixed; boundary*0=on; boundary*1=e'),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'a boundary in continued pieces beside a plain one, the pieces used': [
    ...head('Content-Type: multipart/mixed; boundary=plain; boundary*0=on; boundary*1=e'),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'a boundary in continued pieces beside a plain one, the plain used': [
    ...head('Content-Type: multipart/mixed; boundary=plain; boundary*0=on; boundary*1=e'),
    '--plain',
    ...text,
    '--plain',
    ...encoded,
    base64,
    '--plain--',
  ],
  'a boundary with a charset and percent escapes': [
    ...head("Content-Type: multipart/mixed; boundary*=us-ascii''o%6ee"),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'a quoted boundary with text after the quote': [
    ...head('Content-Type: multipart/mixed; boundary="one"two'),
    '--onetwo',
    ...text,
    '--onetwo',
    ...encoded,
    base64,
    '--onetwo--',
  ],
  'no boundary parameter at all': [
    ...head('Content-Type: multipart/mixed'),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'a boundary with a comment': [
    ...head('Content-Type: multipart/mixed; boundary=one (two)'),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'in the epilogue, as a further part': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...text,
    '--one--',
    '',
    '--one',
    ...encoded,
    base64,
    '--one--',
  ],
  'in the epilogue, bare base64': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...text,
    '--one--',
    base64,
  ],
  'in the preamble, as an entity': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    ...encoded,
    base64,
    '--one',
    ...text,
    '--one--',
  ],
  'a part without a closing delimiter': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...text,
    '--one',
    ...encoded,
    base64,
  ],
  'an inner multipart with the outer boundary': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    'Content-Type: multipart/mixed; boundary=one',
    '',
    '--one',
    ...encoded,
    base64,
    '--one--',
    '--one--',
  ],
  'two transfer encodings, the second true': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...file('Content-Transfer-Encoding: quoted-printable', 'Content-Transfer-Encoding: base64'),
    base64,
    '--one--',
  ],
  'two transfer encodings, the first true': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...file('Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: 7bit'),
    base64,
    '--one--',
  ],
  'two transfer encodings, quoted-printable true': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...file('Content-Transfer-Encoding: 7bit', 'Content-Transfer-Encoding: quoted-printable'),
    quoted,
    '--one--',
  ],
  'base64 under a false encoding': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...file('Content-Transfer-Encoding: 7bit'),
    base64,
    '--one--',
  ],
  'base64 under an unknown encoding': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...file('Content-Transfer-Encoding: x-base-64'),
    base64,
    '--one--',
  ],
  'base64 under an encoding with a comment': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...file('Content-Transfer-Encoding: base64 (really)'),
    base64,
    '--one--',
  ],
  'base64 with foreign characters within': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...encoded,
    base64.replace(/(.{10})/g, '$1!*'),
    '--one--',
  ],
  'base64 behind a short padded group': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...encoded,
    `eA==${Buffer.from(MARK_ANYWHERE).toString('base64')}`,
    '--one--',
  ],
  'base64 with a line of dashes above': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...encoded,
    '-=-=-',
    base64,
    '--one--',
  ],
  'base64 cut within a group': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...encoded,
    base64.replace(/=+$/, ''),
    '--one--',
  ],
  'a multipart declared as base64': [
    ...head('Content-Type: multipart/mixed; boundary=one', 'Content-Transfer-Encoding: base64'),
    Buffer.from(['--one', ...file(), EICAR, '--one--', ''].join('\r\n')).toString('base64'),
  ],
  'uuencoded in a text': [
    ...head('Content-Type: text/plain'),
    'hello',
    '',
    ...uuencoded(Buffer.from(EICAR), 'file.com'),
  ],
  'an embedded message in base64': [
    ...head('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64'),
    Buffer.from(['Subject: inner', 'Content-Transfer-Encoding: base64', '', base64].join('\r\n')).toString('base64'),
  ],
  'folded and spaced Content-Transfer-Encoding': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    'Content-Transfer-Encoding :',
    '\tbase64',
    '',
    base64,
    '--one--',
  ],
  'part headers that a blank fold ends': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    'Content-Type: application/octet-stream',
    ' \t',
    'Content-Transfer-Encoding: base64',
    '',
    base64,
    '--one--',
  ],
  'bare carriage returns for line ends': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    ['--one', ...encoded, base64, '--one--', ''].join('\r'),
  ],
  'a delimiter with blanks after it': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one  ',
    ...text,
    '--one\t',
    ...encoded,
    base64,
    '--one--  ',
  ],
  'a delimiter that goes on': [
    ...head('Content-Type: multipart/mixed; boundary=one'),
    '--one',
    ...text,
    '--oneandmore',
    ...encoded,
    base64,
    '--one--',
  ],
  'text/plain that holds a whole entity': [
    ...head('Content-Type: text/plain'),
    'hello',
    '',
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: base64',
    '',
    base64,
  ],
};

it.each(Object.entries(CASES))('hashes are those of the bytes: %s', (_, lines) => {
  const limits = { streamMaxBytes: 1e8, scansMax: 1_000, scanBytesMax: 1e9 };
  const { toScan, unscanned } = contentsOf(parseMessage(mail(...lines, '')), false, limits);
  for (const { bytes, sha256 } of toScan) expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(new Set(toScan.map(({ sha256 }) => sha256)).size).toBe(toScan.length);
  expect(unscanned).toEqual([]);
});

describe.skipIf(!requirePackage('clamav-daemon'))('every reading is scanned', () => {
  const place = makePlace('ambiguity');
  let clamd: Clamd;
  let stage: Stage;
  beforeAll(async () => {
    // Without its own mail parser clamd sees each content as it is, so that only our readings can find anything.
    clamd = await startClamd(`${place.directory}/clamd`, ['ScanMail no']);
    stage = await makeStage(antivirusStage, { engine: 'clamd', server: clamd.unixServer });
  });
  afterAll(async () => {
    await clamd.stop();
    place.remove();
  });

  it('the plain case, and its harmless twin', async () => {
    const lines = [...head('Content-Type: multipart/mixed; boundary=one'), '--one', ...encoded];
    expect(idsOf(await runStage(stage, makeJob(mail(...lines, base64, '--one--', ''))))).toEqual(['VIRUS_FOUND']);
    expect(idsOf(await runStage(stage, makeJob(mail(...lines, 'aGVsbG8=', '--one--', ''))))).toEqual([]);
  });

  it.each(Object.entries(CASES))('%s', async (_, lines) => {
    const report = await runStage(stage, makeJob(mail(...lines, '')));
    expect(idsOf(report)).toContain('VIRUS_FOUND');
  });
});
