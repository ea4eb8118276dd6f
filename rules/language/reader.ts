// Reads rule files, one after the other, into statements and settings. Takes latin1 text (one character per byte) and
// the name to report it by. A line that cannot be taken is refused with its place and a reason, and the rest is read on.
// Rules are data: nothing in a file is evaluated or run, and an include leads to no file outside the rule directory.
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { nearestName } from '../../config/nearest.js';
import type { ParsedRules, Place, Refusal, Statement } from '../definition.js';
import { ConditionalBlocks, ConditionError, type ConditionFacts } from './conditions.js';
import {
  COMPATIBLE_BY_DEFAULT,
  COMPATIBLE_VERSION,
  countsAsLoaded,
  pluginName,
  pluginNamed,
  PLUGINS_KNOWN,
  PLUGINS_LOADED_BY_DEFAULT,
} from './features.js';
import { firstWord, LineError, readLine } from './lines.js';
import { pluginOfWord } from './plugin-words.js';
import { replaceTags } from './replace-tags.js';
import { applySetting, presentSpelling, SETTING_WORDS } from './setting-words.js';
import { SettingsDraft } from './settings-draft.js';
import { checkRuleName, readStatement, STATEMENT_WORDS } from './statements.js';
import { withoutEffect } from './without-effect.js';

/** Most lines read of one file. */
export const LINES_MAX = 500_000;
/** Most refusals reported for one file; the count of the rest stands in the last. */
export const REFUSALS_MAX = 1_000;
/** Deepest chain of includes, and most files included by one set. */
export const INCLUDE_DEPTH_MAX = 5;
export const INCLUDES_MAX = 100;

/** One file as it was read. */
export interface RuleFile {
  readonly file: string;
  /** Its bytes as latin1. */
  readonly text: string;
}

export interface ReadOptions {
  /** Locale that `lang` lines are held against, such as `en_US`. */
  readonly language: string;
  /** What `if (local_tests_only)` says. */
  readonly localTestsOnly: boolean;
  /** Whether 4.0.1's default plugins count as loaded: true unless the set brings `.pre` files of its own. */
  readonly defaultPlugins: boolean;
  /** The text of an included file below `root`. Throws an Error that says why there is none. */
  readonly include: (path: string, root: string) => string;
}

export const READ_DEFAULTS: ReadOptions = {
  language: 'en_US',
  localTestsOnly: false,
  defaultPlugins: true,
  include: () => {
    throw new Error('there is nothing to include from');
  },
};

/** Words of the reader itself. */
const OWN_WORDS = [
  'include',
  'require_version',
  'loadplugin',
  'tryplugin',
  'enable_compat',
  'reuse',
  'if',
  'ifplugin',
  'else',
  'endif',
];

/** What is known while one file is read. */
interface FileState {
  readonly name: string;
  /** Directory that includes must stay in. */
  readonly root: string;
  readonly depth: number;
  readonly blocks: ConditionalBlocks;
  refused: number;
}

export class RuleReader {
  private readonly options: ReadOptions;
  private readonly statements: Statement[] = [];
  private readonly refusals: Refusal[] = [];
  private readonly draft = new SettingsDraft();
  private readonly loaded: Set<string>;
  private readonly compatible: Set<string>;
  private readonly declared = new Set<string>();
  /** Words without effect: where each stands first, and how often it does. */
  private readonly unused = new Map<string, Place & { count: number }>();
  private includes = 0;

  constructor(options: Partial<ReadOptions> = {}) {
    this.options = { ...READ_DEFAULTS, ...options };
    this.loaded = new Set(this.options.defaultPlugins ? PLUGINS_LOADED_BY_DEFAULT : []);
    this.compatible = new Set(this.options.defaultPlugins ? COMPATIBLE_BY_DEFAULT : []);
  }

  /** Reads one file. Never throws on its content. */
  read({ file, text }: RuleFile): void {
    this.readFile(text, { name: file, root: dirname(file), depth: 0, blocks: new ConditionalBlocks(), refused: 0 });
  }

  /** All that was read, tags replaced. */
  finish(): ParsedRules {
    return {
      statements: replaceTags(this.statements, this.draft.replacing),
      settings: this.draft.finish(),
      refusals: this.refusals,
      notes: [...this.unused].map(([word, { count, ...place }]) => ({ ...place, reason: noteOf(word, count) })),
    };
  }

  /** Reports something that is no line's fault. */
  refuse(file: string, line: number, reason: string): void {
    this.refusals.push({ file, line, reason });
  }

  private readFile(text: string, state: FileState): void {
    const lines = text.split('\n', LINES_MAX + 1);
    if (lines.length > LINES_MAX) {
      this.refuse(state.name, LINES_MAX + 1, `more than ${LINES_MAX} lines; the rest is not read`);
      lines.pop();
    }
    for (const [index, raw] of lines.entries()) {
      try {
        if (!this.readOne(raw, index + 1, state)) break;
      } catch (error) {
        if (!(error instanceof LineError || error instanceof ConditionError)) throw error;
        if (state.refused++ < REFUSALS_MAX) this.refuse(state.name, index + 1, error.message);
      }
    }
    for (const { word, line } of state.blocks.unclosed())
      this.refuse(state.name, line, `"${word}" without "endif": it ends with the file`);
    if (state.refused > REFUSALS_MAX)
      this.refuse(state.name, lines.length, `${state.refused - REFUSALS_MAX} further lines refused`);
  }

  private facts(): ConditionFacts {
    return { loaded: this.loaded, compatible: this.compatible, localTestsOnly: this.options.localTestsOnly };
  }

  /** Reads a line; false when nothing after it in the file is read. */
  private readOne(raw: string, number: number, state: FileState): boolean {
    const line = readLine(raw, this.options.language);
    if (line === null) return true;
    const { word, value, written } = line;
    const place = { file: state.name, line: number };
    if (state.blocks.takes(word, value, number, this.facts()) || state.blocks.skips) return true;
    this.needPlugin(word);
    const definition = readStatement(word, value);
    if (definition !== null) {
      if (definition.kind === 'rule') this.declared.add(definition.name);
      this.statements.push({ ...definition, ...place });
      return true;
    }
    switch (word) {
      case 'include':
        this.include(value, state);
        return true;
      case 'require_version':
        if (rightVersion(value)) return true;
        this.refuse(state.name, number, `for version ${value.slice(0, 40)}: the rest of the file is not read`);
        return false;
      case 'loadplugin':
      case 'tryplugin':
        this.load(value, word === 'tryplugin');
        return true;
      case 'enable_compat':
        if (!/^\w{1,128}$/.test(value)) throw new LineError('expected the name of a flag');
        this.compatible.add(value);
        return true;
      case 'reuse':
        this.declare(firstWord(value)[0], place);
        return true;
      default:
        if (!applySetting(this.draft, word, value)) throw new LineError(unknownWord(written, word));
        this.noteUnused(presentSpelling(word).replace(/^bayes_stopword_.*/, 'bayes_stopword_…'), place);
        if (word === 'askdns') this.declare(firstWord(value)[0], place, true);
        return true;
    }
  }

  private noteUnused(word: string, place: Place): void {
    if (withoutEffect(word) === null) return;
    const known = this.unused.get(word);
    if (known === undefined) this.unused.set(word, { ...place, count: 1 });
    else known.count += 1;
  }

  /** A rule that others hit. `anew`: it also replaces one of that name. */
  private declare(name: string, place: { file: string; line: number }, anew = false): void {
    checkRuleName(name);
    if (!anew && this.declared.has(name)) return;
    this.declared.add(name);
    this.statements.push({ kind: 'rule', name, test: { kind: 'empty' }, ...place });
  }

  /** Throws LineError where the word is one of a plugin that is not loaded. */
  private needPlugin(word: string): void {
    const plugin = pluginOfWord(word);
    if (plugin !== null && !countsAsLoaded(pluginNamed(plugin), this.loaded))
      throw new LineError(
        `"${word}" is of the plugin ${plugin}, which is not loaded: write "loadplugin ${pluginNamed(plugin)}"`,
      );
  }

  private load(value: string, silent: boolean): void {
    const found = /^((?:\w+::){0,10}\w+)(?:\s+(\S+))?$/.exec(value);
    if (found === null) throw new LineError('expected the name of a plugin');
    const plugin = pluginName(found[1]!);
    if (PLUGINS_KNOWN.has(plugin) && found[2] === undefined) this.loaded.add(plugin);
    else if (!silent)
      throw new LineError(`plugin ${plugin.slice(0, 100)} is none of SpamAssassin's own: what it guards is left out`);
  }

  private include(value: string, state: FileState): void {
    if (value === '') throw new LineError('"include" names no file');
    if (state.depth >= INCLUDE_DEPTH_MAX) throw new LineError(`includes nest deeper than ${INCLUDE_DEPTH_MAX}`);
    if (this.includes++ >= INCLUDES_MAX) throw new LineError(`more than ${INCLUDES_MAX} files are included`);
    const path = resolve(dirname(state.name), value);
    const inside = relative(state.root, path);
    if (value.includes('\0') || inside === '' || inside.startsWith('..') || isAbsolute(inside))
      throw new LineError('an include leads to no file outside the rule directory');
    let text: string;
    try {
      text = this.options.include(path, state.root);
    } catch (error) {
      throw new LineError(`include: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.readFile(text, { ...state, name: path, depth: state.depth + 1, blocks: new ConditionalBlocks(), refused: 0 });
  }
}

/** Whether the file is meant for the version whose rules are run here. */
function rightVersion(value: string): boolean {
  if (value === '') throw new LineError('"require_version" names none');
  return value === '@@VERSION@@' || normalVersion(value) === normalVersion(COMPATIBLE_VERSION);
}

/** `4.0.1` and `4.000001` as one number. */
function normalVersion(text: string): string {
  const [major = '', minor, patch] = text.split('.');
  if (patch === undefined) return text;
  return `${major}.${(minor ?? '').padStart(3, '0')}${patch.padStart(3, '0')}`;
}

function unknownWord(written: string, word: string): string {
  const near = nearestName(word, [...STATEMENT_WORDS, ...OWN_WORDS, ...SETTING_WORDS]);
  const shown = written.slice(0, 40);
  return near === null ? `unknown word "${shown}"` : `unknown word "${shown}", did you mean "${near}"?`;
}

function noteOf(word: string, count: number): string {
  const lines = count === 1 ? '' : ` (${count} lines)`;
  return `"${word}"${lines} has no effect here: ${withoutEffect(word)}`;
}

/** Reads one text by itself. Never throws on its content. */
export function parseRules(text: string, file: string, options: Partial<ReadOptions> = {}): ParsedRules {
  const reader = new RuleReader(options);
  reader.read({ file, text });
  return reader.finish();
}
