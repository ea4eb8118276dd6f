// The scripted DNS server, asked by the runtime's own resolver: what tests build on must itself be true.
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startScriptedDns, zoneOfSuite, type ScriptedDns } from './scripted-dns.js';

let server: ScriptedDns;
const resolver = new Resolver({ timeout: 300, tries: 1 });

beforeAll(async () => {
  server = await startScriptedDns({
    'Plain.test': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], MX: [[5, 'mx.plain.test']], TXT: ['one', ['a', 'b\xe9']] },
    'alias.test': { CNAME: 'middle.test' },
    'middle.test': { CNAME: 'plain.test' },
    '*.wild.test': { A: ['127.0.0.2'] },
    'long.test': { TXT: ['x'.repeat(600)] },
    'many.test': { A: Array.from({ length: 120 }, (_, at) => `192.0.2.${String(at)}`) },
    'bad.test': { behaviour: 'servfail' },
    'no.test': { behaviour: { A: 'refused' } },
    'mute.test': { behaviour: 'silent' },
    ...zoneOfSuite({
      'suite.test': [{ SPF: 'v=spf1 -all' }, 'TIMEOUT'],
      'none.test': [{ SPF: 'v=spf1 -all' }, { TXT: 'NONE' }],
    }),
  });
  resolver.setServers([server.address]);
});
afterAll(() => server.stop());

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'found',
    (error: NodeJS.ErrnoException) => error.code,
  );

test('records of every type, aliases, wildcards, long texts and answers too long for UDP', async () => {
  expect(await resolver.resolve4('plain.TEST')).toEqual(['192.0.2.1']);
  expect(await resolver.resolve6('plain.test')).toEqual(['2001:db8::1']);
  expect(await resolver.resolveMx('plain.test')).toEqual([{ exchange: 'mx.plain.test', priority: 5 }]);
  expect(await resolver.resolveTxt('plain.test')).toHaveLength(2);
  expect(await resolver.resolve4('alias.test')).toEqual(['192.0.2.1']);
  expect(await resolver.resolve4('4.3.2.1.wild.test')).toEqual(['127.0.0.2']);
  expect((await resolver.resolveTxt('long.test'))[0]?.map((part) => part.length)).toEqual([255, 255, 90]);
  expect(await resolver.resolve4('many.test')).toHaveLength(120);
  expect(server.asked.filter(({ name, transport }) => name === 'many.test' && transport === 'tcp')).toHaveLength(1);
});

test('what does not exist, has no data, fails, is refused or stays silent is told apart', async () => {
  expect(await codeOf(resolver.resolve4('absent.test'))).toBe('ENOTFOUND');
  expect(await codeOf(resolver.resolveMx('long.test'))).toBe('ENODATA');
  expect(await codeOf(resolver.resolve4('bad.test'))).toBe('ESERVFAIL');
  expect(await codeOf(resolver.resolve4('no.test'))).toBe('EREFUSED');
  expect(await codeOf(resolver.resolve4('mute.test'))).toBe('ETIMEOUT');
});

test('a suite gives TXT for SPF unless told otherwise, and silence for types without records', async () => {
  expect(await resolver.resolveTxt('suite.test')).toEqual([['v=spf1 -all']]);
  expect(await codeOf(resolver.resolve4('suite.test'))).toBe('ETIMEOUT');
  expect(await codeOf(resolver.resolveTxt('none.test'))).toBe('ENODATA');
});

test('questions are counted, and behaviour changes while it runs', async () => {
  server.forget();
  await resolver.resolve4('plain.test');
  expect(server.count('PLAIN.test', 'A')).toBe(1);
  server.setAll({ behaviour: 'servfail' });
  expect(await codeOf(resolver.resolve4('plain.test'))).toBe('ESERVFAIL');
  server.setAll(null);
  server.set('plain.test', null);
  expect(await codeOf(resolver.resolve4('plain.test'))).toBe('ENOTFOUND');
});
