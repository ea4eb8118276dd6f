// Addresses of a mail: found in text, cleaned into forms, with hosts and registered domains, as SpamAssassin has them.
// What stands here was asked of SpamAssassin 4.0.1 with these or like texts.
import { describe, expect, it } from 'vitest';
import { canonicalUris, type CleaningTables } from '../../../rules/mail/canonical-uris.js';
import { compileRedirectors, nameFirstGroup } from '../../../rules/mail/redirectors.js';
import { domainOfUri, isFqdnValid, trimDomain } from '../../../rules/mail/registry.js';
import { findTextUris, trimTextUri } from '../../../rules/mail/text-uris.js';
import { doAtOnce } from '../../../rules/steps.js';
import { collectUris, URIS_MAX, type HtmlUris } from '../../../rules/mail/uris.js';
import { cpuMsSince } from '../../ground/cpu.js';

const registry = {
  tlds: new Set(['com', 'net', 'org', 'uk', 'us', 'example', 'xn--p1ai']),
  secondLevelDomains: new Set(['co.uk', 'blog.com']),
  thirdLevelDomains: new Set(['demon.co.uk']),
};
const redirector = compileRedirectors([
  { source: '^http:\\/\\/go\\.example\\/r\\?(?:.*&)?to=(.*?)(?:&|$)', flags: 'i' },
]);
const tables: CleaningTables = { registry, redirector };

function forms(uri: string): string[] {
  return canonicalUris(uri, tables, { bytes: 1_000_000, isSpent: false }).sort();
}

function found(text: string): [string, string][] {
  const all: [string, string][] = [];
  findTextUris(text, registry.tlds, ({ kind, raw }) => all.push([kind, raw]));
  return all;
}

function collected(text: string, html: HtmlUris[] = [], signatures: string[] = []) {
  return doAtOnce(collectUris({ body: [text], html, signatures }, tables));
}

describe('addresses in text', () => {
  it.each([
    ['see http://a.example/x?y=1 now', [['scheme', 'http://a.example/x?y=1']]],
    ['see HTTPS://A.example', [['scheme', 'HTTPS://A.example']]],
    ['www1.shop.com/buy', [['scheme', 'www1.shop.com/buy']]],
    ['ftp.files.com', [['scheme', 'ftp.files.com']]],
    ['write joe@mail.example!', [['mail', 'joe@mail.example!']]],
    ['write mailto:joe@mail.example?subject=x', [['mail', 'mailto:joe@mail.example?subject=x']]],
    [
      '(joe@mail.example,ann@mail.example)',
      [
        ['mail', 'joe@mail.example'],
        ['mail', 'ann@mail.example)'],
      ],
    ],
    ['go to shop.com today', [['schemeless', 'shop.com']]],
    ['go to shop.com. Today', [['schemeless', 'shop.com.']]],
    ['shop.com:8080/path', [['schemeless', 'shop.com:8080/path']]],
    [
      '<shop.com/a|shop.net/b>',
      [
        ['schemeless', 'shop.com/a'],
        ['schemeless', 'shop.net/b'],
      ],
    ],
    ['\x1b(Bshop.com', [['schemeless', 'Bshop.com']]],
    ['a\xa0shop.com\xa0b', [['schemeless', 'shop.com']]],
  ])('%j holds %j', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it.each([
    ['a word and 3.14 and file.txt'],
    ['shop.com/ with nothing behind the slash'],
    ['shop.com:123456'],
    ['shop.com:'],
    ['-shop.commerce'],
    ['a%shop.com_x'],
    ['@ alone, http:// alone'],
    [`http://${'a'.repeat(2_049)}`],
    [`${'a'.repeat(252)}@b.invalid`],
  ])('%j holds none', (text) => {
    expect(found(text)).toEqual([]);
  });

  it.each([
    ['http://a.example/x).', 'http://a.example/x'],
    ['http://a.example/x_(y)', 'http://a.example/x_(y'],
    ['http://a.example/x)y)z', 'http://a.example/x)y'],
    ['http://a.example/(x)y', 'http://a.example/(x)y'],
    ["joe@mail.example';", 'joe@mail.example'],
  ])('%j ends as %j', (raw, expected) => {
    expect(trimTextUri(raw)).toBe(expected);
  });
});

describe('forms of an address', () => {
  it.each([
    ['http://a.com/x', ['http://a.com/x']],
    ['a.com', ['a.com', 'http://a.com']],
    ['ftp.a.com', ['ftp.a.com', 'ftp://ftp.a.com']],
    ['//a.com/x', ['//a.com/x', 'http:////a.com/x']],
    ['http:\\\\a.com\\x', ['http://a.com/x', 'http:\\\\a.com\\x']],
    ['http:a.com', ['http://a.com', 'http:a.com']],
    ['http://a.com?x=1', ['http://a.com/?x=1', 'http://a.com?x=1']],
    ['http://%61.com/%20%7e%41', ['http://%61.com/%20%7e%41', 'http://a.com/%20~A']],
    ['http://a.com/&#46;&#x41;', ['http://a.com/&#46;&#x41;', 'http://a.com/.A']],
    ['http://10.0.0.1/', ['http://10.0.0.1/', 'http://10...1/']],
    ['HTTP://a.com:80/', ['HTTP://a.com:80/']],
    ['http://u@p@a.com/', ['http://u@p@a.com/', 'http://a.com/']],
    ['http://99999999999/', ['http://99999999999/', 'http://23.72.118.231/']],
    ['http://a.com/&#x3002;x', ['http://a.com/&#x3002;x', 'http://a.com/.x']],
    ['http://a.com:80/x', ['http://a.com/x', 'http://a.com:80/x']],
    ['https://a.com:443', ['https://a.com', 'https://a.com:443']],
    ['http://a.com:8080/x', ['http://a.com:8080/x']],
    ['http://a.com!!/x', ['http://a.com!!/x', 'http://a.com/x']],
    ['http://0x7f000001/', ['http://0x7f000001/', 'http://127.0.0.1/']],
    ['http://1113343453/', ['http://1113343453/', 'http://66.92.69.221/']],
    ['http://89.0x44.0240.015/', ['http://89.0x44.0240.015/', 'http://89.68.160.13/']],
    ['http://foo/bar', ['http://foo/bar', 'http://www.foo.com/bar']],
    ['http://www.com/', ['http://www.com/']],
    ['http://localhost/', ['http://localhost/']],
    [
      'a.com/go?http://evil.com/&z',
      ['a.com/go?http://evil.com/&z', 'http://a.com/go?http://evil.com/&z', 'http://evil.com/'],
    ],
    ['http://go.example/r?to=b.com/x&z', ['b.com/x', 'http://b.com/x', 'http://go.example/r?to=b.com/x&z']],
    ['mailto:joe@a.com?subject=x', ['mailto:joe@a.com', 'mailto:joe@a.com?subject=x']],
    ['mailto:joe@a.com&x', ['mailto:joe@a.com', 'mailto:joe@a.com&x']],
    ['mailto:%20joe@a.com', ['mailto:%20joe@a.com', 'mailto:joe@a.com']],
    ['mailto:"J%20D"%20<joe@a.com>', ['mailto:"J%20D"%20<joe@a.com>', 'mailto:joe@a.com']],
    ['#top', ['#top']],
    ['?q', ['?q']],
    ['/image.gif', ['/image.gif']],
    [' \r\nhttp://a.com/ ', ['http://a.com/']],
  ])('%j has %j', (uri, expected) => {
    expect(forms(uri)).toEqual([...expected].sort());
  });
});

describe('registered domains', () => {
  it.each([
    ['www.a.com', 'a.com'],
    ['www.a.co.uk', 'a.co.uk'],
    ['co.uk', 'co.uk'],
    ['x.y.demon.co.uk', 'y.demon.co.uk'],
    ['x.a.b.ca.us', 'a.b.ca.us'],
    ['x.fire.ci.la.ca.us', 'fire.ci.la.ca.us'],
    ['www..a.com', 'a.com'],
    ['com', 'com'],
  ])('%s is below %s', (host, expected) => {
    expect(trimDomain(host, registry)).toBe(expected);
  });

  it.each([
    ['http://user:pw@www.A.com:80/x@y', 'www.a.com', 'a.com'],
    ['http://1.2.3.4/x', '1.2.3.4', '1.2.3.4'],
    ['mailto:joe@mail.a.co.uk?x@y', 'mail.a.co.uk', 'a.co.uk'],
    ['domainkeys:a.com', 'a.com', 'a.com'],
  ])('%s leads to %s', (uri, host, domain) => {
    expect(domainOfUri(uri, registry)).toEqual({ host, domain });
  });

  it.each([
    ['javascript:a.com'],
    ['cid:x@a.com'],
    ['mailto:a@b@a.com'],
    ['http://a.invalid/'],
    ['http://a%41.com/'],
    ['http://-a.com/'],
    ['http://a_b.com/'],
    ['http://[::1]/'],
    [''],
  ])('%j leads nowhere', (uri) => {
    expect(domainOfUri(uri, registry)).toBeNull();
  });

  it('takes `_` in hosts, not in domains', () => {
    expect([isFqdnValid('a_b.c.com'), isFqdnValid('c.a_b.com'), isFqdnValid('com')]).toEqual([true, false, false]);
  });
});

describe('what is collected', () => {
  it('tells types, hosts and forms', () => {
    const uris = collected('Look at shop.com/x, or www.shop.co.uk, or write joe@mail.shop.com.');
    expect([...uris.list].sort()).toEqual(['http://shop.com/x', 'http://www.shop.co.uk', 'mailto:joe@mail.shop.com']);
    const bare = uris.details.get('http://shop.com/x')!;
    expect([...bare.types]).toEqual(['parsed', 'schemeless', 'unlinked']);
    expect([...bare.hosts]).toEqual([['shop.com', 'shop.com']]);
    expect([...uris.details.get('http://www.shop.co.uk')!.types]).toEqual(['parsed', 'schemeless']);
  });

  it.each([['Vi@gra now'], ['cid:part1@shop.com'], ['mail me at joe@shop.invalid'], ['http://nowhere.invalid/x']])(
    'leaves %j alone',
    (text) => {
      expect(collected(text).list).toEqual([]);
    },
  );

  it('joins what HTML says with what the text says', () => {
    const html: HtmlUris = {
      uris: new Map([['http://shop.com/', { types: new Set(['a']), anchorTexts: ['Shop', 'Shop', 'more'] }]]),
      urisTruncated: false,
    };
    const { details } = collected('http://shop.com/', [html]);
    const detail = details.get('http://shop.com/')!;
    expect([...detail.types]).toEqual(['parsed', 'a']);
    expect(detail.anchorTexts).toEqual(['Shop', 'more']);
  });

  it('keeps signers from uri rules', () => {
    const uris = collected('', [], ['v=1; a=rsa-sha256; d = mail.\n\tshop.com; s=x']);
    expect(uris.list).toEqual([]);
    expect([...uris.details.get('domainkeys:mail.shop.com')!.domains]).toEqual(['shop.com']);
  });

  it('is bounded, and says so', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => `http://a${index}.com/`).join(' ');
    const uris = collected(many);
    expect(uris.cut).toBe(true);
    expect(uris.details.size).toBe(URIS_MAX);
  });

  it('follows addresses inside addresses only so far', () => {
    const uris = collected(`http://a.com/${'http://b.com/'.repeat(150)}`);
    expect(uris.cut).toBe(true);
    expect(uris.list.length).toBeLessThan(100);
  });

  it.each([
    ['signs', '@'.repeat(1_000_000)],
    ['labels', 'a.'.repeat(500_000)],
    ['angles', '<'.repeat(1_000_000)],
    ['one address', `http://a.com/${'x'.repeat(1_000_000)}`],
  ])('takes linear time over a megabyte of %s', (_, text) => {
    const start = process.cpuUsage();
    collected(text);
    expect(cpuMsSince(start)).toBeLessThan(2_000);
  });

  it('tells of an address over the limit', () => {
    const long = `http://a.com/${'x'.repeat(9_000)}`;
    const html = { uris: new Map([[long, { types: new Set(['a']), anchorTexts: [] }]]), urisTruncated: false };
    const uris = collected('', [html]);
    expect(uris.truncated).toBe(true);
    expect(uris.list.every((form) => form.length <= 8_192)).toBe(true);
  });
});

describe('redirectors', () => {
  it.each([
    ['a(b)c', 'a(?<weirTarget>b)c'],
    ['(?:x)[(](y)(z)', '(?:x)[(](?<weirTarget>y)(z)'],
    ['\\((a)', '\\((?<weirTarget>a)'],
    ['[]()](a)', '[]()](?<weirTarget>a)'],
    ['(?<own>a)(b)', '(?<own>a)(b)'],
  ])('the first group of %j is named: %j', (source, expected) => {
    expect(nameFirstGroup(source)?.source).toBe(expected);
  });

  it('has nothing to say without a group', () => {
    expect(nameFirstGroup('a(?:b)')).toBeNull();
    expect(compileRedirectors([{ source: 'a(?:b)', flags: '' }])('ab.')).toBeNull();
  });
});
