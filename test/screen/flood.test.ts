// A crowd of clients that are silent, talk early, reset, half-close, trickle and behave, by a seed: whatever they do, the
// good ones are served, every counter comes back to nothing, and no handle is left.
import { describe, expect, it } from 'vitest';
import { startMta, startScreen, until, type RawClient, type ScreenWorld } from './ground.js';

const CLIENTS = 1_200;
const AT_ONCE = 150;
const SEED = 20_260_301;
const WAIT_MS = 6_000;

/** Numbers from 0 to below 1, the same each time (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Behaviour = (client: RawClient, random: () => number) => void;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  silent: () => undefined,
  talks: (client) => client.send('EHLO zombie\r\nMAIL FROM:<a@z.test>\r\nRCPT TO:<b@own.test>\r\nDATA\r\n'),
  trickles: (client) => client.send('E'),
  floods: (client) => client.send(Buffer.alloc(200_000, 'x')),
  resets: (client) => void client.socket.resetAndDestroy(),
  leaves: (client) => void client.socket.destroy(),
  halfCloses: (client) => void client.socket.end(),
  readsNothing: (client) => void client.socket.pause(),
  good: () => undefined,
};

async function wave(world: ScreenWorld, kinds: readonly string[], random: () => number): Promise<void> {
  const clients = await Promise.all(
    kinds.map(async (kind, index) => {
      const client = await world.from(`2001:db8:${((random() * 60_000) | 0).toString(16)}::${index}`);
      return { client, kind };
    }),
  );
  for (const { client, kind } of clients) BEHAVIOURS[kind]?.(client, random);
  const good = clients.filter(({ kind }) => kind === 'good');
  await Promise.all(good.map(({ client }) => client.sees('220-')));
  world.clock.move(WAIT_MS);
  await Promise.all(good.map(({ client }) => client.sees('220 mta')));
  for (const { client } of clients) client.socket.destroy();
  await until('nobody left', () => {
    world.clock.move(WAIT_MS);
    return world.screen.stats().connections === 0;
  });
}

describe('a crowd of all kinds', () => {
  it('leaves nothing, and never keeps good clients from being served', async () => {
    const mta = await startMta();
    const world = await startScreen({ upstream: mta.upstream, pregreetAction: 'enforce', handoffsMax: 500 });
    const random = randomFrom(SEED);
    const names = Object.keys(BEHAVIOURS);
    const handlesBefore = process.getActiveResourcesInfo().length;
    for (let done = 0; done < CLIENTS; done += AT_ONCE) {
      const kinds = Array.from({ length: AT_ONCE }, () => names[(random() * names.length) | 0] ?? 'good');
      await wave(world, kinds, random);
    }
    expect(world.screen.stats()).toMatchObject({
      accepted: CLIENTS,
      connections: 0,
      screened: 0,
      handoffs: 0,
      spliced: 0,
      stress: false,
    });
    for (const { socket } of mta.connections) socket.destroy();
    await until('no handle more than before', () => process.getActiveResourcesInfo().length <= handlesBefore + 2);
  });
});
