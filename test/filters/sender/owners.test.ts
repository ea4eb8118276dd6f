// Which logins an address belongs to: keys as Postfix tries them, files as its tables are written, and real tables asked
// through postmap.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  fileSource,
  firstOf,
  keysOf,
  readOwnerFile,
  tableSource,
  type Owners,
} from '../../../filters/sender/owners.js';
import { openPostfixTables, type PostfixTables } from '../../../outside/postmap.js';
import { movedClock } from '../../ground/state.js';
import { makePlace, type Place } from '../../ground/place.js';

const logins = (owners: Owners) => ('failure' in owners ? owners.failure : [...owners.logins]);

describe('keys of an address', () => {
  it('go from the address over the one without extension to the domain', () => {
    expect(keysOf('Ann+Lists@House.Test', '+')).toEqual(['ann+lists@house.test', 'ann@house.test', '@house.test']);
    expect(keysOf('ann-x@house.test', '+-')).toEqual(['ann-x@house.test', 'ann@house.test', '@house.test']);
    expect(keysOf('ann+x@house.test', '')).toEqual(['ann+x@house.test', '@house.test']);
    expect(keysOf('+ann@house.test', '+')).toEqual(['+ann@house.test', '@house.test']);
    expect(keysOf('ann@BÜCHER.test', '+')).toEqual(['ann@xn--bcher-kva.test', '@xn--bcher-kva.test']);
    expect(keysOf('ann', '+')).toEqual(['ann']);
  });
});

describe('a file of owners', () => {
  const text = `# who may send as whom
ann@house.test   ann, ANN@house.test
team@house.test  ann,bob
  eve
@Other.Test\tcarol
nobody@house.test
`;
  const source = fileSource(readOwnerFile([{ file: 'logins', text: Buffer.from(text).toString('latin1') }]), '+');
  const owners = async (address: string) => logins(await source.owners(address));

  it('is read as the source of a Postfix table', async () => {
    expect(await owners('Ann@house.test')).toEqual(['ann', 'ann@house.test']);
    expect(await owners('ann+tag@house.test')).toEqual(['ann', 'ann@house.test']);
    expect(await owners('team@house.test')).toEqual(['ann', 'bob', 'eve']);
    expect(await owners('anybody@other.test')).toEqual(['carol']);
    expect(await owners('nobody@house.test')).toEqual([]);
    expect(await owners('stranger@outside.test')).toEqual([]);
  });

  it('holds no key but its own: names of object members are strangers', async () => {
    for (const address of ['__proto__', 'constructor', 'toString@house.test'])
      expect(await owners(address)).toEqual([]);
  });
});

describe('tables of Postfix', () => {
  let place: Place;
  let tables: PostfixTables;
  const clock = movedClock();
  const inline = 'inline:{ {ann@house.test = ann, bob}, {@other.test = carol} }';

  beforeAll(() => {
    place = makePlace('owners');
    const etc = join(place.directory, 'etc');
    mkdirSync(etc);
    writeFileSync(
      join(etc, 'main.cf'),
      `compatibility_level = 3.6\nsmtpd_sender_login_maps = texthash:${etc}/logins, texthash:${etc}/more\n`,
    );
    writeFileSync(join(etc, 'logins'), 'ann@house.test ann\n-q@house.test dash\n');
    writeFileSync(join(etc, 'more'), 'ann@house.test other\n@house.test all\n');
    tables = openPostfixTables(clock, etc);
  });
  afterAll(() => place.remove());

  it('are those that main.cf names, asked in their order, key by key', async () => {
    const names = await tables.tablesOf('smtpd_sender_login_maps');
    expect(names.map((name) => name.slice(name.lastIndexOf('/') + 1))).toEqual(['logins', 'more']);
    const source = tableSource(tables, names, '+');
    expect(logins(await source.owners('ann@house.test'))).toEqual(['ann']);
    expect(logins(await source.owners('ann+x@house.test'))).toEqual(['ann']);
    expect(logins(await source.owners('bob@house.test'))).toEqual(['all']);
    expect(logins(await source.owners('-q@house.test'))).toEqual(['dash']);
    expect(logins(await source.owners('ann@outside.test'))).toEqual([]);
  });

  it('take hostile addresses for keys and nothing else', async () => {
    const source = tableSource(tables, [inline], '+');
    for (const address of ['$(touch x)@house.test', '"; id"@x', 'a\nann@house.test', '-c', '--', '', 'x'.repeat(2_000)])
      expect(logins(await source.owners(address)), address.slice(0, 40)).toEqual([]);
    expect(logins(await source.owners('ann@house.test'))).toEqual(['ann', 'bob']);
  });

  it('that cannot be read are a failure, never nobody', async () => {
    const source = tableSource(tables, ['texthash:/nonexistent/logins'], '+');
    expect(logins(await source.owners('ann@house.test'))).toMatch(/nonexistent/);
    const strange = tableSource(tables, ['nosuchtype:x'], '+');
    expect(logins(await strange.owners('ann@house.test'))).toMatch(/nosuchtype|unsupported/);
  });

  it('are asked again once an answer is old, and after a failure at once', async () => {
    const file = join(place.directory, 'changing');
    const source = tableSource(tables, [`texthash:${file}`], '');
    expect(logins(await source.owners('ann@house.test'))).toMatch(/changing/);
    writeFileSync(file, 'ann@house.test one\n');
    expect(logins(await source.owners('ann@house.test'))).toEqual(['one']);
    writeFileSync(file, 'ann@house.test two\n');
    expect(logins(await source.owners('ann@house.test'))).toEqual(['one']);
    clock.pass(60_001);
    expect(logins(await source.owners('ann@house.test'))).toEqual(['two']);
  });

  it('answer many at once, a few programs at a time', async () => {
    const source = tableSource(tables, [inline], '');
    const found = await Promise.all(
      Array.from({ length: 40 }, (_, index) => Promise.resolve(source.owners(`x${index}@other.test`))),
    );
    expect(found.map(logins).every((one) => one[0] === 'carol')).toBe(true);
  });

  it('come after a file: the first source that knows an owner decides, a failure stops', async () => {
    const file = fileSource(new Map([['ann@house.test', new Set(['file'])]]), '');
    const table = tableSource(tables, [inline], '');
    const both = firstOf([file, table]);
    expect(logins(await both.owners('ann@house.test'))).toEqual(['file']);
    expect(logins(await both.owners('x@other.test'))).toEqual(['carol']);
    const broken = firstOf([tableSource(tables, ['texthash:/nonexistent'], ''), file]);
    expect(logins(await broken.owners('ann@house.test'))).toMatch(/nonexistent/);
  });
});
