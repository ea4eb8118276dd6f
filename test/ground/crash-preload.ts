// Makes a built function of Weir kill its own process when a mail carries a marker, without a hook in the product: a
// module loader, preloaded through NODE_OPTIONS, rewrites that one function as it is loaded.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Which function dies: the built file, its exported name, and where the content lies in its arguments. */
export interface CrashPoint {
  readonly file: string;
  readonly name: string;
  readonly content: string;
}

/** While the bytes are cut into header and lines. */
export const IN_PARSER: CrashPoint = { file: '/dist/message/parse.js', name: 'parseMessage', content: 'args[0]' };
/** Inside a stage. */
export const IN_STAGE: CrashPoint = {
  file: '/dist/filters/limits/stage.js',
  name: 'checkLimits',
  content: 'args[0].transaction.content',
};

/** Writes the loader below `directory`; gives the environment that makes every Node process use it. */
export function writeCrashPreload(directory: string, point: CrashPoint, marker: string): Record<string, string> {
  const hooks = join(directory, 'crash-hooks.mjs');
  const preload = join(directory, 'crash-preload.mjs');
  writeFileSync(hooks, hooksText(point, marker));
  writeFileSync(
    preload,
    `import { register } from 'node:module';\nregister(${JSON.stringify(pathToFileURL(hooks).href)});\n`,
  );
  return { NODE_OPTIONS: `--import=${pathToFileURL(preload).href}` };
}

/** The text is refused when the function is not found, so that a renamed one does not make the test pass idly. */
function hooksText({ file, name, content }: CrashPoint, marker: string): string {
  return `const wrapper = \`
export function ${name}(...args) {
  if (Buffer.from(${content}).includes(${JSON.stringify(marker)})) process.kill(process.pid, 'SIGKILL');
  return ${name}Real(...args);
}
\`;
export async function load(url, context, nextLoad) {
  const result = await nextLoad(url, context);
  if (!url.endsWith(${JSON.stringify(file)})) return result;
  const source = String(result.source);
  const changed = source.replace(/export (async )?function ${name}\\(/, (_, async) => \`\${async ?? ''}function ${name}Real(\`);
  if (changed === source) throw new Error('no function ${name} in ' + url);
  return { ...result, source: changed + wrapper };
}
`;
}
