// Mail addresses inside text, as SpamAssassin's FreeMail plugin finds them, and the cleaning it does to text on the way.
// Byte strings; each step is linear or bounded.

/** Characters of a local part other than the dot. */
const ATOM = /[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]/;
/** How far before the `@` a local part may begin. */
const LOCAL_PART_MAX = 64;

const HOST = /(?:[a-z0-9](?:[a-z0-9-]{0,59}[a-z0-9])?\.){1,4}([a-z0-9-]+)(?![a-z0-9-]|\.[a-z0-9])/iy;

interface Found {
  /** Where it may begin, leftmost first. */
  readonly starts: readonly number[];
  readonly end: number;
}

/** The first address whose `@` stands at `from` or beyond, or null. */
function nextAddress(text: string, from: number, tlds: ReadonlySet<string>): (Found & { readonly at: number }) | null {
  for (let at = text.indexOf('@', from); at >= 0; at = text.indexOf('@', at + 1)) {
    HOST.lastIndex = at + 1;
    const host = HOST.exec(text);
    if (host === null || !tlds.has(host[1]!.toLowerCase())) continue;
    const starts = startsBefore(text, at);
    if (starts.length > 0) return { starts, end: at + 1 + host[0].length, at };
  }
  return null;
}

/** Beginnings of the local part before an `@`: after each dot, and where it begins at all. */
function startsBefore(text: string, at: number): number[] {
  const starts: number[] = [];
  let index = at - 1;
  if (index < 0 || !ATOM.test(text[index]!)) return starts;
  for (; index >= 0 && at - index <= LOCAL_PART_MAX; index--) {
    const char = text[index]!;
    if (char === '.' ? text[index + 1] === '.' : !ATOM.test(char)) break;
    if (char !== '.' && (index === 0 || !ATOM.test(text[index - 1]!))) starts.unshift(index);
  }
  return starts;
}

const WEB_ADDRESS = /<?https?:\/\/[^ \t\n\r\f\v]{0,255}(?:@|%40)[^ \t\n\r\f\v]{0,255}/gi;
const AFTER = />|[ \t\n\r\f\v]{1,10}(?!(?:fa(?:x|csi)|tel|phone|e?-?mail))[a-z]{2,11}:/iy;

/** Text without web addresses that hold an `@`, and without mail addresses that a bracket or a further heading ends. */
export function withoutQuoted(text: string, tlds: ReadonlySet<string>): string {
  if (!text.includes('@') && !text.includes('%40')) return text;
  const plain = text.replace(WEB_ADDRESS, ' ');
  let kept = '';
  let from = 0;
  for (let found = nextAddress(plain, 0, tlds); found !== null; found = nextAddress(plain, found.end, tlds)) {
    AFTER.lastIndex = found.end;
    const after = AFTER.exec(plain);
    if (after === null) continue;
    const start = found.starts.find((each) => each >= from && plain.slice(each - 7, each).toLowerCase() !== 'mailto:');
    if (start === undefined) continue;
    kept += `${plain.slice(from, start > from && plain[start - 1] === '<' ? start - 1 : start)} `;
    from = found.end + after[0].length;
  }
  return kept + plain.slice(from);
}

/** Addresses in a text, lower case, in order; `max` bounds them. */
export function addressesIn(text: string, tlds: ReadonlySet<string>, max: number): string[] {
  const addresses: string[] = [];
  let found = nextAddress(text, 0, tlds);
  while (found !== null && addresses.length < max) {
    addresses.push(text.slice(found.starts[0], found.end).toLowerCase());
    found = nextAddress(text, found.end, tlds);
  }
  return addresses;
}

/** The address that a `mailto:` address begins with, lower case, or null. */
export function addressOfMailto(uri: string, tlds: ReadonlySet<string>): string | null {
  if (!/^mailto:/i.test(uri)) return null;
  const found = nextAddress(uri, 7, tlds);
  return found?.starts[0] === 7 ? uri.slice(7, found.end).toLowerCase() : null;
}
