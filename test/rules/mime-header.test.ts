// `mimeheader` rules over the parts of a message made here; what is expected was asked of SpamAssassin 4.0.1 with like texts.
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

const MAIL = `Subject: parts
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; name=first.txt

one
--b
Content-Type: image/png; name=second.png
Content-ID: <x@example.com>

two
--b--
`;
const countOf = (rules: string, name = 'M') => run(rules, MAIL).counts.get(name) ?? 0;

describe('mimeheader', () => {
  it('looks at each part, the whole message first', () => {
    expect(countOf('mimeheader M Content-Type =~ /^multipart/')).toBe(1);
    expect(countOf('mimeheader M Content-Type =~ /png$/')).toBe(1);
    expect(countOf('mimeheader M Content-Type =~ /gif/')).toBe(0);
  });

  it('counts within the first part that matches, for "multiple" alone', () => {
    expect(countOf('mimeheader M Content-Type =~ /t/\ntflags M multiple')).toBe(2);
    expect(countOf('mimeheader M Content-Type =~ /t/\ntflags M multiple maxhits=1')).toBe(1);
    expect(countOf('mimeheader M Content-Type =~ /t/\ntflags M multiple maxhits=0')).toBe(1);
    expect(countOf('mimeheader M Content-Type =~ /t/\ntflags M maxhits=3')).toBe(1);
  });

  it('keeps to a range of parts, and puts them together', () => {
    expect(countOf('mimeheader M Content-Type =~ /multipart/\ntflags M range=2-3')).toBe(0);
    expect(countOf('mimeheader M Content-Type =~ /first.*\\n.*second/\ntflags M concat')).toBe(1);
  });

  it('always holds when negated, as 4.0.1 has it', () => {
    expect(countOf('mimeheader M Content-Type !~ /text/')).toBe(1);
    expect(countOf('mimeheader M Content-ID !~ /x@example/')).toBe(1);
  });

  it('takes texts for the patterns of others', () => {
    const rules = 'mimeheader M Content-Type =~ /name=(?<FILE>\\w+)/\nbody B /%{FILE}|zzz/';
    expect(run(`${rules}`, MAIL.replace('one', 'the first of all')).counts.get('B')).toBe(1);
    expect(run(`${rules}`, MAIL).counts.get('B')).toBeUndefined();
  });
});

describe('tflags', () => {
  it('without bound where maxhits is none', () => {
    expect(countOf('body M /[a-z]/\ntflags M multiple maxhits=0')).toBe(8);
  });
});
