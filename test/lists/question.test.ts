// What is asked for: addresses backwards, domains in A-labels, and what is never asked about.
import { describe, expect, it } from 'vitest';
import { hostName, namesOf, publicAddress, questionName, reverseAddress } from '../../lists/question.js';

describe('an address', () => {
  it('is asked for backwards, by octets or nibbles', () => {
    expect(reverseAddress('203.0.113.9')).toBe('9.113.0.203');
    expect(reverseAddress('2001:db8::45')).toBe('5.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2');
    expect(reverseAddress('::ffff:127.0.0.2')).toBe('2.0.0.127');
  });

  it('is taken in its usual form, documentation networks too', () => {
    expect(publicAddress('203.0.113.9')).toBe('203.0.113.9');
    expect(publicAddress('::ffff:203.0.113.9')).toBe('203.0.113.9');
    expect(publicAddress('2001:DB8:0:0::45')).toBe('2001:db8::45');
  });

  it.each([
    ...[
      '127.0.0.2',
      '10.1.2.3',
      '192.168.0.1',
      '172.31.0.1',
      '100.64.0.1',
      '169.254.1.1',
      '0.0.0.0',
      '255.255.255.255',
    ],
    ...['::1', '::', 'fe80::1', 'fe80::1%eth0', 'fd00::1', 'ff02::1', '::ffff:10.0.0.1', '224.0.0.1'],
    ...['', 'x', '1.2.3', '0x7f.0.0.1', '203.0.113.9 ', '203.0.113.999', 'example.org'],
  ])('%j is never asked about', (text) => {
    expect(publicAddress(text)).toBeNull();
  });
});

describe('a host name', () => {
  it('is asked for in A-labels', () => {
    expect(hostName('WWW.Bücher.Example.')).toBe('www.xn--bcher-kva.example');
    expect(hostName('mail_1.example.org')).toBe('mail_1.example.org');
  });

  it.each([
    ...['', 'localhost', '203.0.113.9', '[203.0.113.9]', '2001:db8::1', 'example..org', '.example.org', 'a b.example'],
    ...['example.org:25', 'a@example.org', '9.113.0.203', `${'a'.repeat(64)}.example`, `${'a.'.repeat(130)}example`],
  ])('%j is none', (text) => {
    expect(hostName(text)).toBeNull();
  });

  it('gives its registrable domain, itself, or both', () => {
    expect(namesOf('a.b.example.co.uk', 'domain')).toEqual(['example.co.uk']);
    expect(namesOf('a.b.example.co.uk', 'host')).toEqual(['a.b.example.co.uk']);
    expect(namesOf('a.b.example.co.uk', 'both')).toEqual(['a.b.example.co.uk', 'example.co.uk']);
    expect(namesOf('example.org', 'both')).toEqual(['example.org']);
    expect(namesOf('co.uk', 'domain')).toEqual([]);
  });

  it('is not asked for where the whole would be too long', () => {
    expect(questionName('a'.repeat(60), 'bl.example')).not.toBeNull();
    expect(questionName('a'.repeat(250), 'bl.example')).toBeNull();
  });
});
