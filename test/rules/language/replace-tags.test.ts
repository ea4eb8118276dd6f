// Tags in patterns: sets as large as those of public rule sets, whose longest pattern comes to more than 220,000 characters.
import { describe, expect, it } from 'vitest';
import { expand, type ReplaceTags } from '../../../rules/language/replace-tags.js';

const tagsOf = (tags: Readonly<Record<string, string>>): ReplaceTags => ({
  start: '<',
  end: '>',
  tags: new Map(Object.entries(tags)),
  pre: new Map(),
  inter: new Map(),
  post: new Map(),
  rules: new Set(),
});

describe('expand', () => {
  it('replaces tags, and tags inside them', () => {
    expect(expand({ source: 'v<I>agra', flags: 'i' }, tagsOf({ I: '(?:i|<ONE>)', ONE: '[1l]' }))).toEqual({
      source: 'v(?:i|[1l])agra',
      flags: 'i',
    });
  });

  it('does so where that gives a pattern of 220,000 characters', () => {
    const { source } = expand({ source: '<A>'.repeat(220), flags: '' }, tagsOf({ A: `[${'a'.repeat(998)}]` }));
    expect(source).toHaveLength(220_000);
    expect(source).not.toContain('<A>');
  });
});
