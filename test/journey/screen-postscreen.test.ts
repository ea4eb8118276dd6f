// The front listener beside Postfix's own postscreen: the same scripted clients, the same mail server behind, the same DNS
// lists. Every client sees of ours what it sees of postscreen, but for the differences that the cases name.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { openDoors, addressOf, type Doors, type Front } from './screen-doors.js';
import { openOwnDoors, type OwnDoors } from './screen-own-doors.js';
import { SCREEN_CASES } from './screen-cases.js';
import type { ScreenCase } from './screen-scripts.js';

const AT_ONCE = 16;

const ready = requirePackage('postfix', 'dnsmasq-base', 'openssl') && requireRoot();

describe.skipIf(!ready)('the front listener beside postscreen', () => {
  let doors: Doors;
  let own: OwnDoors;
  const seen: Record<Front, (readonly string[])[]> = { postscreen: [], weir: [] };

  beforeAll(async () => {
    doors = await openDoors();
    own = await openOwnDoors(doors);
    seen.postscreen = await runAll('postscreen');
    seen.weir = await runAll('weir');
  });
  afterAll(async () => {
    await own?.stop();
    await doors?.stop();
  });

  /** Several at once, since each waits for its greeting by itself; not all, since look-ups are processes of Postfix's. */
  const runAll = async (front: Front): Promise<(readonly string[])[]> => {
    const results: (readonly string[])[] = [];
    for (let at = 0; at < SCREEN_CASES.length; at += AT_ONCE) {
      results.push(...(await Promise.all(SCREEN_CASES.slice(at, at + AT_ONCE).map((one) => runOne(one, front)))));
    }
    return results;
  };

  const runOne = (testCase: ScreenCase, front: Front): Promise<readonly string[]> => {
    const door = front === 'postscreen' ? doors.postscreen(testCase.setup) : own.door(testCase.setup);
    return testCase.run(door, addressOf(testCase, front)).catch((error: Error) => [error.message]);
  };

  it.each(SCREEN_CASES.map((testCase, at) => [testCase.name, at] as const))('%s', (_name, at) => {
    const testCase = SCREEN_CASES[at];
    expect(seen.postscreen[at]).toEqual(testCase?.sees);
    expect(seen.weir[at]).toEqual(testCase?.ours?.sees ?? testCase?.sees);
  });
});
