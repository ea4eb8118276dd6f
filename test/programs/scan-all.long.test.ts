// `weir scan` over the whole folder of real mail: no crash, no broken stage, none over its time, and a summary by label.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pipelineSection } from '../../pipeline/settings.js';
import { findData } from '../ground/packages.js';

const WEIR = fileURLToPath(new URL('../../bin/weir.js', import.meta.url));
const data = findData();

interface Line {
  readonly file: string;
  readonly action: string;
  readonly timeMs: number;
  readonly broken?: unknown;
}

async function scanAll(folder: string): Promise<{ lines: Line[]; code: number | null }> {
  const child = spawn(process.execPath, [WEIR, 'scan', '--json', join(folder, 'mail/ham'), join(folder, 'mail/spam')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, WEIR_CONFIG: '' },
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines: Line[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line) as Line);
  return { lines, code: await ended };
}

describe.skipIf(data === null)('weir scan over all mail', () => {
  it('judges every message within its time, and little ham is marked', async () => {
    const manifest = readFileSync(join(data ?? '', 'mail/manifest.tsv'), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1);
    const { lines, code } = await scanAll(data ?? '');
    expect(lines).toHaveLength(manifest.length);
    expect(lines.filter(({ broken }) => broken !== undefined)).toEqual([]);
    const limitMs = Number((pipelineSection.schema.properties.timeLimitMs as { default?: unknown }).default);
    expect(Math.max(...lines.map(({ timeMs }) => timeMs))).toBeLessThan(limitMs);
    expect(code).toBe(1);
    const counts: Record<string, number> = {};
    for (const { file, action } of lines) {
      const key = `${basename(join(file, '..'))} ${action}`;
      counts[key] = (counts[key] ?? 0) + 1;
    }
    console.table(counts);
    const ham = lines.filter(({ file }) => basename(join(file, '..')) === 'ham');
    const marked = ham.filter(({ action }) => action !== 'accept');
    expect(marked.length / ham.length).toBeLessThan(0.005);
  });
});
