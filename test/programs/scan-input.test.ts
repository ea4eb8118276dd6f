// Reading what a person names: files, folders, mbox, Maildir, standard input.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFiles, readMessages } from '../../programs/scan-input.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-scan-input-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function put(path: string, text: string): string {
  const full = join(folder, path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, text, 'latin1');
  return full;
}

async function read(path: string, stdin = ''): Promise<string[]> {
  const list: string[] = [];
  for await (const input of readMessages(path, Readable.from([Buffer.from(stdin, 'latin1')]))) {
    const name = input.name.replace(`${folder}/`, '');
    list.push('error' in input ? `${name}! ${input.error}` : `${name}: ${input.content.toString('latin1')}`);
  }
  return list;
}

describe('a file', () => {
  it('is one message, byte for byte', async () => {
    expect(await read(put('one.eml', 'A: b\r\n\r\nFrom here\0\xff'))).toEqual(['one.eml: A: b\r\n\r\nFrom here\0\xff']);
  });

  it('that is missing is an error of its own', async () => {
    expect(await read(join(folder, 'nosuch.eml'))).toEqual([expect.stringContaining('ENOENT')]);
  });

  it('that is a mbox is split at separator lines after an empty line, `>From ` unquoted once', async () => {
    const path = put(
      'box',
      'From a@b Thu Jan 1 09:00:00 2026\nA: 1\n\nFrom within\n\n>From quoted\n>>From twice\n\nFrom c@d Fri 9:01\nA: 2\n\nx\n',
    );
    expect(await read(path)).toEqual([
      'box#1: A: 1\n\nFrom within\n\nFrom quoted\n>From twice\n\n',
      'box#2: A: 2\n\nx\n',
    ]);
  });

  it('that starts with a sentence is no mbox', async () => {
    expect(await read(put('two.eml', 'From here on\n\nx'))).toEqual(['two.eml: From here on\n\nx']);
  });
});

describe('standard input', () => {
  it('is one message, or a mbox when it starts like one', async () => {
    expect(await read('-', 'A: 1\n\nbody\n')).toEqual(['-: A: 1\n\nbody\n']);
    expect(await read('-', 'From x 01:02\nA: 1\n\n\nFrom y 01:03\nA: 2\n\n')).toEqual([
      '-: A: 1\n\n\n',
      '-#2: A: 2\n\n',
    ]);
  });

  it('survives a line that never ends, in many chunks', async () => {
    const chunks = Array.from({ length: 200 }, () => Buffer.alloc(10_000, 0x61));
    const sizes: number[] = [];
    for await (const input of readMessages('-', Readable.from(chunks)))
      sizes.push('content' in input ? input.content.length : -1);
    expect(sizes).toEqual([2_000_000]);
  });
});

describe('folders', () => {
  it('are opened in name order, dot files left out, and a Maildir without its tmp', async () => {
    put('dir/b.eml', 'b');
    put('dir/a.eml', 'a');
    put('dir/.hidden', 'h');
    put('dir/Maildir/new/1', 'n');
    put('dir/Maildir/cur/2:2,S', 'c');
    put('dir/Maildir/tmp/3', 't');
    put('dir/Maildir/.Junk/cur/4', 'j');
    const names = (await listFiles([join(folder, 'dir')])).map((path) => path.replace(`${folder}/dir/`, ''));
    expect(names).toEqual(['Maildir/.Junk/cur/4', 'Maildir/cur/2:2,S', 'Maildir/new/1', 'a.eml', 'b.eml']);
  });
});
