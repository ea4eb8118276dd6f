// `weir rules import`, `export` and `delete`: rule files that Weir keeps. A file is checked before it is taken, and in
// force at once; only `.cf` files are taken, plugins and programs never.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { stderr, stdout } from 'node:process';
import type { Command } from 'commander';
import { FILES_ON_DISK } from '../../config/attached.js';
import { RULE_SUFFIX } from '../../rules/load.js';
import { visible } from '../table.js';
import { RULES_EXIT } from './shape.js';
import { faultLine } from './lint.js';
import { settle } from './settle.js';
import { tellOutcome, withStore } from './store-command.js';
import type { RuleStore } from './store.js';

const FAULTS_SHOWN_MAX = 40;

/** Imported files told by name; of more the number is. */
const NAMES_SHOWN_MAX = 8;
/** Adds `rules import`. */
export function addImport(program: Command, rules: Command): void {
  rules
    .command('import')
    .description('Bring in rule files: checked first, kept below rules.dir, in force at once.')
    .argument('<path...>', '.cf files, or directories whose .cf files are taken')
    .option('--partly', 'take a file that has wrong lines without them; they stay in it as comments')
    .option('--dry-run', 'only check')
    .addHelpText(
      'after',
      `
A file replaces an imported one of the same name. Files that rules.files names are read after imported ones.

Examples:
  weir rules import ./site.cf
  weir rules import --partly ./third-party/
  weir rules list --files

Exit codes: 0 taken, 1 not taken since lines are wrong, 64 bad usage, 66 a file cannot be read, 70 the running server
refused it or cannot be reached, 78 bad configuration.`,
    )
    .action((paths: readonly string[], options: { partly?: boolean; dryRun?: boolean }) =>
      withStore(program, (store) => importFiles(store, paths, options)),
    );
}

async function importFiles(
  store: RuleStore,
  paths: readonly string[],
  options: { readonly partly?: boolean; readonly dryRun?: boolean },
): Promise<number> {
  const read = readAll(store, paths);
  if (typeof read === 'string') {
    stderr.write(`weir rules import: ${visible(read)}\n`);
    return RULES_EXIT.noInput;
  }
  const { texts, sources } = read;
  const { change, faults } = settle(store, texts, options.partly === true);
  for (const fault of faults.slice(0, FAULTS_SHOWN_MAX)) {
    const file = sources.get(fault.file) ?? fault.file;
    stderr.write(`${faultLine({ ...fault, file }, change === null ? 'wrong' : 'left out')}\n`);
  }
  if (faults.length > FAULTS_SHOWN_MAX) stderr.write(`and ${faults.length - FAULTS_SHOWN_MAX} more\n`);
  if (change === null) {
    stderr.write('weir rules import: nothing was taken: mend these lines, or leave them out with --partly\n');
    return RULES_EXIT.found;
  }
  const all = [...change.keys()].map((path) => basename(path));
  const names = all.length > NAMES_SHOWN_MAX ? `${all.length} files` : all.join(', ');
  if (options.dryRun === true) {
    stdout.write(`${names}: would be taken\n`);
    return RULES_EXIT.done;
  }
  return tellOutcome(await store.apply(change), `${names}: imported`);
}

/** Files by the path they will have: their texts, and where these came from. */
interface FilesToTake {
  readonly texts: Map<string, string>;
  readonly sources: ReadonlyMap<string, string>;
}

/** The files, or why they cannot be had. */
function readAll(store: RuleStore, paths: readonly string[]): FilesToTake | string {
  const texts = new Map<string, string>();
  const sources = new Map<string, string>();
  for (const path of paths) {
    try {
      const found = FILES_ON_DISK.read({ path, suffix: RULE_SUFFIX });
      if (found.length === 0) return `${path}: there is no ${RULE_SUFFIX} file in it`;
      for (const { file, text } of found) {
        const target = store.pathOf(basename(file));
        if (texts.has(target)) return `${basename(file)} is named twice: a file is kept by its name alone`;
        texts.set(target, text);
        sources.set(target, file);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return reason.includes(path) ? reason : `${path}: ${reason}`;
    }
  }
  return { texts, sources };
}

/** Adds `rules export`. */
export function addExport(program: Command, rules: Command): void {
  rules
    .command('export')
    .description('Write imported rule files out again: to a directory, or one after the other to standard output.')
    .argument('[name...]', 'names of imported files; none: all of them, and what is switched off')
    .option('--to <directory>', 'directory to write them to, made when it is missing; nothing there is replaced')
    .addHelpText(
      'after',
      `
Examples:
  weir rules export > rules-backup.cf
  weir rules export --to ./backup

Exit codes: 0 done, 1 there is nothing of that name, 64 bad usage, 70 it cannot be written, 78 bad configuration.`,
    )
    .action((names: readonly string[], options: { to?: string }) =>
      withStore(program, (store) => Promise.resolve(exportFiles(store, names, options.to))),
    );
}

function exportFiles(store: RuleStore, names: readonly string[], to: string | undefined): number {
  const wanted = (names.length > 0 ? names : store.names()).map((name) => ({
    name,
    text: store.read(store.pathOf(name)),
  }));
  const missing = wanted.filter(({ text }) => text === null);
  for (const { name } of missing) stderr.write(`weir rules export: ${visible(name)}: no imported file is called so\n`);
  if (missing.length > 0) return RULES_EXIT.found;
  const [[, switches = null] = []] = [...store.switching(store.switchedOff())];
  const files = [
    ...wanted,
    ...(names.length === 0 && switches !== null ? [{ name: 'switches.cf', text: switches }] : []),
  ];
  if (files.length === 0) {
    stderr.write('weir rules export: nothing has been imported\n');
    return RULES_EXIT.found;
  }
  if (to !== undefined) mkdirSync(to, { recursive: true });
  for (const { name, text } of files) {
    const bytes = Buffer.from(text ?? '', 'latin1');
    if (to === undefined) stdout.write(Buffer.concat([Buffer.from(`# ${name}\n`), bytes]));
    else writeFileSync(join(to, name), bytes, { flag: 'wx' });
  }
  return RULES_EXIT.done;
}

/** Adds `rules delete`. */
export function addDelete(program: Command, rules: Command): void {
  rules
    .command('delete')
    .description('Take imported rule files away; their rules are out of force at once.')
    .argument('<name...>', 'names of imported files (weir rules list --files shows them)')
    .addHelpText(
      'after',
      `
Example:
  weir rules delete site.cf

Exit codes: 0 done, 1 there is no such file, 64 bad usage, 70 the running server refused it, 78 bad configuration.`,
    )
    .action((names: readonly string[]) => withStore(program, (store) => deleteFiles(store, names)));
}

async function deleteFiles(store: RuleStore, names: readonly string[]): Promise<number> {
  const change = new Map<string, null>();
  for (const name of names) {
    const path = store.pathOf(name);
    if (store.read(path) === null) {
      stderr.write(
        `weir rules delete: ${visible(name)}: no imported file is called so; there are: ${store.names().join(', ')}\n`,
      );
      return RULES_EXIT.found;
    }
    change.set(path, null);
  }
  return tellOutcome(await store.apply(change), `${names.join(', ')}: taken away`);
}
