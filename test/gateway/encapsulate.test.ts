// Reports around originals: correct MIME whatever the original is, the original byte for byte, the same bytes each time.
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { encapsulate } from '../../gateway/encapsulate.js';
import { encodeHeader, textPart, transferEncoding, writeWithOriginal } from '../../gateway/written-mail.js';
import { decodeHeaderText } from '../../message/encoded-word.js';
import { parseMessage } from '../../message/parse.js';
import type { Edit } from '../../pipeline/answer.js';
import { applyEdits, editableFields } from '../../pipeline/edits.js';

const FAST = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true };
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function report(original: Buffer, form: 'message' | 'text', edits: readonly Edit[] = [], text = 'why\n'): Buffer {
  const fields = editableFields(original);
  return applyEdits(original, encapsulate({ fields, original, form, text, edits, marks: [] }));
}

/** Mails that look like mails, with everything in them that could break a frame around them. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\0',
        '--',
        '----------=_',
        '\r\n\r\n',
        '.\r\n',
        'Content-Type: x\r\n',
        '\xff',
      ),
      fc.constantFrom('Subject: x\r\n', 'MIME-Version: 2\r\n', ' folded\r\n', 'x'.repeat(1_000), 'From: a@b.test\r\n'),
      fc.string({ maxLength: 20 }),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => latin1(pieces.join('')));

describe('the encoding of an attached message is chosen by its bytes', () => {
  it.each([
    ['', '7bit'],
    ['a\r\n', '7bit'],
    ['no end', '7bit'],
    ['\xe9\r\n', '8bit'],
    ['a\nb\r\n', 'binary'],
    ['a\rb\r\n', 'binary'],
    ['a\r', 'binary'],
    ['a\0\r\n', 'binary'],
    [`${'x'.repeat(998)}\r\n`, '7bit'],
    [`${'x'.repeat(999)}\r\n`, 'binary'],
    ['x'.repeat(999), 'binary'],
    [`${'\xe9'.repeat(998)}\r\n\r\n`, '8bit'],
  ])('%j: %s', (text, encoding) => expect(transferEncoding(latin1(text))).toBe(encoding));

  it('never base64 or quoted-printable, which message/rfc822 does not admit', () => {
    fc.assert(
      fc.property(hostile, (original) => {
        const { fields, body } = writeWithOriginal('why', original, 'message', 'x');
        const declared = /x-spam-type=original\r\n(?:.+\r\n)*Content-Transfer-Encoding: (\S+)/.exec(
          body.toString('latin1'),
        );
        expect(declared?.[1]).toMatch(/^(?:7bit|8bit|binary)$/);
        expect(fields).toContainEqual(['Content-Transfer-Encoding', declared?.[1]]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the original', () => {
  it.each(['message', 'text'] as const)('comes out byte for byte, as %s', async (form) => {
    await fc.assert(
      fc.asyncProperty(hostile, async (original) => {
        const message = parseMessage(report(original, form));
        const [, attached] = message.root.children;
        expect(message.root.children).toHaveLength(2);
        expect(attached?.type).toBe(form === 'message' ? 'message/rfc822' : 'text/plain');
        const { attachments } = await simpleParser(report(original, form), FAST);
        expect(attachments).toHaveLength(1);
        expect(attachments[0]?.content.toString('latin1')).toBe(original.toString('latin1'));
      }),
      { numRuns: 200 },
    );
  });

  it('cannot end the report: a boundary that it holds is not taken', () => {
    const first = writeWithOriginal('why', latin1('x'), 'message', 'x').fields[1]?.[1] ?? '';
    const original = latin1(`x\r\n--${first.slice(first.indexOf('"') + 1, -1)}--\r\n`);
    expect(parseMessage(report(original, 'message')).root.children).toHaveLength(2);
  });

  it('as text is a file of a charset in which every byte is something, with no part that is shown', () => {
    const html = latin1('Content-Type: text/html\r\n\r\n<img src=http://x.test><script>alert(1)</script>\xff\r\n');
    const message = parseMessage(report(html, 'text'));
    expect(message.root.children[1]?.headers.find(({ key }) => key === 'content-type')?.value).toContain('iso-8859-1');
    expect(message.parts.map(({ type }) => type)).toEqual(['multipart/mixed', 'text/plain', 'text/plain']);
    expect(report(html, 'text').toString('latin1')).not.toContain('<script>');
  });

  it('gives the same bytes each time, so that a retry after a crash is the same copy', () => {
    const original = latin1('Subject: x\r\n\r\nbody');
    expect(report(original, 'message').equals(report(original, 'message'))).toBe(true);
  });
});

describe('the header of the report', () => {
  const original = latin1(
    [
      ...['Received: from x', 'Return-Path: <a@b.test>', 'DKIM-Signature: v=1', 'ARC-Seal: i=1', 'From: a@b.test'],
      ...[
        'Reply-To: evil@b.test',
        'To: c@d.test',
        'Cc: e@d.test',
        'Subject: hello',
        'Date: x',
        'Message-ID: <1@b.test>',
      ],
      ...[
        'In-Reply-To: <0@b.test>',
        'References: <0@b.test>',
        'List-Id: <l.b.test>',
        'List-Unsubscribe: <http://x.test>',
      ],
      ...[
        'X-Spam-Flag: NO',
        'Content-Type: text/html',
        'content-type: text/plain',
        'MIME-Version: 7.0',
        'Bcc: f@d.test',
      ],
      ...['Disposition-Notification-To: a@b.test', 'X-Mailer: y', '', 'body', ''],
    ].join('\r\n'),
  );

  it('keeps who, to whom, when, about what, the trace and the chain of seals, and nothing else', () => {
    const names = parseMessage(report(original, 'message')).headers.map(({ key }) => key);
    expect(names).toEqual([
      ...['received', 'return-path', 'arc-seal', 'from', 'to', 'cc', 'subject', 'date', 'message-id', 'in-reply-to'],
      ...['references', 'list-id', 'mime-version', 'content-type', 'content-transfer-encoding'],
    ]);
  });

  it('takes from the stages what speaks of the mail, not what changes its body', () => {
    const edits: readonly Edit[] = [
      { kind: 'prepend-header', name: 'Authentication-Results', value: 'mx; spf=pass' },
      { kind: 'add-header', name: 'Content-Type', value: 'text/plain' },
      { kind: 'change-header', name: 'Content-Type', occurrence: 1, value: 'text/plain' },
      { kind: 'change-header', name: 'Subject', occurrence: 1, value: 'changed' },
      { kind: 'delete-header', name: 'X-Mailer', occurrence: 1 },
      { kind: 'replace-body', body: latin1('disarmed') },
    ];
    const message = parseMessage(report(original, 'message', edits));
    expect(message.header('Authentication-Results')).toBe('mx; spf=pass');
    expect(message.headersNamed('Content-Type')).toHaveLength(1);
    expect(message.subject).toBe('changed');
    expect(message.raw.includes('disarmed')).toBe(false);
    expect(message.raw.includes('X-Spam-Flag: NO')).toBe(true);
  });
});

describe('text of ours', () => {
  it.each(['plain\n', 'long '.repeat(40), 'äöü\n', '', 'a\rb\r\nc', 'x\u2028y'])('%j is read back', (text) => {
    const message = parseMessage(Buffer.from(textPart(text).join('\r\n')));
    const seen = message.texts[0]?.visible ?? '';
    expect(seen.replaceAll('\r\n', '\n').trim()).toBe(text.replace(/\r\n?/g, '\n').trim());
    expect(
      message.oddities.map(({ code }) => code).filter((code) => code === 'BARE_CR' || code === 'LINE_TOO_LONG'),
    ).toEqual([]);
  });

  it('in a header is read back, in lines of at most 78', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const line = text.replace(/[\p{Cc}\p{Cs}]/gu, ' ').trim();
        const encoded = encodeHeader(line);
        expect(decodeHeaderText(encoded)).toBe(line);
        for (const one of encoded.split('\r\n')) expect(one.length).toBeLessThanOrEqual(78);
        expect(encoded).toMatch(/^[\x20-\x7e]*(?:\r\n [\x20-\x7e]+)*$/);
      }),
      { numRuns: 300 },
    );
  });
});
