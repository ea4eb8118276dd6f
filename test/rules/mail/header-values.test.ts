// Header values by selector: joined instances, modifiers, pseudo headers, the guessed envelope sender.
import { describe, expect, it } from 'vitest';
import { inputsOf } from '../run.js';

const values = (header: string) => inputsOf(`${header}\n\nbody\n`).headers;
const get = (header: string, selector: string) => values(header).get(selector);

describe('a value', () => {
  it('holds all instances, each with a line end', () => {
    expect(get('X-A: one\nX-B: x\nx-a:  two \n', 'X-A')).toBe('one\ntwo\n');
  });

  it('is null where the header is absent, empty where it is empty', () => {
    expect(get('X-A:', 'X-A')).toBe('\n');
    expect(get('X-A: 1', 'X-B')).toBeNull();
  });

  it('is decoded, or as it came', () => {
    expect(get('Subject: =?utf-8?q?a=C3=A4?=\n\tb', 'Subject')).toBe('a\xc3\xa4 b\n');
    expect(get('Subject: =?utf-8?q?a=C3=A4?=\n\tb', 'Subject:raw')).toBe(' =?utf-8?q?a=C3=A4?=\n\tb\n');
  });

  it.each([
    ['From: Ada <ada@a.example>', 'From:addr', 'ada@a.example'],
    ['To: a@a.example, "B, C" <b@b.example>', 'To:addr', 'a@a.example\nb@b.example'],
    ['To: a@a.example, b@b.example\nTo: c@c.example', 'To:addr:last', 'c@c.example'],
    ['To: a@a.example, b@b.example\nTo: c@c.example', 'To:addr:first', 'a@a.example\nb@b.example'],
    ["From: 'Ada  L' <ada@a.example>", 'From:name', 'Ada L'],
    ['From: =?utf-8?q?=C3=84da?= <ada@a.example>', 'From:name', '\xc3\x84da'],
    ['From: =?utf-8?q?=C3=84da?= <ada@a.example>', 'From:name:raw', '=?utf-8?q?=C3=84da?= '],
    ['From: ada@mail.a.co.uk', 'From:addr:host', 'mail.a.co.uk'],
    ['From: ada@mail.a.co.uk', 'From:addr:domain', 'a.co.uk'],
    ['Message-ID: <1.2@mail.a.example>', 'Message-ID:host', 'mail.a.example'],
    ['Message-ID: <1.2@mail.a.example>', 'Message-ID:domain', 'a.example'],
    ['X-A: see www.b.example now', 'X-A:host', 'www.b.example'],
    ['X-A: from [192.0.2.7] and 192.0.2.8', 'X-A:ip', '192.0.2.7'],
    ['X-A: from [192.0.2.7]', 'X-A:revip', '7.2.0.192'],
    ['X-A: version 1.2.3.4.5', 'X-A:ip', null],
  ])('%s: %s', (header, selector, expected) => {
    expect(get(header, selector)).toBe(expected);
  });
});

describe('pseudo headers', () => {
  const HEADER = [
    'Received: from h (n.example [10.0.0.1]) by b.example (Postfix) with ESMTP id A',
    'Received: from h (n.example [192.0.2.1]) by b.example (Postfix) with ESMTP id B',
    'X-Spam-Flag: YES',
    'To: a@a.example',
    'Subject: one',
    '\ttwo',
    'Cc: c@c.example',
  ].join('\n');

  it('hold all fields, without verdicts of filters', () => {
    expect(get(HEADER, 'ALL')).toMatch(/\nTo: a@a.example\nSubject: one two\nCc: c@c.example\n$/);
    expect(get(HEADER, 'ALL')).not.toContain('X-Spam');
    expect(get(HEADER, 'ALL:raw')).toMatch(/\nSubject: one\n\ttwo\nCc: c@c.example\n$/);
  });

  it('part the fields where trust ends, whose Received belongs to both', () => {
    expect(get(HEADER, 'ALL-TRUSTED')?.split('\n')).toHaveLength(3);
    expect(get(HEADER, 'ALL-UNTRUSTED')).toMatch(/^Received: .*192\.0\.2\.1.*\nTo: /);
    expect(get(HEADER, 'ALL-INTERNAL')).toBe(get(HEADER, 'ALL-TRUSTED'));
    expect(get(HEADER, 'ALL-EXTERNAL')).toBe(get(HEADER, 'ALL-UNTRUSTED'));
  });

  it('join To and Cc, and message ids', () => {
    expect(get(HEADER, 'ToCc')).toBe('a@a.example\nc@c.example\n');
    expect(get('Message-ID: <2>\nX-Message-Id: <1>', 'MESSAGEID')).toBe('<1>\n<2>\n');
    expect(get('Message-ID: <2>', 'messageid')).toBeNull();
  });

  it('show relays, trusted ones too', () => {
    expect(get(HEADER, 'x-spam-relays-trusted')).toContain('ip=10.0.0.1');
    expect(get('To: a@a.example', 'X-Spam-Relays-External')).toBe('');
  });

  it('are bounded as a whole, by names in their order', () => {
    const many = Array.from({ length: 20 }, (_, index) => `X-N${index}: ${'x'.repeat(5_000)}`).join('\n');
    const all = values(`${many}\nSubject: last`).get('ALL')!;
    expect(all.length).toBeLessThanOrEqual(65_536);
    expect(all).not.toContain('Subject');
  });
});

describe('the sender of the envelope is guessed', () => {
  const PATH = 'Return-Path: <r@r.example>';
  it.each([
    ['from Return-Path on top', PATH, 'r@r.example'],
    ['as empty', 'Return-Path: <>', null],
    ['not from a Return-Path below a Received', `Received: x\n${PATH}`, null],
    ['from X-Envelope-From first', `X-Envelope-From: <x@x.example>\n${PATH}`, 'x@x.example'],
    ['not at all where that one stands below a Received', `${PATH}\nReceived: x\nX-Envelope-From: <x@x.example>`, null],
    [
      'from the relay',
      `Received: from a.example (HELO h) (192.0.2.1) (envelope-sender <e@e.example>) by b.example (qmail-ldap-1) with SMTP\n${PATH}`,
      'e@e.example',
    ],
    ['not from what fetchmail made of a list', `X-Sender: l@l.example\nReceived: x (fetchmail-6)\n${PATH}`, null],
  ])('%s', (_, header, expected) => {
    expect(get(header, 'EnvelopeFrom')).toBe(expected);
  });
});
