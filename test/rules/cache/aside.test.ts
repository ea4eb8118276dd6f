// Rule sets compiled in a thread, by built processes: the same set as here, kept once whoever writes it, and an event loop
// that goes on meanwhile.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FILES_ON_DISK } from '../../../config/attached.js';
import { COMPILE_DEFAULTS } from '../../../rules/compile.js';
import { loadRules } from '../../../rules/load.js';

const run = promisify(execFile);
const RULES = 400;
const PROCESSES = 4;
const RUN_MAX_MS = 60_000;

let ground: string;

beforeEach(() => {
  if (!existsSync(resolve('dist', 'rules', 'cache', 'compile-thread.js')))
    throw new Error('dist/ is missing: npm run build');
  ground = mkdtempSync(join(tmpdir(), 'weir-aside-'));
  const lines = Array.from(
    { length: RULES },
    (_, index) =>
      `body R_${index} /(?:word${index}|w[o0]rd ${index})\\s{1,3}(?=next)/i\nmeta M_${index} R_${index} && !R_0\n`,
  );
  writeFileSync(join(ground, 'site.cf'), `${lines.join('')}body WRONG /(/\ninclude more.cf\n`);
  writeFileSync(join(ground, 'more.cf'), 'body MORE /more/\n');
});
afterEach(() => rmSync(ground, { recursive: true, force: true }));

interface Told {
  readonly names: readonly string[];
  readonly refusals: readonly unknown[];
  readonly troubles: readonly string[];
  /** Turns of the event loop meanwhile. */
  readonly turns: number;
}

/** Loads the rules in a process of its own. */
async function load(cache: string | null): Promise<Told> {
  const module = (name: string): string => JSON.stringify(new URL(`../../../dist/${name}`, import.meta.url).href);
  const script = `
    import { FILES_ON_DISK } from ${module('config/attached.js')};
    import { COMPILE_DEFAULTS } from ${module('rules/compile.js')};
    import { RuleCache } from ${module('rules/cache/rule-cache.js')};
    import { loadRulesAside } from ${module('rules/load.js')};
    const troubles = [];
    const directory = ${JSON.stringify(cache)};
    const cache = directory === null ? null : RuleCache.open(directory, (trouble) => troubles.push(trouble));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const options = { core: false, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK, cache };
    const { set, refusals } = await loadRulesAside([${JSON.stringify(join(ground, 'site.cf'))}], options);
    clearInterval(timer);
    console.log(JSON.stringify({ names: [...set.byName.keys()], refusals, troubles, turns }));
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: RUN_MAX_MS });
  return JSON.parse(stdout) as Told;
}

const here = () =>
  loadRules([join(ground, 'site.cf')], { core: false, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK });

it('gives the same set as compiling here, while the event loop turns', async () => {
  const told = await load(null);
  const { set, refusals } = here();
  expect(told.names).toEqual([...set.byName.keys()]);
  expect(told.names).toContain('MORE');
  expect(told.refusals).toEqual(refusals);
  expect(refusals).toHaveLength(1);
  expect(told.turns).toBeGreaterThan(5);
});

it('is kept once, by however many processes at the same time, and then read by all', async () => {
  const cache = join(ground, 'cache');
  const first = await Promise.all(Array.from({ length: PROCESSES }, () => load(cache)));
  const [name, ...others] = readdirSync(cache);
  expect(name).toMatch(/^[0-9a-f]{64}\.kept$/);
  expect(others).toEqual([]);
  const then = await load(cache);
  for (const told of [...first, then]) {
    expect(told.names).toEqual(first[0]!.names);
    expect(told.refusals).toEqual(first[0]!.refusals);
    expect(told.troubles).toEqual([]);
  }
  // Nothing was compiled any more.
  expect(then.turns).toBeLessThanOrEqual(1);
});

it('tells what the thread could not keep, and runs all the same', async () => {
  const cache = join(ground, 'cache');
  const { names } = await load(cache);
  const [file] = readdirSync(cache) as [string];
  rmSync(join(cache, file));
  mkdirSync(join(cache, file));
  const told = await load(cache);
  expect(told.names).toEqual(names);
  expect(told.troubles.join('\n')).toMatch(/made again: .*\n.*not taken away/);
  expect(told.troubles.join('\n')).toContain('compiled rules are not kept');
});
