// `weir scan` as a program: what it prints, and its exit codes.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { makePlace } from '../ground/place.js';

const WEIR = fileURLToPath(new URL('../../bin/weir.js', import.meta.url));
const place = makePlace('scan');
afterAll(() => place.remove());

const GTUBE = ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join('');
const HEADER =
  'From: Anna <anna@outside.test>\r\nTo: b@house.test\r\nSubject: Lunch\r\nMessage-ID: <1@outside.test>\r\n' +
  `Date: ${new Date().toUTCString().replace('GMT', '+0000')}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n`;

function put(name: string, text: string): string {
  const path = join(place.directory, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text, 'latin1');
  return path;
}

function weir(args: readonly string[], stdin = ''): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [WEIR, '-c', put('weir.yaml', ''), ...args], (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
    child.stdin?.end(stdin, 'latin1');
  });
}

const good = put('good.eml', `${HEADER}Shall we meet at noon?\r\n`);
const bad = put('bad.eml', `${HEADER}${GTUBE}\r\n`);

describe('weir scan', () => {
  it('prints one JSON object a line and exits 1 when something was found', async () => {
    const { code, out } = await weir(['scan', '--json', good, bad]);
    const [first, second] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({
      file: good,
      action: 'accept',
      score: 0,
      threshold: 5,
      findings: [],
      timeMs: expect.any(Number),
    });
    expect(second).toMatchObject({ file: bad, action: 'reject', threshold: 5 });
    expect(second?.['findings']).toContainEqual({
      id: 'GTUBE',
      score: 1_000,
      stage: 'rules',
      evidence: expect.any(String),
    });
    expect(code).toBe(1);
  });

  it('exits 0 when nothing is found, and reads standard input', async () => {
    const { code, out } = await weir(['scan', '--json', '-'], `${HEADER}hello\r\n`);
    expect(JSON.parse(out)).toMatchObject({ file: '-', action: 'accept' });
    expect(code).toBe(0);
  });

  it('goes on past a file it cannot read, exits 66 and counts', async () => {
    const { code, out, err } = await weir(['scan', join(place.directory, 'nosuch'), good]);
    expect(code).toBe(66);
    expect(out).toContain('accept');
    expect(err).toContain('ENOENT');
    expect(err).toContain('2 messages: 1 accept, 1 unreadable');
  });

  it('lets no control character of a name or a mail reach the terminal', async () => {
    const path = put(
      'nasty\u001b[31m\n.eml',
      `Subject: x\r\nContent-Disposition: attachment; filename="a\u001b]0;x\u0007.exe"\r\n\r\nMZ\r\n`,
    );
    const { out } = await weir(['scan', path]);
    expect(out).toContain('.exe');
    expect([...out].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
  });

  it.each([
    [['scan'], 64],
    [['scan', '--nosuch', good], 64],
    [['scan', '--ip', '1.2.3', good], 64],
    [['nosuch'], 64],
    [['scan', '--help'], 0],
  ])('%j exits with %d', async (args, expected) => {
    expect((await weir(args)).code).toBe(expected);
  });

  it('refuses a bad configuration with file and line, exit 78', async () => {
    const config = put('bad.yaml', 'verdict:\n  tagAtt: 4\n');
    const { code, err } = await weir(['-c', config, 'scan', good]);
    expect(code).toBe(78);
    expect(err).toMatch(/bad\.yaml:2.*tagAt/);
  });

  it('judges by the strictest of several recipients', async () => {
    const config = put('strict.yaml', 'verdict:\n  recipients:\n    - { recipient: strict@house.test, rejectAt: 0 }\n');
    const args = ['-c', config, 'scan', '--json', '--rcpt-to', 'b@house.test', 'strict@house.test', '--', good];
    expect(JSON.parse((await weir(args)).out)).toMatchObject({ action: 'reject' });
  });
});
