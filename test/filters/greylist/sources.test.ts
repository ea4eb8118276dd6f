// What is said of single sources: the most particular entry holds, addresses before names.
import { describe, expect, it } from 'vitest';
import { Sources } from '../../../filters/greylist/sources.js';
import { networkOf } from '../../../message/network.js';

const sources = new Sources([
  { source: '198.51.100.0/24', action: 'greylist' },
  { source: '198.51.100.7', action: 'allow' },
  { source: '198.51.0.0/16', action: 'deny' },
  { source: '2001:db8::/32', action: 'allow' },
  { source: '2001:DB8:0:1::/64', action: 'deny' },
  { source: 'example.org', action: 'allow' },
  { source: '*.bad.example.org', action: 'deny' },
]);
const find = (address: string | null, name: string | null = null): string | null =>
  sources.find(address, name)?.source ?? null;

describe('sources', () => {
  it.each([
    ['198.51.100.7', null, '198.51.100.7'],
    ['198.51.100.8', null, '198.51.100.0/24'],
    ['198.51.99.8', null, '198.51.0.0/16'],
    ['203.0.113.1', null, null],
    ['2001:db8:0:1::5', null, '2001:DB8:0:1::/64'],
    ['2001:db8:0:2::5', null, '2001:db8::/32'],
    ['203.0.113.1', 'mx.Example.ORG', 'example.org'],
    ['203.0.113.1', 'example.org', 'example.org'],
    ['203.0.113.1', 'badexample.org', null],
    ['203.0.113.1', 'x.bad.example.org', '*.bad.example.org'],
    ['198.51.99.8', 'mx.example.org', '198.51.0.0/16'],
    [null, 'mx.example.org', 'example.org'],
    ['no address', null, null],
  ])('%s %s', (address, name, expected) => {
    expect(find(address, name)).toBe(expected);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.77', 24, 64, '192.0.2.0/24'],
    ['192.0.2.77', 32, 64, '192.0.2.77/32'],
    ['192.0.2.77', 25, 64, '192.0.2.0/25'],
    ['192.0.2.200', 25, 64, '192.0.2.128/25'],
    ['192.0.2.77', 8, 64, '192.0.0.0/8'],
    ['::ffff:192.0.2.77', 24, 64, '192.0.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', 24, 64, '2001:db8:1:2::/64'],
    ['2001:db8:1:2:3:4:5:6', 24, 128, '2001:db8:1:2:3:4:5:6/128'],
    ['2001:db8:1:2:3:4:5:6', 24, 33, '2001:db8::/33'],
    ['nonsense', 24, 64, null],
    [null, 24, 64, null],
  ])('%s by %i and %i bits', (address, ipv4, ipv6, expected) => {
    expect(networkOf(address, { ipv4, ipv6 })).toBe(expected);
  });
});
