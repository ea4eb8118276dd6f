// A good file: defaults filled in, values frozen, places known, and a version that follows the effective settings.
import { describe, expect, it } from 'vitest';
import { defaultConfiguration } from '../../config/load.js';
import { FIXTURE, listenerSection, load, verdictSection } from './fixture.js';

describe('a good file', () => {
  it('may be empty, a comment, or a section without keys', () => {
    const version = defaultConfiguration(FIXTURE).version;
    for (const text of ['', '# nothing\n', '---\n', 'listener:\n', 'listener: {}\n', '\uFEFFlistener:\n']) {
      expect(load(text).version, JSON.stringify(text)).toBe(version);
    }
  });

  it('keeps defaults beside what it sets, also inside nested maps', () => {
    const configuration = load('verdict:\n  caps:\n    lists: 3\n  tagAt: null\n');
    expect(configuration.section(verdictSection)).toEqual({
      tagAt: null,
      rejectAt: 15,
      virus: 'quarantine',
      caps: { rules: 20, lists: 3 },
      names: ['a.example'],
      scores: {},
      recipients: [],
    });
    expect(configuration.section(listenerSection).connectionsMax).toBe(100);
  });

  it('leaves an optional key absent rather than at a default', () => {
    const [one] = load('verdict: {recipients: [{recipient: a}]}').section(verdictSection).recipients;
    expect(one).toEqual({ recipient: 'a' });
    expect(Object.hasOwn(one ?? {}, 'tagAt')).toBe(false);
  });

  it('takes flow style, quotes, anchors and aliases', () => {
    const text = 'listener: {"tls": true, connectionsMax: &n 7}\nverdict:\n  rejectAt: *n\n  "scores": {A_RULE: 1.5}\n';
    const configuration = load(text);
    expect(configuration.section(listenerSection)).toMatchObject({ tls: true, connectionsMax: 7 });
    expect(configuration.section(verdictSection)).toMatchObject({ rejectAt: 7, scores: { A_RULE: 1.5 } });
  });

  it('is frozen to the bottom', () => {
    const settings = load('verdict: {recipients: [{recipient: a}]}').section(verdictSection);
    for (const value of [settings, settings.caps, settings.names, settings.scores, settings.recipients[0]]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
    expect(() => settings.names.push('b')).toThrow(TypeError);
  });

  it('gives a map with free keys that inherits nothing', () => {
    const { scores } = load('verdict: {scores: {A: 1}}').section(verdictSection);
    expect(Object.getPrototypeOf(scores)).toBeNull();
    expect(Object.getPrototypeOf(load('').section(verdictSection).scores)).toBeNull();
    expect(scores['constructor']).toBeUndefined();
  });

  it('knows the place of every key it sets, and none of others', () => {
    const configuration = load('\nlistener:\n  tls: true\nverdict:\n  caps:\n    lists: 3\n  scores:\n    A_B: 1\n');
    expect(configuration.origin('listener.tls')).toEqual({ file: 'weir.yaml', line: 3, column: 3 });
    expect(configuration.origin(['verdict', 'caps', 'lists'])?.line).toBe(6);
    expect(configuration.origin(['verdict', 'scores', 'A_B'])?.line).toBe(8);
    for (const path of ['listener.address', 'verdict.caps.rules', 'nothing', '']) {
      expect(configuration.origin(path), path).toBeNull();
    }
  });

  it('has a version that follows the effective settings and nothing else', () => {
    const defaults = defaultConfiguration(FIXTURE).version;
    expect(defaults).toMatch(/^[0-9a-f]{12}$/);
    expect(load('# other text\nlistener:\n  tls: false\n').version).toBe(defaults);
    expect(load('listener: {tls: true}').version).not.toBe(defaults);
    const scores = (text: string) => load(`verdict: {scores: {${text}}}`).version;
    expect(scores('A: 1, B: 2')).toBe(scores('B: 2, A: 1'));
    expect(scores('A: 1, B: 2')).not.toBe(scores('A: 2, B: 1'));
  });

  it('keeps the text it was read from', () => {
    expect(load('listener: {tls: true}').text).toBe('listener: {tls: true}');
  });
});

describe('declarations', () => {
  it('asking for a section that was not declared is a bug', () => {
    const stranger = { ...listenerSection, name: 'constructor' };
    expect(() => load('').section(stranger)).toThrow('no section constructor was declared');
  });

  it('two sections of one name are a bug', () => {
    expect(() => defaultConfiguration([listenerSection, listenerSection])).toThrow('declared twice');
  });
});
