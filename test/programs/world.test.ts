// What the world offers stages: one resolver over all reloads, none where look-ups are off, and for a command only the
// server it was given.
import { afterEach, expect, test } from 'vitest';
import type { Configuration } from '../../config/load.js';
import { parseConfiguration } from '../../config/load.js';
import { processesSection } from '../../programs/processes-settings.js';
import { countriesSection } from '../../programs/countries-settings.js';
import { resolverSection } from '../../programs/resolver-settings.js';
import { openCommandWorld, openWorld, type World } from '../../programs/world.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

function settings(text: string): Configuration {
  const loaded = parseConfiguration([resolverSection, countriesSection, processesSection], text, 'weir.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

async function serve(address: string): Promise<ScriptedDns> {
  const server = await startScriptedDns({ '*': { A: [address] } });
  open.push(() => server.stop());
  return server;
}

function keep(world: World): World {
  open.push(() => world.close());
  return world;
}

const on = (server: ScriptedDns): Configuration => settings(`resolver: { servers: ['${server.address}'] }`);
const off = settings('resolver: { enabled: false }');

test('one resolver serves all settings; new servers count once their settings are in force', async () => {
  const [first, second] = [await serve('192.0.2.1'), await serve('192.0.2.2')];
  const world = keep(openWorld(() => undefined));
  const { resolver } = world.outside(on(first));
  expect(await resolver?.lookup('A', 'a.test')).toMatchObject({ records: ['192.0.2.1'] });
  expect(world.outside(on(second)).resolver).toBe(resolver);
  expect(await resolver?.lookup('A', 'b.test')).toMatchObject({ records: ['192.0.2.1'] });
  world.take(on(second));
  expect(await resolver?.lookup('A', 'a.test')).toMatchObject({ records: ['192.0.2.2'] });
});

test('switched off, mail in hand may finish with it; switched on again, there is another', async () => {
  const server = await serve('192.0.2.1');
  const alerts: boolean[] = [];
  const world = keep(openWorld((code, raised) => void (code === 'resolver-failing' && alerts.push(raised))));
  const { resolver } = world.outside(on(server));
  expect(world.outside(off).resolver).toBeNull();
  expect(world.resolver).toBe(resolver);
  world.take(off);
  expect(world.resolver).toBeNull();
  expect(alerts).toEqual([false]);
  expect(await resolver?.lookup('A', 'a.test')).toMatchObject({ status: 'found' });
  const again = world.outside(on(server)).resolver;
  expect(again).not.toBe(resolver);
  expect(await again?.lookup('A', 'a.test')).toMatchObject({ status: 'found' });
});

test('a command asks the server it was given, whatever the settings say, or nobody', async () => {
  const server = await serve('192.0.2.1');
  expect(keep(openCommandWorld(() => undefined, undefined)).outside(on(server)).resolver).toBeNull();
  const { resolver } = keep(openCommandWorld(() => undefined, server.address)).outside(off);
  expect(await resolver?.lookup('A', 'a.test')).toMatchObject({ records: ['192.0.2.1'] });
});
