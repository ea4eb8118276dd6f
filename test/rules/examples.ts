// Reads the example messages of the core rules (rules/core/examples/*.txt, form in the README there) and makes messages of
// `test` lines.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompiledTest } from '../../rules/compile.js';
import { coreRulesDirectory } from '../../rules/load.js';

export interface ExampleMessage {
  readonly names: readonly string[];
  readonly hits: boolean;
  readonly content: Buffer;
  /** `file:line` for the test's title. */
  readonly place: string;
}

const BASE = [
  'Received: from mail.example.net (mail.example.net [192.0.2.1]) by mx.example.org; Tue, 3 Jan 2023 10:00:05 +0000',
  'From: Ben Carter <ben@example.net>',
  'To: Ada Miller <ada@example.org>',
  'Subject: Tuesday',
  'Date: Tue, 3 Jan 2023 10:00:00 +0000',
  'Message-ID: <1@mail.example.net>',
  'MIME-Version: 1.0',
];

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':')).toLowerCase();
}

/** A message of the header lines given, the usual ones that are not, and a body. `-Name:` leaves a usual one out. */
export function makeMail(headers: readonly string[], body: string): Buffer {
  const given = new Set(headers.map((line) => nameOf(line.replace(/^-/, ''))));
  const lines = [
    ...BASE.filter((line) => !given.has(nameOf(line))),
    ...headers.filter((line) => !line.startsWith('-')),
  ];
  const text = `${lines.join('\n')}\n\n${body}`.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(text.replace(/\n/g, '\r\n'), 'latin1');
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
      content: makeMail(headers, body === '' ? 'Hello Ada,\n\nsee you on Tuesday.\n' : body),
      place: `${file}:${line}`,
    });
    line += block.split('\n').length - 1;
  }
  return examples;
}

/** A message that shows a rule the text of its `test` line, in the place where the rule looks. */
export function mailShowing(test: CompiledTest, text: string): Buffer {
  if (test.kind === 'header') {
    const name = test.selector.name.toLowerCase() === 'tocc' ? 'To' : test.selector.name;
    return makeMail([`${name}: ${text}`], 'Hello\n');
  }
  if (test.kind !== 'text') throw new Error('test lines are for patterns');
  const html = test.input === 'rawbody' && text.includes('<');
  return makeMail([`Content-Type: ${html ? 'text/html' : 'text/plain'}; charset=utf-8`], `${text}\n`);
}
