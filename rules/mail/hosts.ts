// Host names inside header text, as the modifiers `:host` and `:domain` find them: by the top-level domains of a rule set.
// Takes byte strings, never throws, bounded.
import { isFqdnValid, lowerAscii, type RegistryTables } from './registry.js';

/** Longest host looked at without its last label, bytes. */
const HOST_MAX = 251;

/** What follows the last `@` that is followed by a host, else the first thing that is one, or null. */
export function findHost(text: string, tables: RegistryTables): string | null {
  const line = text.split('\n', 1)[0]!;
  for (let at = line.lastIndexOf('@'); at >= 0; at = at === 0 ? -1 : line.lastIndexOf('@', at - 1)) {
    const host = hostAt(line, at + 1, tables);
    if (host === null) continue;
    if (isFqdnValid(host)) return host;
    break;
  }
  let from = 0;
  while (from < text.length) {
    const host = isBeside(text, from) ? null : hostAt(text, from, tables);
    if (host !== null && isFqdnValid(host)) return host;
    from += host === null ? 1 : host.length;
  }
  return null;
}

/** Whether a character that a host may hold stands right before. */
function isBeside(text: string, at: number): boolean {
  return at > 0 && /[._-]/.test(text[at - 1]!);
}

/** The longest text from here that ends in a top-level domain, or null. */
function hostAt(text: string, start: number, tables: RegistryTables): string | null {
  let end = start;
  while (end < text.length && end - start <= HOST_MAX && !/[ \t\n\r\f\v]/.test(text[end]!)) end++;
  for (let dot = text.lastIndexOf('.', end - 1); dot > start; dot = text.lastIndexOf('.', dot - 1)) {
    if (dot - start > HOST_MAX) continue;
    LABEL.lastIndex = dot + 1;
    const label = LABEL.exec(text)?.[0] ?? '';
    const after = text.charAt(dot + 1 + label.length);
    if (label !== '' && !/[._-]/.test(after) && tables.tlds.has(lowerAscii(label)))
      return text.slice(start, dot + 1 + label.length);
  }
  return null;
}

const LABEL = /[A-Za-z0-9-]+/y;
