// Reading the file: what is missing, unreadable, no plain file, too large or no text is said plainly, and never waited on.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../config/load.js';
import { SOURCE_MAX_BYTES } from '../../config/file.js';
import { FIXTURE, listenerSection } from './fixture.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-config-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): string {
  const file = join(dir, name);
  writeFileSync(file, content);
  return file;
}

function refusal(file: string): string {
  const loaded = loadConfiguration(FIXTURE, file);
  if (loaded.ok) throw new Error('the file was taken');
  expect(loaded.problems).toHaveLength(1);
  expect(loaded.problems[0]).toMatchObject({ file, line: 0, column: 0 });
  return loaded.problems[0]?.message ?? '';
}

describe('reading the file', () => {
  it('takes a plain file, with a byte order mark or CRLF too', () => {
    const loaded = loadConfiguration(FIXTURE, write('good.yaml', '\uFEFFlistener:\r\n  tls: true\r\n'));
    if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
    expect(loaded.configuration.section(listenerSection).tls).toBe(true);
    expect(loaded.configuration.origin('listener.tls')?.line).toBe(2);
  });

  it('says that there is none', () => {
    expect(refusal(join(dir, 'none.yaml'))).toBe('there is no such file');
    expect(refusal(join(write('plain', ''), 'below.yaml'))).toBe('there is no such file');
    expect(refusal('a\0b')).toBe('a file name cannot hold a NUL');
  });

  it('refuses what is not a plain file', () => {
    expect(refusal(dir)).toBe('that is a directory, not a file');
    expect(refusal('/dev/zero')).toBe('that is not a plain file');
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(refusal(pipe)).toBe('that is not a plain file');
  });

  it('refuses what is too large or no text', () => {
    expect(refusal(write('large.yaml', '#'.repeat(SOURCE_MAX_BYTES + 1)))).toBe(
      `the file is larger than ${SOURCE_MAX_BYTES} bytes`,
    );
    expect(refusal(write('latin1.yaml', Buffer.from('# caf\xe9\n', 'latin1')))).toBe('the file is not UTF-8 text');
  });
});
