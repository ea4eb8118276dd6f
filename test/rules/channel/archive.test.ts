// Archives of channels: plain rule files are taken; whatever is damaged, hostile or too large is an error before any of it
// is used.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { readArchive } from '../../../rules/channel/archive.js';
import { ArchiveError, readTar } from '../../../rules/channel/tar.js';
import { makeTar, type TarEntry } from '../../ground/tar.js';

const RULES = 'body WORD /xylophone/\n';
const pack = (entries: readonly TarEntry[]): Buffer => gzipSync(makeTar(entries));
const record = (text: string): string => {
  const length = text.length + 3;
  return `${length} ${text}`;
};

describe('a tar archive', () => {
  it('gives its files, with or without a dot before them, beside its top directory and times', () => {
    const bytes = makeTar([
      { name: './', type: '5' },
      { name: 'pax', type: 'x', content: record('mtime=1.5\n') },
      { name: './a.cf', content: 'one' },
      { name: 'b.cf', content: '' },
      { name: 'c.cf', content: 'x'.repeat(512), type: '\0' },
    ]);
    expect(readTar(bytes).map(({ name, content }) => [name, content.length])).toEqual([
      ['a.cf', 3],
      ['b.cf', 0],
      ['c.cf', 512],
    ]);
  });

  const BAD: readonly (readonly [string, readonly TarEntry[], string])[] = [
    ['a size beyond the end', [{ name: '1.cf', content: RULES, size: 9_999 }], 'middle'],
    ['a damaged header', [{ name: '1.cf', content: RULES, damaged: true }], 'damaged'],
    ['a name that leads out', [{ name: '../1.cf' }], 'a file called'],
    ['an absolute name', [{ name: '/etc/1.cf' }], 'a file called'],
    ['a name in a directory', [{ name: 'a/1.cf' }], 'a file called'],
    ['a name with a backslash', [{ name: 'a\\1.cf' }], 'a file called'],
    ['a name with a newline', [{ name: 'a\n1.cf' }], 'a file called'],
    ['a hidden name', [{ name: '.1.cf' }], 'a file called'],
    ['a name that is an option', [{ name: '-1.cf' }], 'a file called'],
    ['no name', [{ name: '' }], 'a file called'],
    ['a prefix', [{ name: '1.cf', prefix: '../..' }], 'directory'],
    ['a symbolic link', [{ name: '1.cf', type: '2', link: '/etc/passwd' }], 'a link'],
    ['a hard link', [{ name: '1.cf', type: '1', link: '/etc/passwd' }], 'a link'],
    ['a device', [{ name: '1.cf', type: '3' }], 'no plain file'],
    ['a pipe', [{ name: '1.cf', type: '6' }], 'no plain file'],
    ['a long name of GNU', [{ name: '././@LongLink', type: 'L', content: '../../x' }], 'no plain file'],
    ['a directory', [{ name: 'rules/', type: '5' }], 'a directory'],
    ['a moved file', [{ name: 'x', type: 'x', content: record('path=../../x.cf\n') }], 'extended header'],
    ['a resized file', [{ name: 'x', type: 'x', content: record('size=99999\n') }], 'extended header'],
    ['a sparse file', [{ name: 'x', type: 'x', content: record('GNU.sparse.major=1\n') }], 'extended header'],
    ['a broken extended header', [{ name: 'x', type: 'x', content: '99 mtime=1\n' }], 'extended header'],
    ['one name twice', [{ name: '1.cf' }, { name: '1.cf' }], 'twice'],
  ];
  it.each(BAD)('with %s is an error', (_name, entries, reason) => {
    expect(() => readTar(makeTar(entries))).toThrow(ArchiveError);
    expect(() => readTar(makeTar(entries))).toThrow(reason);
  });

  it('without its end is an error, wherever it was cut', () => {
    const whole = makeTar([{ name: '1.cf', content: 'x'.repeat(700) }]);
    for (let length = 0; length < 2_048 - 511; length += 97)
      expect(() => readTar(whole.subarray(0, length))).toThrow('middle');
  });

  it('of any bytes ends in files with plain names or in an ArchiveError', () => {
    const good = makeTar([{ name: '1.cf', content: RULES }, { name: '2.cf' }]);
    const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, byte] of changes) bytes[at] = byte;
        try {
          for (const { name } of readTar(bytes)) expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiveError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an archive of rules', () => {
  it('gives its .cf files and names what is left', async () => {
    const packed = pack([
      { name: '1.cf', content: RULES },
      { name: 'init.pre', content: 'loadplugin X' },
      { name: 'README' },
    ]);
    expect(await readArchive(packed)).toEqual({ files: [{ name: '1.cf', text: RULES }], left: ['init.pre', 'README'] });
  });

  it('has its macros replaced and its dangerous lines made comments, each in its place', async () => {
    const lines = [
      'require_version @@VERSION@@',
      'loadplugin Mail::SpamAssassin::Plugin::Evil /tmp/evil.pm',
      '\ttryplugin X',
      'bayes_store_module Mail::Evil',
      'auto_welcomelist_factory Mail::Evil',
      'dcc_path /tmp/evil',
      'dns_server 10.0.0.1',
      'header LOADPLUGIN Subject =~ /loadplugin @@LOCAL_RULES_DIR@@/',
      'report_contact @@CONTACT_ADDRESS@@',
    ];
    const { files } = await readArchive(pack([{ name: '1.cf', content: lines.join('\n') }]));
    const marked = lines.map((line) => `# not taken from a channel: ${line}`);
    expect(files[0]?.text.split('\n')).toEqual([
      'require_version 4.000001',
      ...marked.slice(1, 7),
      lines[7],
      'report_contact the administrator of that system',
    ]);
  });

  it.each([
    ['no gzip', Buffer.from('no gzip'), 'unpacked'],
    ['cut short', pack([{ name: '1.cf', content: RULES.repeat(900) }]).subarray(0, 100), 'unpacked'],
    ['empty', Buffer.alloc(0), 'unpacked'],
    ['a bomb', gzipSync(Buffer.alloc(60_000_000)), 'larger than'],
    ['no tar', gzipSync('no tar'), 'middle'],
    ['no rules', pack([{ name: 'README' }]), 'no .cf file'],
    ['too many files', pack(Array.from({ length: 501 }, (_, at) => ({ name: `${at}.cf` }))), 'more than 500'],
    ['a huge file', pack([{ name: '1.cf', content: '#'.repeat(17_000_000) }]), '1.cf is larger'],
  ])('that is %s is an error', async (_name, packed, reason) => {
    await expect(readArchive(packed)).rejects.toThrow(reason);
    await expect(readArchive(packed)).rejects.toThrow(ArchiveError);
  });
});
