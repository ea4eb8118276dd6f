// The settings of a program: finds the configuration file, loads it against every section of the house, and says in
// plain words what is wrong with it. Falls back to embedded defaults only when no file was named and none is installed.
import { statSync } from 'node:fs';
import { defaultConfiguration, loadConfiguration, parseConfiguration } from '../config/load.js';
import type { Configuration, Loaded } from '../config/load.js';
import { ConfigurationError } from '../config/problem.js';
import type { SettingsText } from './process-messages.js';
import { SECTIONS } from './sections.js';

/** Names the configuration file when no argument does. */
export const CONFIG_VARIABLE = 'WEIR_CONFIG';

/** Read when neither an argument nor the environment names a file. */
export const INSTALLED_FILE = '/etc/weir/weir.yaml';

/** The file to read: the argument, then the environment, then the installed file; null for embedded defaults. */
export function findSettingsFile(file?: string, installed = INSTALLED_FILE): string | null {
  if (file !== undefined) return file;
  const named = process.env[CONFIG_VARIABLE];
  if (named !== undefined && named !== '') return named;
  return isThere(installed) ? installed : null;
}

/** A file that is there and cannot be looked at counts as there: reading it then says why, in place of silent defaults. */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** The settings as the file has them now, or everything that is wrong with it. Never throws. */
export function loadSettings(file?: string): Loaded {
  const found = findSettingsFile(file);
  if (found !== null) return loadConfiguration(SECTIONS, found);
  return { ok: true, configuration: defaultConfiguration(SECTIONS) };
}

/** The settings for a command. Throws `ConfigurationError` (exit code 78) with every problem, one a line. */
export function readSettings(file?: string): Configuration {
  return demand(loadSettings(file));
}

/** Settings as one process tells them another: the very same, whatever the files say by then. */
export function settingsText({ text, file, attached }: Configuration): SettingsText {
  return { text, file, attached: attached.texts };
}

/** The very settings of another process. Throws as `readSettings` does. */
export function parseSettings({ text, file, attached }: SettingsText): Configuration {
  return file === null ? defaultConfiguration(SECTIONS) : demand(parseConfiguration(SECTIONS, text, file, attached));
}

function demand(loaded: Loaded): Configuration {
  if (loaded.ok) return loaded.configuration;
  throw new ConfigurationError(loaded.problems);
}
