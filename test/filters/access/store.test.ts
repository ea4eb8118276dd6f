// The store of rules on a real file, and how every process sees a change at once: a book beside it, read again only where
// something changed.
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessBook, borrowBook } from '../../../filters/access/book.js';
import { makeRule, type RuleBody, type RuleWish } from '../../../filters/access/rule.js';
import { accessFile, openAccessStore, TooManyRulesError, type AccessStore } from '../../../filters/access/store.js';
import { change, openDatabase } from '../../../outside/database.js';
import { movedClock, type MovedClock } from '../../ground/state.js';

const DAY_MS = 86_400_000;

function body(effect: string, kind: string, value: string, more: Partial<RuleWish> = {}): RuleBody {
  const made = makeRule({ effect, kind, value, ...more });
  if ('fault' in made) throw new Error(made.fault.expected);
  return made.rule;
}

describe('the store of rules', () => {
  let dir: string;
  let clock: MovedClock;
  let store: AccessStore;
  const books: AccessBook[] = [];
  const troubles: string[] = [];

  beforeEach(async () => {
    dir = join(mkdtempSync(join(tmpdir(), 'weir-access-')), 'access');
    clock = movedClock();
    store = await openAccessStore(dir, clock);
    troubles.length = 0;
  });
  afterEach(async () => {
    for (const book of books.splice(0)) await book.close();
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const openBook = async (): Promise<AccessBook> => {
    const onTrouble = (raised: boolean, detail: string): void => void troubles.push(`${String(raised)} ${detail}`);
    const book = await AccessBook.open({ dir, clock, make: false, onTrouble });
    books.push(book);
    return book;
  };
  const clientsIn = async (book: AccessBook): Promise<readonly string[]> =>
    [...(await book.current()).rules()].map(({ value }) => value).sort();

  it('is private to its owner', () => {
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(accessFile(dir)).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'access.generation')).mode & 0o777).toBe(0o600);
  });

  it('gives back what was put in, keeps what is there, and replaces it where asked to', async () => {
    const first = body('reject', 'ip', '192.0.2.1', { note: 'a "note"', expiresAt: clock.now() + DAY_MS });
    const [added] = await store.add([first], 'ann');
    expect(await store.get(added?.id ?? '')).toEqual({
      ...first,
      id: added?.id,
      author: 'ann',
      createdAt: clock.now(),
    });
    const again = body('allow', 'ip', '192.0.2.1', { skips: 'dnsbl,spf' });
    expect(await store.add([again], 'bob')).toEqual([{ id: added?.id, outcome: 'exists' }]);
    expect((await store.get(added?.id ?? ''))?.effect).toBe('reject');
    expect(await store.add([again], 'bob', 'replace')).toEqual([{ id: added?.id, outcome: 'replaced' }]);
    const replaced = await store.get(added?.id ?? '');
    expect(replaced).toMatchObject({ effect: 'allow', author: 'bob', skips: ['dnsbl', 'spf'], expiresAt: null });
  });

  it('lists newest first, page by page, by word and property', async () => {
    const rules = Array.from({ length: 25 }, (_, index) => body('reject', 'ip', `192.0.2.${String(index)}`));
    await store.add(rules, 'ann');
    await store.add([body('allow', 'domain', 'partner.example', { note: 'Straße' })], 'ann');
    const seen: string[] = [];
    for (let before: string | undefined; ;) {
      const page = await store.list({ effect: 'reject' }, 10, before);
      seen.push(...page.map(({ value }) => value));
      before = page.at(-1)?.id;
      if (page.length < 10) break;
    }
    expect(seen).toEqual(rules.map(({ value }) => value).reverse());
    expect((await store.list({ text: 'STRASSE' }, 10)).length + (await store.list({ text: 'straße' }, 10)).length).toBe(
      1,
    );
    expect(await store.list({ text: "x' OR 1=1 --" }, 10)).toEqual([]);
    expect((await store.list({ kind: 'domain', state: 'on' }, 10)).map(({ value }) => value)).toEqual([
      'partner.example',
    ]);
  });

  it('changes rules, never into one that is there already or is not sound', async () => {
    const [one, other] = await store.add([body('reject', 'ip', '192.0.2.1'), body('reject', 'ip', '192.0.2.2')], 'ann');
    expect(await store.change(one?.id ?? '', { enabled: false, note: 'off' })).toMatchObject({
      enabled: false,
      note: 'off',
    });
    expect(await store.change(one?.id ?? '', { value: '192.0.2.2' })).toMatchObject({ key: 'value' });
    expect(await store.change(one?.id ?? '', { value: 'nonsense' })).toMatchObject({ key: 'value' });
    expect(await store.change('nobody', { note: 'x' })).toBeNull();
    expect((await store.list({ state: 'off' }, 10)).map(({ id }) => id)).toEqual([one?.id]);
    expect(await store.get(other?.id ?? '')).toMatchObject({ value: '192.0.2.2', enabled: true });
  });

  it('lets expired rules go after a while, by the clock it was given', async () => {
    await store.add(
      [body('reject', 'ip', '192.0.2.1', { expiresAt: clock.now() + DAY_MS }), body('reject', 'ip', '192.0.2.2')],
      'ann',
    );
    expect(await store.list({ state: 'expired' }, 10)).toEqual([]);
    clock.pass(DAY_MS);
    expect((await store.list({ state: 'expired' }, 10)).map(({ value }) => value)).toEqual(['192.0.2.1']);
    expect(await store.removeExpired(clock.now() - DAY_MS)).toEqual([]);
    clock.pass(DAY_MS + 1);
    expect(await store.removeExpired(clock.now() - DAY_MS)).toHaveLength(1);
    expect(await store.count()).toBe(1);
  });

  it('takes so many rules of one user and no more', async () => {
    const many = Array.from({ length: 10_001 }, (_, index) =>
      body('allow', 'sender', `s${String(index)}@x.test`, { scope: 'user:bob@here.example' }),
    );
    await expect(store.add(many, 'bob')).rejects.toBeInstanceOf(TooManyRulesError);
    expect(await store.count()).toBe(0);
    await store.add(many.slice(1), 'bob');
    expect(await store.count()).toBe(10_000);
    await expect(store.add(many.slice(0, 1), 'bob')).rejects.toThrow('user:bob@here.example');
  });

  it('refuses a file that a newer program wrote', async () => {
    await store.close();
    const database = await openDatabase({ path: accessFile(dir) });
    await database.write([change('UPDATE schema_version SET version = 99')]);
    await database.close();
    await expect(openAccessStore(dir, clock)).rejects.toMatchObject({ code: 'SCHEMA_NEWER' });
    const repaired = await openDatabase({ path: accessFile(dir) });
    await repaired.write([change('UPDATE schema_version SET version = 1')]);
    await repaired.close();
    store = await openAccessStore(dir, clock);
  });

  it('is in force in every book as soon as a change is made, and read only then', async () => {
    const [one, two] = [await openBook(), await openBook()];
    const [added] = await store.add([body('reject', 'ip', '192.0.2.1'), body('reject', 'ip', '192.0.2.2')], 'ann');
    for (const book of [one, two]) expect(await clientsIn(book)).toEqual(['192.0.2.1', '192.0.2.2']);
    // Nothing changed since: the answer is at hand.
    expect(one.current()).not.toBeInstanceOf(Promise);
    await store.change(added?.id ?? '', { value: '192.0.2.9' });
    expect(await clientsIn(one)).toEqual(['192.0.2.2', '192.0.2.9']);
    await store.remove([added?.id ?? '']);
    for (const book of [one, two]) expect(await clientsIn(book)).toEqual(['192.0.2.2']);
    expect(troubles).toEqual([]);
  });

  it('is read whole where more was removed than is remembered', async () => {
    const rules = Array.from({ length: 10_500 }, (_, index) =>
      body('reject', 'ip', `10.1.${String(index >> 8)}.${String(index & 255)}`),
    );
    const added = await store.add(rules, 'ann');
    const book = await openBook();
    expect((await book.current()).size).toBe(10_500);
    await store.remove(added.slice(0, 10_400).map(({ id }) => id));
    await store.add([body('reject', 'ip', '192.0.2.1')], 'ann');
    expect((await book.current()).size).toBe(101);
  });

  it('is seen when its first rule comes after the book was opened', async () => {
    await store.close();
    rmSync(dir, { recursive: true });
    const book = await openBook();
    expect(await clientsIn(book)).toEqual([]);
    store = await openAccessStore(dir, clock);
    await store.add([body('reject', 'ip', '192.0.2.1')], 'ann');
    clock.pass(3_000);
    expect(await clientsIn(book)).toEqual(['192.0.2.1']);
  });

  it('another file in its place is another store: nothing of the old one stays', async () => {
    await store.add([body('reject', 'ip', '192.0.2.1'), body('reject', 'ip', '192.0.2.2')], 'ann');
    const book = await openBook();
    expect(await clientsIn(book)).toHaveLength(2);
    await store.close();
    rmSync(dir, { recursive: true });
    store = await openAccessStore(dir, clock);
    await store.add([body('reject', 'ip', '198.51.100.1')], 'ann');
    clock.pass(60_000);
    expect(await clientsIn(book)).toEqual(['198.51.100.1']);
  });

  it('that cannot be read leaves the rules known last in force, with an alert until it can', async () => {
    const [added] = await store.add([body('reject', 'ip', '192.0.2.1')], 'ann');
    const book = await openBook();
    const database = await openDatabase({ path: accessFile(dir) });
    await database.write([change('ALTER TABLE access_rule RENAME TO hidden')]);
    await expect(store.remove([added?.id ?? ''])).rejects.toThrow();
    await openAccessStore(dir, clock).then((other) => other.close());
    expect(await clientsIn(book)).toEqual(['192.0.2.1']);
    expect(troubles).toEqual([expect.stringContaining('true no such table')]);
    await database.write([change('ALTER TABLE hidden RENAME TO access_rule')]);
    await database.close();
    clock.pass(2_000);
    await store.add([body('reject', 'ip', '192.0.2.2')], 'ann');
    expect(await clientsIn(book)).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(troubles[1]).toContain('false');
  });

  it('may be one that another process is only just making', async () => {
    const begun = join(dir, 'begun');
    mkdirSync(begun, { mode: 0o700 });
    const database = await openDatabase({ path: accessFile(begun) });
    const book = await AccessBook.open({ dir: begun, clock, make: true, onTrouble: () => undefined });
    books.push(book);
    expect((await book.current()).size).toBe(0);
    await database.close();
  });

  it('is compiled once for all stages of a process', async () => {
    const options = { dir, clock, make: true, onTrouble: () => undefined };
    const [one, two] = await Promise.all([borrowBook(options), borrowBook(options)]);
    expect(one.book).toBe(two.book);
    await one.giveBack();
    await store.add([body('reject', 'ip', '192.0.2.1')], 'ann');
    expect((await two.book.current()).size).toBe(1);
    await two.giveBack();
    const three = await borrowBook(options);
    expect(three.book).not.toBe(one.book);
    await three.giveBack();
  });
});
