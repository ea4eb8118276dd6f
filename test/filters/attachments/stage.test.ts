// The attachment stage on whole messages: what each finding is reported for, and what honest mail is spared.
import { describe, expect, it } from 'vitest';
import { attachmentFindings } from '../../../filters/attachments/findings.js';
import { attachmentsStage, type AttachmentFacts } from '../../../filters/attachments/stage.js';
import { idsOf, mail, makeJob, makeStage, runStage } from '../message-job.js';
import { elfProgram, oleFile, pdfFile, pngFile, windowsProgram, zipFile } from './specimens.js';

/** A mail with one file; `field` is the part's header, lines as given. */
const withPart = (field: readonly string[], content: Buffer | string) =>
  mail(
    'From: a@outside.test',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    '--edge',
    'Content-Type: text/plain',
    '',
    'See the file.',
    '--edge',
    ...field,
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(content).toString('base64'),
    '--edge--',
    '',
  );

/** RFC 2231 form, so that any character can stand in the name. */
const named = (name: string, type = 'application/octet-stream') => [
  `Content-Type: ${type}`,
  `Content-Disposition: attachment; filename*=utf-8''${encodeURIComponent(name)}`,
];

const judge = async (raw: Buffer, settings: object = {}) =>
  runStage(await makeStage(attachmentsStage, settings), makeJob(raw));
const judgeFile = (name: string, content: Buffer | string = 'x', type?: string, settings: object = {}) =>
  judge(withPart(named(name, type), content), settings);

describe('names', () => {
  it.each([
    ['setup.exe', ['ATTACHMENT_REFUSED_NAME']],
    ['SETUP.SCR . .', ['ATTACHMENT_REFUSED_NAME']],
    ['invoice.pdf.exe', ['ATTACHMENT_REFUSED_NAME', 'ATTACHMENT_DOUBLE_EXTENSION']],
    ['invoice.pdf        .js', ['ATTACHMENT_REFUSED_NAME', 'ATTACHMENT_DOUBLE_EXTENSION', 'ATTACHMENT_NAME_DISGUISED']],
    [
      'annexe\u202efdp.scr',
      ['ATTACHMENT_REFUSED_NAME', 'ATTACHMENT_NAME_DISGUISED', 'ATTACHMENT_NAME_HIDDEN_CHARACTERS'],
    ],
    ['notes.txt:run.vbs', ['ATTACHMENT_REFUSED_NAME', 'ATTACHMENT_NAME_DISGUISED']],
    ['a.{00020810-0000-0000-c000-000000000046}', ['ATTACHMENT_NAME_DISGUISED']],
    ['in\u200bvoice.pdf', ['ATTACHMENT_NAME_HIDDEN_CHARACTERS']],
    ['invoice.pdf.html', ['ATTACHMENT_PAGE_AS_DOCUMENT']],
    ['budget.xlsm', ['ATTACHMENT_MACROS']],
    ['`rm -rf x`|a.lnk', ['ATTACHMENT_REFUSED_NAME']],
    ['../../etc/cron.d/x.bat', ['ATTACHMENT_REFUSED_NAME']],
    ['__proto__', []],
    ['constructor.toString', []],
    ['report.pdf', []],
    ['photo.final.jpeg', []],
    ['patch-v2.diff', []],
    ['build.sh', []],
    ['Re: today', []],
  ])('%j', async (name, ids) => {
    expect(idsOf(await judgeFile(name))).toEqual(ids);
  });

  it('judges every name that some reader could take', async () => {
    const report = await judge(
      withPart(
        [
          'Content-Type: application/octet-stream; name="evil.exe"',
          'Content-Disposition: attachment; filename="good.txt"',
        ],
        'x',
      ),
    );
    expect(idsOf(report)).toContain('ATTACHMENT_REFUSED_NAME');
    const pieces = await judge(
      withPart(
        [
          'Content-Type: application/octet-stream',
          'Content-Disposition: attachment; filename*0="good.t"; filename*1="xt.e"; filename*2="xe"',
        ],
        'x',
      ),
    );
    expect(idsOf(pieces)).toContain('ATTACHMENT_REFUSED_NAME');
    const word = await judge(
      withPart(['Content-Type: application/octet-stream; name="=?utf-8?B?ZXZpbC5leGU=?="'], 'x'),
    );
    expect(idsOf(word)).toContain('ATTACHMENT_REFUSED_NAME');
  });

  it('judges a file uuencoded within a text', async () => {
    const raw = mail('Subject: x', '', 'hello', '', 'begin 644 setup.exe', '!>```', '`', 'end', '');
    expect(idsOf(await judge(raw))).toEqual(['ATTACHMENT_REFUSED_NAME']);
  });

  it('shows a hostile name on one harmless line', async () => {
    const { findings } = await judgeFile('a\u202e\r\n\u001b[2J<img src=x>.exe');
    expect(findings[0]?.evidence.split('; ')[0]).toBe('"a\\u{202e}\\u{d}\\u{a}\\u{1b}[2J<img src=x>.exe" (.exe)');
  });

  it('an embedded message goes by its subject, which may end in a host name', async () => {
    expect(
      idsOf(
        await judge(
          withPart(['Content-Type: message/rfc822; name="Your order at shop.com"'], 'Subject: x\r\n\r\nhello'),
        ),
      ),
    ).not.toContain('ATTACHMENT_REFUSED_NAME');
  });
});

describe('content', () => {
  it.each([
    ['photo.jpg', windowsProgram(), 'image/jpeg', ['ATTACHMENT_TRUE_TYPE', 'ATTACHMENT_PROGRAM_DISGUISED']],
    ['letter.doc', elfProgram(), 'application/msword', ['ATTACHMENT_TRUE_TYPE', 'ATTACHMENT_PROGRAM_DISGUISED']],
    ['noextension', windowsProgram(), undefined, ['ATTACHMENT_TRUE_TYPE']],
    ['invoice.pdf', Buffer.from('#!/bin/sh\necho\n'), 'application/pdf', ['ATTACHMENT_PROGRAM_DISGUISED']],
    ['build.sh', Buffer.from('#!/bin/sh\necho\n'), 'text/plain', []],
    ['list.txt', Buffer.from('#!/usr/bin/perl\n'), 'text/plain', []],
    [
      'lib.zip',
      zipFile('META-INF/MANIFEST.MF', 'A.class'),
      'application/zip',
      ['ATTACHMENT_TRUE_TYPE', 'ATTACHMENT_PROGRAM_DISGUISED'],
    ],
    [
      'page.txt',
      Buffer.from('<html><hta:application id=a>'),
      'text/plain',
      ['ATTACHMENT_TRUE_TYPE', 'ATTACHMENT_PROGRAM_DISGUISED'],
    ],
    ['photo.jpg', pdfFile(), 'image/jpeg', ['ATTACHMENT_TYPE_MISMATCH']],
    ['scan.pdf', pngFile(), 'application/pdf', ['ATTACHMENT_TYPE_MISMATCH']],
    ['photo.jpg', pngFile(), 'image/jpeg', []],
    ['letter.docx', zipFile('[Content_Types].xml', 'word/vbaProject.bin'), undefined, ['ATTACHMENT_MACROS']],
    ['letter.doc', oleFile(Buffer.from('_VBA_PROJECT', 'utf16le')), 'application/msword', ['ATTACHMENT_MACROS']],
    [
      'drawing.svg',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'),
      'image/svg+xml',
      ['ATTACHMENT_PAGE_WITH_SCRIPT'],
    ],
    ['page.html', Buffer.from('<!doctype html><p>hello'), 'text/html', []],
  ])('%s', async (name, content, type, ids) => {
    expect(idsOf(await judgeFile(name, content, type))).toEqual(ids);
  });

  it('finds a program that is no file: in an unnamed text part', async () => {
    const report = await judge(withPart(['Content-Type: text/plain'], windowsProgram()));
    expect(idsOf(report)).toContain('ATTACHMENT_TRUE_TYPE');
  });

  it('finds a program in a further reading of the bytes', async () => {
    const program = windowsProgram().toString('base64');
    const raw = mail(
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=a',
      '',
      '--a',
      '',
      'hello',
      '--a--',
      '',
      '--a',
      'Content-Type: image/png',
      'Content-Transfer-Encoding: base64',
      '',
      program,
      '--a--',
      '',
    );
    expect(idsOf(await judge(raw))).toContain('ATTACHMENT_TRUE_TYPE');
  });
});

describe('declared types', () => {
  it('holds a refused type against the message', async () => {
    expect(idsOf(await judgeFile('file', 'x', 'application/x-msdownload'))).toEqual(['ATTACHMENT_REFUSED_TYPE']);
  });

  it('message/partial and message/external-body are dangerous content', async () => {
    const partial = await judge(
      mail('MIME-Version: 1.0', 'Content-Type: message/partial; id=a; number=1; total=2', '', 'x'),
    );
    expect(partial.findings).toMatchObject([{ id: 'ATTACHMENT_PARTIAL_MESSAGE', category: 'content', score: 1 }]);
    const external = await judge(
      mail('MIME-Version: 1.0', 'Content-Type: message/external-body; access-type=anon-ftp; site=a.test', '', 'x'),
    );
    expect(external.findings).toMatchObject([{ id: 'ATTACHMENT_EXTERNAL_BODY', category: 'content', score: 1 }]);
    const allowed = await judge(mail('Content-Type: message/partial; id=a', '', 'x'), { refusePartialMessages: false });
    expect(idsOf(allowed)).not.toContain('ATTACHMENT_PARTIAL_MESSAGE');
  });
});

describe('settings', () => {
  it('lists can be added to and taken from', async () => {
    expect(idsOf(await judgeFile('a.exe', 'x', undefined, { allowExtensions: ['exe'] }))).toEqual([]);
    expect(idsOf(await judgeFile('a.zip', 'x', undefined, { refuseExtensions: ['zip'] }))).toEqual([
      'ATTACHMENT_REFUSED_NAME',
    ]);
    expect(idsOf(await judgeFile('a.exe', 'x', undefined, { extensions: ['foo'] }))).toEqual([]);
    expect(
      idsOf(await judgeFile('a', 'x', 'image/tiff', { refuseMediaTypes: ['image/*'], allowMediaTypes: ['image/png'] })),
    ).toEqual(['ATTACHMENT_REFUSED_TYPE']);
    expect(
      idsOf(await judgeFile('a', 'x', 'image/png', { refuseMediaTypes: ['image/*'], allowMediaTypes: ['image/png'] })),
    ).toEqual([]);
    expect(idsOf(await judgeFile('a', windowsProgram(), undefined, { contents: [] }))).toEqual([]);
    expect(idsOf(await judgeFile('a.docm', 'x', undefined, { refuseMacros: true }))).toEqual([
      'ATTACHMENT_MACROS_REFUSED',
    ]);
  });

  it('more files than are looked at are held against the message', async () => {
    const part = ['--e', 'Content-Type: image/png; name=a.png', '', 'x'];
    const raw = mail('Content-Type: multipart/mixed; boundary=e', '', ...part, ...part, ...part, '--e--', '');
    expect(idsOf(await judge(raw, { filesMax: 2 }))).toEqual(['ATTACHMENT_TOO_MANY']);
    expect(idsOf(await judge(raw, { filesMax: 3 }))).toEqual([]);
  });
});

it('leaves facts of each file for later stages', async () => {
  const { facts } = await judgeFile('photo.png', pngFile(), 'image/png');
  expect((facts as AttachmentFacts).files).toMatchObject([
    {
      part: '2',
      name: 'photo.png',
      extensions: ['png'],
      declaredType: 'image/png',
      trueType: 'image/png',
      program: null,
      macros: false,
    },
  ]);
});

it('reports nothing that it does not declare, each finding once', async () => {
  const raw = mail(
    'Content-Type: multipart/mixed; boundary=e',
    '',
    ...Array.from(
      { length: 50 },
      (_, index) => `--e\r\nContent-Type: application/octet-stream; name=file-${index}.pdf.exe\r\n\r\nx`,
    ),
    '--e--',
    '',
  );
  const { findings } = await judge(raw);
  expect(findings.map(({ id }) => id)).toEqual(['ATTACHMENT_REFUSED_NAME', 'ATTACHMENT_DOUBLE_EXTENSION']);
  expect(findings[0]?.evidence).toMatch(/and \d+ more$/);
  for (const { id, category, score } of findings)
    expect(attachmentFindings).toContainEqual(expect.objectContaining({ id, category, score }) as object);
});

it('gives up, by its break policy, when the time is over', async () => {
  const stage = await makeStage(attachmentsStage);
  await expect(runStage(stage, makeJob(withPart(named('a.png'), 'x'), { timeMs: -1 }))).rejects.toMatchObject({
    name: 'AttachmentTimeError',
  });
});

it('costs far less than a millisecond where there is no file, once the message is read', async () => {
  const stage = await makeStage(attachmentsStage);
  const raw = mail(
    'From: a@outside.test',
    'Subject: hello',
    'Content-Type: text/plain; charset=utf-8',
    '',
    ...Array.from({ length: 120 }, (_, index) => `Line ${index} of a common letter.`),
    '',
  );
  const times: number[] = [];
  for (let run = 0; run < 200; run++) {
    const job = makeJob(raw);
    // Read beforehand: this is the message's time, which every stage shares.
    void job.message.attachments.length;
    void job.message.readings().length;
    const started = performance.now();
    const report = stage.onMessage?.(job);
    times.push(performance.now() - started);
    expect(report).toMatchObject({ findings: [] });
  }
  expect(times.sort((a, b) => a - b)[100]).toBeLessThan(0.5);
});
