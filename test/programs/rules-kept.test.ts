// `weir rules hits` keeps compiled rules in the user's cache directory: where it may, and only there.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openRules } from '../../programs/rules/engine.js';
import { openUserCache, userCacheDirectory } from '../../programs/rules/user-cache.js';
import { COMPILE_DEFAULTS } from '../../rules/compile.js';

let ground: string;
let told: string[];

beforeEach(() => {
  ground = mkdtempSync(join(tmpdir(), 'weir-user-'));
  writeFileSync(join(ground, 'a.cf'), 'body A /x/\n');
  told = [];
  vi.stubEnv('XDG_CACHE_HOME', join(ground, 'caches'));
  vi.stubEnv('WEIR_DEBUG', undefined);
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => told.push(String(chunk)) > 0);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(ground, { recursive: true, force: true });
});

const directory = (): string => join(ground, 'caches', 'weir');

function load(tells = false): readonly string[] {
  const { set } = openRules([join(ground, 'a.cf')], false, COMPILE_DEFAULTS, openUserCache(tells));
  return [...set.byName.keys()];
}

it('lies below XDG_CACHE_HOME, else below the home, and nowhere without one', () => {
  expect(userCacheDirectory()).toBe(directory());
  vi.stubEnv('XDG_CACHE_HOME', 'relative');
  vi.stubEnv('HOME', ground);
  expect(userCacheDirectory()).toBe(join(ground, '.cache', 'weir'));
  vi.stubEnv('HOME', join(ground, 'no-home'));
  expect(userCacheDirectory()).toBeNull();
  expect(load(true)).toEqual(['A']);
  expect(existsSync(join(ground, 'no-home'))).toBe(false);
});

it('is made for its owner alone and found again', () => {
  expect(load()).toEqual(['A']);
  expect(load(true)).toEqual(['A']);
  expect(readdirSync(directory())).toHaveLength(1);
  expect(statSync(directory()).mode & 0o777).toBe(0o700);
  expect(told).toEqual([]);
});

it('says what was damaged at any time, why nothing is kept when asked for details', () => {
  load();
  truncateSync(join(directory(), readdirSync(directory())[0]!), 100);
  expect(load()).toEqual(['A']);
  expect(told.join('')).toContain('kept rules are made again: it is not what was written');
  told = [];
  chmodSync(directory(), 0o777);
  expect(load()).toEqual(['A']);
  expect(told).toEqual([]);
  expect(load(true)).toEqual(['A']);
  expect(told.join('')).toContain('others may write to it');
});

it('hinders nobody where it cannot be', () => {
  mkdirSync(join(ground, 'caches'));
  writeFileSync(directory(), '');
  expect(load(true)).toEqual(['A']);
  expect(told.join('')).toContain('no directory');
});
