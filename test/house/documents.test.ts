// What the documents tell an administrator to write or to type is there: settings load, commands and their options
// exist, files that are linked to or named are in the tree.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { formatProblem } from '../../config/problem.js';
import { createProgram } from '../../programs/command-line.js';
import { SECTIONS } from '../../programs/sections.js';
import { readText, ROOT } from './tree.js';

const PAGES = ['README.md', 'CHANGELOG.md', ...readdirSync(join(ROOT, 'docs')).flatMap((name) => pageNamed(name))];

function pageNamed(name: string): readonly string[] {
  return name.endsWith('.md') ? [`docs/${name}`] : [];
}

const blocksOf = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block = '']) => block);

/** What may be missing on another machine than the reader's: files and keys that examples only name. */
const ABSENT = /ENOENT|no such file|cannot be read|file whose first line is a key|does not exist/;

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: object;
  readonly additionalProperties?: object;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** Whether a key leads somewhere in the settings, or begins with no section at all. */
function isSetting(key: string): boolean {
  const [name = '', ...rest] = key.split('.');
  const section = SECTIONS.find((one) => one.name === name);
  return section === undefined || leads(section.schema, rest);
}

function leads(schema: Schema, keys: readonly string[]): boolean {
  const [key, ...rest] = keys;
  if (key === undefined || schema.patternProperties !== undefined) return true;
  const inner = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
  if (inner.some((one) => leads(one, keys))) return true;
  const found = schema.properties?.[key];
  return found !== undefined && leads(found, rest);
}

describe.each(PAGES)('%s', (page) => {
  const text = readText(page);

  it('shows settings that load', () => {
    const problems = blocksOf(text, 'yaml').flatMap((block) => {
      const loaded = parseConfiguration(SECTIONS, block, page);
      return loaded.ok ? [] : loaded.problems.map(formatProblem).filter((problem) => !ABSENT.test(problem));
    });
    expect(problems).toEqual([]);
  });

  it('speaks of settings that there are', () => {
    const named = [...text.matchAll(/`([a-z]+(?:\.[A-Za-z]+|\[\])+)`/g)].map(([, key = '']) =>
      key.replaceAll('[]', ''),
    );
    expect(named.filter((key) => !/\.(?:md|cf|ts|yaml|pre|js|json|db)$/.test(key) && !isSetting(key))).toEqual([]);
  });

  it('links to files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });

  it('names source files that are there', () => {
    const named = [
      ...text.matchAll(
        /`((?:outside|config|message|pipeline|logs|outbox|quarantine|rules|milter|filters|gateway|programs|bench|test)\/[\w./-]*)`/g,
      ),
    ].map(([, path = '']) => path);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('names benches that are there', () => {
    const named = [...text.matchAll(/node dist\/([\w/-]+)\.js/g)].map(([, path = '']) => `${path}.ts`);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

it('settings that are not there would be seen', () => {
  expect(['verdict.caps.rules', 'lists.sites.note', 'e.g'].map(isSetting)).toEqual([true, true, true]);
  expect(['verdict.groups', 'rules.lookups', 'lists.sites.nothing'].map(isSetting)).toEqual([false, false, false]);
});

describe('commands in the documents', async () => {
  const program = await createProgram();
  const called = PAGES.flatMap((page) =>
    [...readText(page).matchAll(/(?:`|^(?:\$ )?(?:npx )?)weir ([a-z][a-z-]*(?: [^`\n#]*)?)/gm)].map(
      ([, call = '']) => ({ page, call: call.trim() }),
    ),
  );

  it('are found', () => {
    expect(called.length).toBeGreaterThan(50);
  });

  it('exist, with their options', () => {
    expect(
      called.flatMap(({ page, call }) => faultOf(program, call).map((fault) => `${page}: weir ${call}: ${fault}`)),
    ).toEqual([]);
  });
});

/** Words lead to a command; options are its own or those of the program. */
function faultOf(program: Command, call: string): readonly string[] {
  const words = call.split(/\s+/);
  let command = program;
  let at = 0;
  for (; at < words.length; at++) {
    const next = command.commands.find((one) => one.name() === words[at]);
    if (next === undefined) break;
    command = next;
  }
  if (at === 0) return [`no command ${String(words[0])}`];
  const known = new Set([...command.options, ...program.options].flatMap(({ short, long }) => [short, long, '--help']));
  const options = words.slice(at).filter((word) => /^--?[a-z]/i.test(word));
  return options
    .map((word) => word.replace(/[=,.;)].*$/, ''))
    .filter((option) => !known.has(option))
    .map((option) => `no option ${option}`);
}

it('every command shows an example', async () => {
  const all = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(all)];
  const helpOf = (command: Command): string => {
    let text = '';
    command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
    return text;
  };
  const commands = all(await createProgram()).filter((command) => command.name() !== 'help');
  expect(commands.length).toBeGreaterThan(25);
  expect(
    commands.filter((command) => !/^Examples?:\n {2}weir /m.test(helpOf(command))).map((one) => one.name()),
  ).toEqual([]);
});
