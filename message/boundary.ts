// The boundary of a multipart, and the others that some reader could take from the same field (RFC 2046 §5.1.1).
import type { PartFields } from './mime.js';

/**
 * Boundaries some reader could take for a multipart, each once: first the RFC's ('' when it has none), then every value
 * of the parameter, the pieces of a continued one, and what stands there literally. Trailing blanks never count (RFC 2046
 * §5.1.1).
 */
export function boundaries(fields: PartFields): string[] {
  const params = fields.rawTypeParams.filter(({ name }) => name === 'boundary' || name.startsWith('boundary*'));
  const extended = params.some(({ name }) => name !== 'boundary');
  const own = extended ? latin1Of(fields.typeParams.get('boundary') ?? '') : (params[0]?.value ?? '');
  const found = new Set([trimEnd(own)]);
  for (const { value, literal } of params) {
    const first = literal.split(/[\s"]/, 3).find((piece) => piece !== '');
    for (const other of [value, literal, literal.replaceAll('"', ''), first ?? '']) {
      const trimmed = trimEnd(other);
      if (trimmed !== '' && trimmed !== '""' && found.size < BOUNDARIES_MAX) found.add(trimmed);
    }
  }
  return [...found];
}

/** Boundaries tried for one multipart. */
export const BOUNDARIES_MAX = 6;

/** Delimiter lines are compared as bytes; a parameter was decoded. */
function latin1Of(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(0, end);
}
