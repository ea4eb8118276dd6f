// Evals on addresses and `uri_detail`, over whole mails. Each expectation is what SpamAssassin 4.0.1 says of the same
// mail and rules.
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../message/parse.js';
import { compileRules } from '../../../rules/compile.js';
import { evaluateRules } from '../../../rules/evaluate.js';
import { parseRules } from '../../../rules/language/reader.js';
import { RuleMail } from '../../../rules/mail/rule-mail.js';

const RULES = `
util_rb_tld com net org test example uk
util_rb_2tld co.uk
enlist_uri_host (BLOCK) bad.test evil.co.uk
enlist_uri_host (WELCOME) good.test !not.good.test
enlist_uri_host (OWN) 192.0.2.7 test !shop.test
body REDIR eval:check_for_http_redirector()
body HTTPS_IP eval:check_https_ip_mismatch()
body HTTPS_HTTP eval:check_https_http_mismatch('1','10')
body HTTPS_TWO eval:check_https_http_mismatch('2','3')
body IN_BLOCK eval:check_uri_host_in_blocklist()
body IN_WELCOME eval:check_uri_host_in_welcomelist()
header IN_OWN eval:check_uri_host_listed('OWN')
body TRUNC eval:check_uri_truncated()
uri_detail D_RAW raw =~ /%20/
uri_detail D_TYPE type =~ /^a$/ text =~ /Click/
uri_detail D_NOT domain =~ /shop/ text !~ /Shop/
uri_detail D_CLEAN cleaned =~ /^http:\\/\\/evil/
uri_detail D_HOST host =~ /^www\\./ type !~ /a/
uri_detail D_SCHEMELESS type =~ /schemeless/
`;

const { statements, settings, refusals } = parseRules(RULES, 'test.cf');
const compiled = compileRules(statements);

function hits(body: string): readonly string[] {
  const type = body.startsWith('<') ? 'text/html' : 'text/plain';
  const raw = Buffer.from(
    `From: a@own.example\nSubject: x\nMIME-Version: 1.0\nContent-Type: ${type}\n\n${body}\n`,
    'latin1',
  );
  const mail = new RuleMail(parseMessage(raw), null, 10_000_000, null, { settings });
  const { counts } = evaluateRules(compiled.set, mail, { deadline: Infinity, monotonicMs: () => 0 });
  return [...counts.keys()].sort();
}

it('takes all its rules', () => {
  expect([...refusals, ...compiled.refusals]).toEqual([]);
});

describe('an address within an address', () => {
  it.each([
    ['http://a.com/go?http://b.com/x', ['REDIR']],
    ['http://www.a.com/go?http://cdn.a.com/x', []],
    ['http://a.com/http://a.com/http://b.net/', ['REDIR']],
    ['http://afhttp://x.com/', ['REDIR']],
    ['http://ahttp://x.com/', []],
    ['http://a.com/?x=http://evil.com/', ['D_CLEAN', 'REDIR']],
  ])('%s: %j', (body, expected) => {
    expect(hits(body)).toEqual(expected);
  });
});

describe('what a link shows and where it leads', () => {
  it.each([
    ['<a href="http://192.0.2.7/x">https://bank.com/</a>', ['HTTPS_IP', 'IN_OWN']],
    ['<a href="http://192.0.2.7/x">https://192.0.2.7/ ok https:</a>', ['IN_OWN']],
    [
      '<a href="http://192.0.2.7/x">see https://bank.com/</a><a href="https://u@192.0.2.8/">no</a>',
      ['HTTPS_IP', 'IN_OWN'],
    ],
    ['<a href="http://evil.co.uk/x">https://www.bank.com/</a>', ['D_CLEAN', 'HTTPS_HTTP', 'IN_BLOCK']],
    ['<a href="http://x.bank.com/x">https://www.bank.com/</a>', []],
    [
      '<a href="http://x.shop.test/x">one</a><a href="http://y.bank.com/x">https://z.net</a>',
      ['D_NOT', 'D_SCHEMELESS', 'HTTPS_HTTP', 'HTTPS_TWO'],
    ],
    ['<a href="http://192.0.2.9/x">https://z.net</a>', ['HTTPS_IP']],
    ['<a href="http://x.shop.test/x">https://192.0.2.1/</a>', ['D_NOT', 'HTTPS_HTTP']],
    ['<a href="http://x.invalid/x">https://z.net/</a><a href="http://a.com">https://nothing.invalid</a>', ['REDIR']],
  ])('%s: %j', (body, expected) => {
    const html = `<html><body>${body}</body></html>`;
    // Text runs on from link to link, so that two addresses may stand together as one.
    expect(hits(html)).toEqual(expected);
  });
});

describe('lists of hosts', () => {
  it.each([
    ['see http://www.bad.test/ here', ['IN_BLOCK', 'IN_OWN']],
    ['see http://x.good.test/ and http://a.not.good.test/', ['IN_OWN', 'IN_WELCOME']],
    ['see http://a.not.good.test/', ['IN_OWN']],
    ['see http://x.shop.test/ and joe@any.test', ['D_SCHEMELESS']],
    ['see http://192.0.2.7/x', ['IN_OWN']],
    ['any.test', ['D_SCHEMELESS', 'IN_OWN']],
  ])('%s: %j', (body, expected) => {
    expect(hits(body)).toEqual(expected);
  });
});

describe('details', () => {
  it.each([
    [
      '<html><a href="http://www.shop.test/%20x">Click here</a> <img src="http://www.pix.test/1.gif"></html>',
      ['D_HOST', 'D_NOT', 'D_RAW', 'D_TYPE', 'IN_OWN'],
    ],
    ['<html><a href="http://www.shop.test/">Shop</a><a href="http://www.shop.test/">other</a></html>', ['D_NOT']],
  ])('%s: %j', (body, expected) => {
    expect(hits(body)).toEqual(expected);
  });

  it('tells of an address over the limit', () => {
    expect(hits(`<html><a href="http://a.com/${'x'.repeat(9_000)}">x</a></html>`)).toEqual(['TRUNC']);
  });
});
