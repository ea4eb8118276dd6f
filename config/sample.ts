// A sample configuration file from the declared sections: every key with its sentence, bounds and default, all of it
// commented out. Taking the comment signs away gives a file that loads to the defaults.
import { writeComment, writeKey } from './lines.js';
import { defaultOf, describeSchema, isFixedMap, propertiesOf, viewSchema, type SchemaView } from './schema.js';
import type { Section } from './section.js';

/**
 * Prose lines begin with `# `, keys with a `#` right before the first character. `opening` is prose for the top, one
 * entry a paragraph. Throws for a key declared without a default: that is a bug.
 */
export function writeSample(sections: readonly Section[], opening: readonly string[]): string {
  const lines = opening.flatMap((paragraph) => writeComment(paragraph, ''));
  for (const declared of sections) {
    lines.push('', ...writeComment(declared.description, ''), `${declared.name}:`);
    lines.push(...sampleKeys(viewSchema(declared.schema), '  '));
  }
  return `${lines.join('\n')}\n`;
}

function sampleKeys(schema: SchemaView, indent: string): string[] {
  return propertiesOf(schema).flatMap(([key, child]) => {
    const value = defaultOf(child);
    if (value === undefined) throw new Error(`the key ${key} is declared without a default`);
    if (isFixedMap(child) && value !== null) {
      return [
        ...writeComment(child.description ?? key, indent),
        `${indent}#${key}:`,
        ...sampleKeys(child, `${indent}  `),
      ];
    }
    const prose = writeComment(`${child.description ?? key} Value: ${describeSchema(child)}.`, indent);
    return [...prose, ...writeKey(key, value, indent).map((line) => line.replace(/^( *)/, '$1#'))];
  });
}

/** A sample with every key set: what taking the `#` before each key gives. */
export function uncommentSample(sample: string): string {
  return sample.replace(/^( *)#(?=[^ ])/gm, '$1');
}
