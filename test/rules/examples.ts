// Reads the example messages of the core rules (rules/core/examples/*.txt, form in the README there).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeExampleMail } from '../../programs/rules/examples.js';
import { coreRulesDirectory } from '../../rules/load.js';

export { makeExampleMail as makeMail };

export interface ExampleMessage {
  readonly names: readonly string[];
  readonly hits: boolean;
  readonly content: Buffer;
  /** `file:line` for the test's title. */
  readonly place: string;
}

/** Every example message there is. */
export function readExampleMessages(): readonly ExampleMessage[] {
  const directory = join(coreRulesDirectory(), 'examples');
  return readdirSync(directory)
    .filter((file) => file.endsWith('.txt'))
    .flatMap((file) => readBlocks(readFileSync(join(directory, file), 'latin1'), file));
}

function readBlocks(text: string, file: string): ExampleMessage[] {
  const examples: ExampleMessage[] = [];
  let line = 1;
  for (const block of text.split(/^(?==== )/m)) {
    const [title = '', ...rest] = block.replace(/\n+$/, '\n').split('\n');
    const found = /^=== ([\w, ]+) (hits|misses)$/.exec(title);
    if (found === null) throw new Error(`${file}:${line}: "${title}" is no title of an example`);
    const empty = rest.indexOf('');
    const headers = empty < 0 ? rest : rest.slice(0, empty);
    const body = empty < 0 ? '' : rest.slice(empty + 1).join('\n');
    examples.push({
      names: found[1]!.split(/,\s*/),
      hits: found[2] === 'hits',
      content: makeExampleMail(headers, body === '' ? 'Hello Ada,\n\nsee you on Tuesday.\n' : body),
      place: `${file}:${line}`,
    });
    line += block.split('\n').length - 1;
  }
  return examples;
}
