// Every stage is listed, documented and tested, and declares itself whole: settings with bounds and sentences, findings
// with names of their own.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STAGES } from '../../filters/index.js';
import { CATEGORIES, SCORE_GROUPS } from '../../pipeline/finding.js';
import { HOUSE_SECTIONS } from '../../programs/sections.js';
import { ROOT } from './tree.js';

const specs = STAGES.map(({ spec }) => spec);

function folders(path: string): readonly string[] {
  return readdirSync(join(ROOT, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

describe('stages', () => {
  it('are the folders of filters/, each listed once', () => {
    expect(specs.map(({ name }) => name).sort()).toEqual(folders('filters'));
  });

  it('have a page of the reference and tests of their own', () => {
    const tests = readdirSync(join(ROOT, 'test/filters'));
    for (const { name } of specs) {
      expect(existsSync(join(ROOT, 'docs/reference/stages', `${name}.md`)), `page of ${name}`).toBe(true);
      expect(
        tests.some((one) => one === name || one.startsWith(`${name}.`)),
        `tests of ${name}`,
      ).toBe(true);
    }
  });

  it('have names that no other section has', () => {
    const taken = new Set(HOUSE_SECTIONS.map(({ name }) => name));
    expect(specs.filter(({ name }) => taken.has(name))).toEqual([]);
    for (const { name } of specs) expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
  });

  it('read only the results of stages before them', () => {
    const before = new Set<string>();
    for (const { name, needs } of specs) {
      for (const need of needs) expect(before.has(need), `${name} needs ${need}`).toBe(true);
      before.add(name);
    }
  });

  it('run at some moment, in some direction, within some time', () => {
    for (const { name, runsAt, directions, timeLimitMs, summary } of specs) {
      expect(runsAt.length, name).toBeGreaterThan(0);
      expect(directions.length, name).toBeGreaterThan(0);
      expect(timeLimitMs, name).toBeGreaterThan(0);
      expect(summary, name).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('findings', () => {
  const findings = specs.flatMap(({ name, findings: declared }) =>
    declared.map((finding) => ({ stage: name, ...finding })),
  );

  it('are named in UPPER_SNAKE, each by one stage alone', () => {
    const seen = new Map<string, string>();
    for (const { id, stage } of findings) {
      expect(id).toMatch(/^(\*|[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_?\*?)$/);
      expect(seen.get(id), id).toBeUndefined();
      seen.set(id, stage);
    }
  });

  it('of a family lie under no name of another stage', () => {
    for (const family of findings.filter(({ id }) => id.endsWith('*') && id !== '*')) {
      const prefix = family.id.slice(0, -1);
      const strangers = findings.filter(({ id, stage }) => stage !== family.stage && id.startsWith(prefix));
      expect(strangers.map(({ id }) => id)).toEqual([]);
    }
  });

  it('have a category, a finite score and a sentence; a group only within spam', () => {
    for (const { id, category, group, score, meaning } of findings) {
      expect(CATEGORIES, id).toContain(category);
      if (group !== undefined) expect(SCORE_GROUPS, id).toContain(group);
      expect(category === 'spam' || group === undefined, id).toBe(true);
      expect(Number.isFinite(score), id).toBe(true);
      expect(meaning, id).toMatch(/\.$/);
    }
  });
});
