// URLs: found in text as a mail program links them, from HTML with their texts, hosts in A-labels, domains by the list.
import { describe, expect, test } from 'vitest';
import { registrableDomain } from '../../message/url.js';
import { findUrls } from '../../message/url-scan.js';
import { message, rawMessage } from './data.js';

const found = (text: string): readonly string[] => findUrls(text, 100).urls;

describe('URLs in text', () => {
  test.each<[string, string[]]>([
    ['see http://example.com/a?b=c#d for more', ['http://example.com/a?b=c#d']],
    ['(http://example.com/a).', ['http://example.com/a']],
    ['http://example.com/a_(b)', ['http://example.com/a_(b)']],
    ['<https://example.com>, "http://example.org"', ['https://example.com', 'http://example.org']],
    ['HTTP://EXAMPLE.COM!', ['HTTP://EXAMPLE.COM']],
    ['www.example.com and www2.example.org/x', ['www.example.com', 'www2.example.org/x']],
    ['ftp://example.com/x', ['ftp://example.com/x']],
    ['hxxp://example.com/', ['hxxp://example.com/']],
    ['http:example.com', ['http:example.com']],
    ['http://a.example.com,http://b.example.com', ['http://a.example.com', 'http://b.example.com']],
    ['http://r.example.com/?u=http://t.example.com/', ['http://r.example.com/?u=http://t.example.com/']],
    ['example.com/path and file.txt/x', ['example.com/path']],
    ['ex\u3002com/path bücher.example.com/x', ['ex\u3002com/path', 'bücher.example.com/x']],
    ['no urls here. really... e.g. this/that 1.2/3 a@example.com/x', []],
    ['http:// http://', []],
    ['', []],
  ])('%s', (text, urls) => {
    expect(found(text)).toEqual(urls);
  });

  test('bounds', () => {
    expect(findUrls('http://a.example http://a.example http://b.example http://c.example', 2)).toEqual({
      urls: ['http://a.example', 'http://b.example'],
      cut: true,
    });
    expect(findUrls('http://a.example '.repeat(10), 1).cut).toBe(false);
    expect(found(`http://example.com/${'x'.repeat(5_000)}`)[0]).toHaveLength(2_048);
  });
});

describe('URLs of a message', () => {
  test('normalised, with host and domain', () => {
    const mail = message(
      'Content-Type: text/plain; charset=utf-8',
      '',
      Buffer.from(
        'http://www.Bücher.co.uk/ä http://user@1.2.3.4:80/ http://0x7f000001/ http://a.github.io/ http://[::1]/ http://a_b.example.com/',
      ).toString('latin1'),
    );
    expect(mail.urls.map(({ href, host, domain, from, text }) => [href, host, domain, from, text])).toEqual([
      ['http://www.xn--bcher-kva.co.uk/%C3%A4', 'www.xn--bcher-kva.co.uk', 'xn--bcher-kva.co.uk', 'plain', null],
      ['http://user@1.2.3.4/', '1.2.3.4', null, 'plain', null],
      ['http://127.0.0.1/', '127.0.0.1', null, 'plain', null],
      ['http://a.github.io/', 'a.github.io', 'a.github.io', 'plain', null],
      ['http://[::1]/', '[::1]', null, 'plain', null],
      ['http://a_b.example.com/', 'a_b.example.com', 'example.com', 'plain', null],
    ]);
  });

  test('from HTML, with the text beside the target', () => {
    const mail = message(
      'Content-Type: text/html',
      '',
      '<base href="https://base.example.com/dir/"><a href="http://evil.example.net/">http://good.example.org/</a> <a href="rel">r</a><a href="//other.example.org">s</a>' +
        '<img src="cid:x"><a href="javascript:alert(1)">j</a><a href="mailto:a@example.com">m</a><a href="http:\\\\back.example.com">b</a>',
    );
    expect(mail.urls.map(({ raw, href, text, from }) => [raw, href, text, from])).toEqual([
      ['http://evil.example.net/', 'http://evil.example.net/', 'http://good.example.org/', 'html-link'],
      ['rel', 'https://base.example.com/dir/rel', 'r', 'html-link'],
      ['//other.example.org', 'http://other.example.org/', 's', 'html-link'],
      ['cid:x', 'cid:x', null, 'html-image'],
      ['javascript:alert(1)', 'javascript:alert(1)', 'j', 'html-link'],
      ['mailto:a@example.com', 'mailto:a@example.com', 'm', 'html-link'],
      ['http:\\\\back.example.com', 'http://back.example.com/', 'b', 'html-link'],
      ['http://good.example.org/', 'http://good.example.org/', null, 'html-text'],
    ]);
  });

  test('what does not parse has no href', () => {
    const mail = message(
      'Content-Type: text/html',
      '',
      '<a href="http://">a</a><a href="http://a b/">b</a><a href="relative">c</a>',
    );
    expect(mail.urls.map(({ href, host, domain }) => [href, host, domain])).toEqual([
      [null, null, null],
      [null, null, null],
      [null, null, null],
    ]);
  });

  test('each once, and bounded', () => {
    const text = 'http://a.example.com/ http://a.example.com/ http://b.example.com/ http://c.example.com/';
    expect(rawMessage(`\r\n${text}`).urls).toHaveLength(3);
    const few = rawMessage(`\r\n${text}`, { urlsMax: 2 });
    expect(few.urls).toHaveLength(2);
    expect(few.oddities.map(({ code }) => code)).toContain('URLS_LIMIT');
  });

  test('domains by the public suffix list', () => {
    expect(
      ['a.b.co.uk', 'co.uk', 'x.blogspot.com', 'blogspot.com', 'localhost', '1.2.3.4'].map(registrableDomain),
    ).toEqual(['b.co.uk', null, 'x.blogspot.com', 'blogspot.com', null, null]);
  });
});
