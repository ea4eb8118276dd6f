// Makes one stage of the built program slow, stuck or deadly for mail that carries a marker, without a hook in the product:
// a module loader, preloaded through NODE_OPTIONS, wraps that stage's function as it is loaded.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Mail with one of these in its content: holds the event loop for 1.5 s; for ever; ends its process. */
export const MARKERS = { busy: 'TEST-MARK-BUSY', stuck: 'TEST-MARK-STUCK', deadly: 'TEST-MARK-DEADLY' } as const;

const WRAPPER = `
export function checkLimits(...args) {
  const content = args[0].transaction.content;
  if (content.includes(${JSON.stringify(MARKERS.deadly)})) process.kill(process.pid, 'SIGKILL');
  const until = content.includes(${JSON.stringify(MARKERS.stuck)}) ? Infinity
    : content.includes(${JSON.stringify(MARKERS.busy)}) ? performance.now() + 1500 : 0;
  while (performance.now() < until);
  return checkLimitsInner(...args);
}
`;

/** Writes the loader into `directory`; gives the environment that makes every Node process use it. */
export function writeMarkedMailPreload(directory: string): Record<string, string> {
  const hooks = join(directory, 'marked-hooks.mjs');
  const preload = join(directory, 'marked-preload.mjs');
  writeFileSync(
    hooks,
    `const wrapper = ${JSON.stringify(WRAPPER)};
export async function load(url, context, nextLoad) {
  const result = await nextLoad(url, context);
  if (!url.endsWith('/dist/filters/limits/stage.js')) return result;
  const source = String(result.source);
  const changed = source.replace('export function checkLimits(', 'function checkLimitsInner(');
  if (changed === source) throw new Error('no function checkLimits in ' + url);
  return { ...result, source: changed + wrapper };
}
`,
  );
  const register = `import { register } from 'node:module';\nregister(${JSON.stringify(pathToFileURL(hooks).href)});\n`;
  writeFileSync(preload, register);
  return { NODE_OPTIONS: `--import=${pathToFileURL(preload).href}` };
}
