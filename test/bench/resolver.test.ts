// The bench of the resolver, small: both sides answer the same, every name.
import { expect, test } from 'vitest';
import { benchResolver } from '../../bench/resolver.js';
import { startScriptedDns } from '../ground/scripted-dns.js';

test('both resolvers give the same answers', async () => {
  const server = await startScriptedDns({ '*.bench.test': { A: ['192.0.2.1'] } });
  try {
    const figures = await benchResolver(server.address, 200, 20);
    expect(new Set(figures.map(({ hash }) => hash)).size).toBe(1);
    expect(figures.every(({ lookupsPerSecond }) => lookupsPerSecond > 0)).toBe(true);
    expect(server.asked).toHaveLength(400);
  } finally {
    await server.stop();
  }
});
