// Reloading: a good file comes into force and everybody hears of it; a bad one, or one that somebody cannot take, changes
// nothing and says so.
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { ConfigurationHolder, describeOutcome } from '../../config/reload.js';
import { FIXTURE, listenerSection, load } from './fixture.js';

function holderOf(first: string): { holder: ConfigurationHolder; write: (text: string) => void } {
  let text = first;
  const holder = new ConfigurationHolder(load(first), () => parseConfiguration(FIXTURE, text, 'weir.yaml'));
  return { holder, write: (next) => void (text = next) };
}

describe('reload', () => {
  it('brings a good file into force and tells listeners the new and the old', async () => {
    const { holder, write } = holderOf('');
    const heard: unknown[] = [];
    holder.listen((next, previous) => void heard.push([next, previous]));
    const before = holder.current;
    write('listener: {tls: true}');
    const outcome = await holder.reload();
    expect(holder.current.section(listenerSection).tls).toBe(true);
    expect(heard).toEqual([[holder.current, before]]);
    expect(outcome).toEqual({
      kind: 'loaded',
      version: holder.current.version,
      previous: before.version,
      failures: [],
    });
    expect(describeOutcome(outcome)).toEqual([
      `settings changed: version ${holder.current.version} in force, before ${before.version}`,
    ]);
  });

  it('keeps the old in force when the new is bad, and says why', async () => {
    const { holder, write } = holderOf('listener: {tls: true}');
    holder.listen(() => {
      throw new Error('must not be told');
    });
    const before = holder.current;
    write('listener:\n  tsl: true\n');
    const outcome = await holder.reload();
    expect(holder.current).toBe(before);
    expect(describeOutcome(outcome)).toEqual([
      `new settings refused, version ${before.version} stays in force:`,
      'weir.yaml:2:3: unknown key "tsl" in listener; did you mean "tls"?',
    ]);
  });

  it('keeps the old in force when somebody cannot take the new', async () => {
    const { holder, write } = holderOf('');
    holder.prepare(async () => {
      throw new Error('rules.cf:3: unknown word');
    });
    const before = holder.current;
    write('listener: {tls: true}');
    const outcome = await holder.reload();
    expect(outcome.kind).toBe('refused');
    expect(holder.current).toBe(before);
    expect(describeOutcome(outcome)[1]).toBe('weir.yaml: rules.cf:3: unknown word');
  });

  it('tells the others when one listener fails, and reports it', async () => {
    const { holder, write } = holderOf('');
    let told = 0;
    holder.listen(() => {
      throw new Error('no such group');
    });
    holder.listen(() => void (told += 1));
    write('listener: {tls: true}');
    const outcome = await holder.reload();
    expect(told).toBe(1);
    expect(describeOutcome(outcome)[1]).toBe('after the reload: no such group');
  });

  it('tells listeners also when no key changed: the files that settings name may have', async () => {
    const { holder } = holderOf('');
    let told = 0;
    const leave = holder.listen(() => void (told += 1));
    const outcome = await holder.reload();
    expect(told).toBe(1);
    expect(describeOutcome(outcome)).toEqual([
      `settings read again: no key changed, version ${holder.current.version}`,
    ]);
    leave();
    await holder.reload();
    expect(told).toBe(1);
  });

  it('serves requests one after another', async () => {
    const { holder, write } = holderOf('');
    const steps: string[] = [];
    holder.prepare(async (next) => {
      steps.push(`begin ${next.section(listenerSection).connectionsMax}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      steps.push(`end ${next.section(listenerSection).connectionsMax}`);
    });
    write('listener: {connectionsMax: 1}');
    const first = holder.reload();
    await new Promise((resolve) => setTimeout(resolve, 5));
    write('listener: {connectionsMax: 2}');
    await Promise.all([first, holder.reload()]);
    expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2']);
    expect(holder.current.section(listenerSection).connectionsMax).toBe(2);
  });
});
