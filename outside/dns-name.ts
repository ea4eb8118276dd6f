// Names as they may be asked for: ASCII, within the limits of RFC 1035, international ones as A-labels. Takes any text a
// mail may hold; gives null for what cannot be a name, and never throws.
import { domainToASCII } from 'node:url';

/** Longest name, characters without the last dot: 255 bytes on the wire (RFC 1035 §2.3.4). */
export const NAME_MAX_CHARS = 253;
/** Longest label, bytes (RFC 1035 §2.3.4). */
export const LABEL_MAX_CHARS = 63;
/** Longest text looked at: an international name is longer as text in UTF-8 than as A-labels only in rare scripts. */
const TEXT_MAX_CHARS = 1_024;

const PRINTABLE = /^[\x20-\x7e]+$/;
/** What the conversion would drop, decode or take for an end: in an international label it has no place. */
const NOT_INTERNATIONAL = /[\x00-\x2c\x2e\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]/;

/** Lower-case name without a last dot, or null. Underscores, digits and the rest of ASCII may stand in labels (RFC 2181 §11). */
export function normaliseName(text: string): string | null {
  if (text.length > TEXT_MAX_CHARS) return null;
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  const ascii = (PRINTABLE.test(bare) ? bare : toALabels(bare)).toLowerCase();
  return isName(ascii) ? ascii : null;
}

/** A name as it stands in a record: lower case, '' for the root; null when it holds what no log should. */
export function readRecordName(text: string): string | null {
  if (text === '.') return '';
  return PRINTABLE.test(text) ? text.toLowerCase() : null;
}

function isName(ascii: string): boolean {
  if (ascii.length > NAME_MAX_CHARS || !PRINTABLE.test(ascii)) return false;
  return ascii.split('.').every((label) => label.length > 0 && label.length <= LABEL_MAX_CHARS);
}

/** Empty when it is none (control characters, code points that IDNA does not know). Labels of ASCII stay as they are. */
function toALabels(text: string): string {
  const labels = text.split(/[.\u3002\uff0e\uff61]/);
  const converted = labels.map((label) => {
    if (PRINTABLE.test(label)) return label;
    return NOT_INTERNATIONAL.test(label) ? '' : domainToASCII(label);
  });
  return converted.includes('') ? '' : converted.join('.');
}
