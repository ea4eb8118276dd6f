// The lists of the settings made ready for look-up, once per settings version.
import type { ProgramKind } from './program-magic.js';
import type { AttachmentSettings } from './settings.js';

export interface Refusals {
  readonly extensions: ReadonlySet<string>;
  readonly macroExtensions: ReadonlySet<string>;
  readonly contents: ReadonlySet<ProgramKind>;
  /** Whether macros are refused rather than scored. */
  readonly refuseMacros: boolean;
  /** Whether a declared type (lower case) is refused. */
  refusesType(type: string): boolean;
}

/** List, plus what is added, minus what is allowed. */
export function refusalsOf(settings: AttachmentSettings): Refusals {
  const types = combine(settings.mediaTypes, settings.refuseMediaTypes, settings.allowMediaTypes);
  return {
    extensions: combine(settings.extensions, settings.refuseExtensions, settings.allowExtensions),
    macroExtensions: combine(settings.macroExtensions, [], settings.allowExtensions),
    contents: new Set(settings.contents),
    refuseMacros: settings.refuseMacros,
    refusesType: (type) =>
      types.has(type) ||
      (types.has(`${type.slice(0, type.indexOf('/'))}/*`) && !settings.allowMediaTypes.includes(type)),
  };
}

function combine(list: readonly string[], add: readonly string[], allow: readonly string[]): ReadonlySet<string> {
  const all = new Set([...list, ...add]);
  for (const entry of allow) all.delete(entry);
  return all;
}
