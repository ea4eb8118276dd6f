// Compiled rule sets kept on disk: the same as compiled anew to the last field, and never anything else.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FILES_ON_DISK } from '../../../config/attached.js';
import { KeptFiles } from '../../../outside/kept-files.js';
import { decodeSet, encodeSet } from '../../../rules/cache/kept-set.js';
import { keyOf, RuleCache } from '../../../rules/cache/rule-cache.js';
import { COMPILE_DEFAULTS } from '../../../rules/compile.js';
import { evaluateRules, type RuleResult } from '../../../rules/evaluate.js';
import { loadRules, type LoadedRules, type LoadOptions } from '../../../rules/load.js';
import { compileSources, sourcesOf } from '../../../rules/sources.js';
import { RuleMail } from '../../../rules/mail/rule-mail.js';
import { parseMessage } from '../../../message/parse.js';
import { TEXT_BYTES_MAX } from '../run.js';

const STOCK = '/usr/share/spamassassin';

/** Every kind of test, setting, refusal and note. */
const RULES = `
util_rb_tld example com net
body SALE /buy\\s+now/i
describe SALE Wants to sell
score SALE 1 1.1 1.2 1.3
rawbody RAW /<b>/
uri LINK m{^https?://bad\\.example/}
full WHOLE /Subject: [^\\n]*\\n\\n/
header __FROM From:addr =~ /^(?<WHO>[a-z]+)@/
body NAMED /dear %{WHO}/
header NO_TO To !~ /./ [if-unset: nobody]
header __TO exists:To
header UNSURE eval:check_for_missing_to_header()
mimeheader __TEXT Content-Type =~ /text\\/plain/
uri_detail DETAIL text =~ /click/ domain !~ /^good\\./
meta BOTH SALE && !__TO
meta MANY rules_matching(__T*) + (RAW ? 2 : SALE * 2) > 1
tflags SALE multiple maxhits=3
priority RAW -5
loadplugin Mail::SpamAssassin::Plugin::Shortcircuit
shortcircuit WHOLE off
test SALE ok buy now
test SALE fail buy later
body BROKEN /(/
header ODD eval:no_such_thing()
meta RING_A RING_B
meta RING_B RING_A
score NOBODY 3
nonsense
include more.cf
include none.cf
trusted_networks 192.0.2/24
`;
const MORE = 'body INCLUDED /offer/\nscore INCLUDED 0.5\n';

const MAIL = [
  'From: Seller <seller@bad.example>\nSubject: offer\nMIME-Version: 1.0\nContent-Type: text/html\n\n',
  '<html><b>Buy now</b>, dear seller! buy  now <a href="http://bad.example/x">click</a></html>\n',
].join('');
const MAILS = [MAIL, 'Subject: x\nTo: a@b.example\n\nbuy later, nothing else\n', '', '\n\n'];

let ground: string;
let rules: string;
let troubles: string[];

beforeEach(() => {
  ground = mkdtempSync(join(tmpdir(), 'weir-rules-'));
  rules = join(ground, 'site.cf');
  writeFileSync(rules, RULES);
  writeFileSync(join(ground, 'more.cf'), MORE);
  troubles = [];
});
afterEach(() => rmSync(ground, { recursive: true, force: true }));

const options: LoadOptions = { core: false, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK };
const cacheDirectory = (): string => join(ground, 'cache');
const keptFiles = (): readonly string[] => readdirSync(cacheDirectory()).map((name) => join(cacheDirectory(), name));

function openCache(): RuleCache {
  const cache = RuleCache.open(cacheDirectory(), (trouble) => troubles.push(trouble));
  if (cache === null) throw new Error(troubles.join());
  return cache;
}

function resultOf({ set, settings }: LoadedRules, mail: string): object {
  const view = new RuleMail(parseMessage(Buffer.from(mail, 'latin1')), null, TEXT_BYTES_MAX, null, { settings });
  const result: RuleResult = evaluateRules(set, view, { deadline: Infinity, monotonicMs: () => 0 });
  const hits = result.hits.map(({ rule, ...hit }) => ({ ...hit, rule: plainOf(rule) }));
  return { ...result, hits, counts: [...result.counts] };
}

/** A rule without what cannot be compared. */
function plainOf(rule: object): unknown {
  return JSON.parse(JSON.stringify(rule, (_, value: unknown) => (value instanceof Set ? [...value] : value)));
}

function expectEqual(one: LoadedRules, other: LoadedRules, mails: readonly string[] = MAILS): void {
  expect(other.refusals).toEqual(one.refusals);
  expect(other.notes).toEqual(one.notes);
  expect(other.settings).toEqual(one.settings);
  expect([...other.set.byName.keys()]).toEqual([...one.set.byName.keys()]);
  for (const mail of mails) expect(resultOf(other, mail)).toEqual(resultOf(one, mail));
}

describe('a kept set', () => {
  it('is in every field what compiling gives', () => {
    const without = loadRules([rules], options);
    const cold = loadRules([rules], { ...options, cache: openCache() });
    const before = readFileSync(keptFiles()[0]!);
    const warm = loadRules([rules], { ...options, cache: openCache() });
    expect(keptFiles()).toHaveLength(1);
    expect(readFileSync(keptFiles()[0]!)).toEqual(before);
    expect(without.refusals.length).toBeGreaterThanOrEqual(5);
    expect(without.notes).toHaveLength(1);
    expectEqual(without, cold);
    expectEqual(without, warm);
    expect((resultOf(warm, MAIL) as RuleResult).hits.length).toBeGreaterThan(4);
    expect(troubles).toEqual([]);
  });

  it('is read, and not made again', () => {
    loadRules([rules], { ...options, cache: openCache() });
    const sources = sourcesOf([rules], options);
    const kept = compileSources(sources, FILES_ON_DISK);
    openCache().write(keyOf(sources), { ...kept, notes: [{ file: 'mark', line: 1, reason: 'kept' }] });
    expect(loadRules([rules], { ...options, cache: openCache() }).notes[0]?.file).toBe('mark');
  });

  it.runIf(existsSync(STOCK))('is the same for the stock rules', { timeout: 120_000 }, () => {
    const cold = loadRules([STOCK], { ...options, cache: openCache() });
    const warm = loadRules([STOCK], { ...options, cache: openCache() });
    expect(warm.set.rules.length).toBeGreaterThan(1_000);
    expectEqual(cold, warm);
    expect(troubles).toEqual([]);
  });

  it('of the core rules is the same', () => {
    const cold = loadRules([], { ...options, core: true, cache: openCache() });
    const warm = loadRules([], { ...options, core: true, cache: openCache() });
    expectEqual(cold, warm);
  });
});

describe('the key', () => {
  const keyWith = (change: Partial<LoadOptions>): string => keyOf(sourcesOf([rules], { ...options, ...change }));

  it('changes with every text and option', () => {
    const { compile } = options;
    const first = keyWith({});
    expect(keyWith({})).toBe(first);
    const others = [
      keyWith({ core: true }),
      keyWith({ compile: { ...compile, scoreSet: 1 } }),
      keyWith({ compile: { ...compile, disabled: new Set(['SALE']) } }),
      keyWith({ compile: { ...compile, scores: new Map([['SALE', 2]]) } }),
      keyWith({ covered: new Map([['SALE', ['RAW']]]) }),
      keyOf(sourcesOf([rules, join(ground, 'more.cf')], options)),
      keyOf(sourcesOf([join(ground, 'more.cf'), rules], options)),
      keyOf(sourcesOf([rules, join(ground, 'absent.cf')], options)),
    ];
    writeFileSync(rules, `${RULES}#`);
    others.push(keyWith({}));
    expect(new Set([first, ...others]).size).toBe(others.length + 1);
  });

  it('is not all: what a file includes is looked at too', () => {
    const load = (): LoadedRules => loadRules([rules], { ...options, cache: openCache() });
    load();
    writeFileSync(join(ground, 'more.cf'), 'body INCLUDED_2 /offer/\n');
    expectEqual(loadRules([rules], options), load());
    expect(load().set.byName.has('INCLUDED_2')).toBe(true);
    writeFileSync(join(ground, 'none.cf'), 'body LATE /offer/\n');
    expect(load().set.byName.has('LATE')).toBe(true);
    rmSync(join(ground, 'more.cf'));
    expectEqual(loadRules([rules], options), load());
    expect(troubles).toEqual([]);
  });
});

describe('what is damaged', () => {
  it('is made again with a trace, whatever is wrong with it', () => {
    const cold = loadRules([rules], { ...options, cache: openCache() });
    const [path] = keptFiles() as [string];
    const whole = readFileSync(path);
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 0xff;
      return bytes;
    };
    const damaged = [
      ...[0, 31, 32, 39, 40, 71, 72, 80, whole.length >> 1, whole.length - 1].map(flipped),
      ...[0, 16, 71, 72, 1_000, whole.length - 1].map((length) => whole.subarray(0, length)),
      Buffer.from('#!/bin/sh\necho no\n'.repeat(100)),
    ];
    for (const bytes of damaged) {
      troubles = [];
      writeFileSync(path, bytes);
      expectEqual(cold, loadRules([rules], { ...options, cache: openCache() }), []);
      expect(troubles).toHaveLength(1);
      expect(troubles[0]).toContain('made again');
      expect(readFileSync(path)).toEqual(whole);
    }
  });

  it('is not believed for being whole: other data under the right key', () => {
    const sources = sourcesOf([rules], options);
    const files = KeptFiles.open(cacheDirectory()) as KeptFiles;
    for (const value of [null, 7, {}, [], [1, 2, 3, 4, 5], new Map(), 'x'.repeat(100)]) {
      troubles = [];
      files.write(keyOf(sources), serialize(value));
      expect(loadRules([rules], { ...options, cache: openCache() }).set.byName.has('SALE')).toBe(true);
      expect(troubles[0]).toContain('holds no rules');
    }
  });

  it('hinders nobody where nothing can be kept', () => {
    const cache = openCache();
    rmSync(cacheDirectory(), { recursive: true });
    const loaded = loadRules([rules], { ...options, cache });
    expect(loaded.set.byName.has('SALE')).toBe(true);
    expect(troubles[0]).toContain('not kept');
    writeFileSync(cacheDirectory(), '');
    expect(RuleCache.open(cacheDirectory(), (trouble) => troubles.push(trouble))).toBeNull();
  });
});

describe('decoding', () => {
  const encoded = (): Buffer => encodeSet(compileSources(sourcesOf([rules], options), FILES_ON_DISK));

  it('takes what was encoded', () => {
    expect(decodeSet(encoded())).not.toBeNull();
  });

  it('refuses a set with any one field of another kind or missing', () => {
    const bytes = encoded();
    const places = placesIn(deserialize(bytes));
    expect(places.length).toBeGreaterThan(300);
    fc.assert(
      fc.property(
        fc.nat(places.length - 1),
        fc.constantFrom(undefined, null, 7.5, 'text', true, []),
        (index, other) => {
          const value: unknown = deserialize(bytes);
          const path = places[index]!;
          const holder = path.slice(0, -1).reduce((at, key) => (at as Record<string, unknown>)[key], value);
          const key = path.at(-1)!;
          const before = (holder as Record<string, unknown>)[key];
          if (kindOf(before) === kindOf(other)) return;
          (holder as Record<string, unknown>)[key] = other;
          const decoded = decodeSet(serialize(value));
          if (decoded !== null && !MAY_BE_NULL.has(key)) expect.fail(`${path.join('.')} as ${String(other)}`);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never throws on bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeSet(bytes)).toBeNull();
        expect(decodeSet(Buffer.concat([Buffer.from([0xff, 0x0f]), bytes]))).toBeNull();
      }),
    );
  });
});

/** Fields that may hold nothing or a text, or what stands inside lists that settings keep. */
const MAY_BE_NULL = new Set(['literals', 'screen', 'linear', 'template', 'ifUnset', 'envelopeSenderHeader']);

/** Paths to every field of the rules and refusals. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Set || value instanceof Map) return [path];
  if (path[0] === '3' && path.length > 1) return [path];
  const inner = Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'list' : typeof value;
}
