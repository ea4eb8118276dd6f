// A lock that ends with its holder: one at a time within a process and between processes, free again after a kill.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeLock } from '../../outside/process-lock.js';
import { makeDir } from '../logs/fixtures.js';

describe('a lock', () => {
  it('is held by one at a time, and can be taken again', async () => {
    const path = join(await makeDir(), 'lock');
    const unlock = takeLock(path);
    expect(unlock).not.toBeNull();
    expect(takeLock(path)).toBeNull();
    unlock?.();
    unlock?.();
    takeLock(path)?.();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).size).toBe(0);
  });

  it('is free when its holder was killed', async () => {
    const path = join(await makeDir(), 'lock');
    const module = resolve('dist', 'outside', 'process-lock.js');
    expect(existsSync(module), 'npm run build').toBe(true);
    const script = `const { takeLock } = await import(${JSON.stringify(module)});
      process.stdout.write(takeLock(${JSON.stringify(path)}) === null ? 'no' : 'yes');
      setInterval(() => undefined, 1_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(said.toString()).toBe('yes');
    expect(takeLock(path)).toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const unlock = takeLock(path);
    expect(unlock).not.toBeNull();
    unlock?.();
  });

  it('cannot be had where there is no directory', () => {
    expect(() => takeLock('/nonexistent/lock')).toThrow();
  });
});
