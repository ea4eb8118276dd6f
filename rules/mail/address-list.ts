// Lists of addresses with `*` and `?` in them, asked fast: whole addresses and the common forms `*@host` and `*@*.host` are
// looked up, only others are compared one by one, in linear time each.

/** Longest address that is compared, bytes. */
const ADDRESS_MAX = 1_024;

export class AddressList {
  readonly #whole = new Set<string>();
  readonly #suffixes = new Map<number, Set<string>>();
  /** What may end a host, behind `*@*`. */
  readonly #hostSuffixes = new Map<number, Set<string>>();
  readonly #others: string[] = [];

  constructor(globs: Iterable<string>) {
    for (const glob of globs) {
      this.#whole.add(glob);
      const behind = (start: string) => (glob.startsWith(start) ? glob.slice(start.length) : null);
      const hostSuffix = behind('*@*');
      const suffix = behind('*');
      if (hostSuffix !== null && isPlain(hostSuffix)) add(this.#hostSuffixes, hostSuffix);
      else if (suffix !== null && isPlain(suffix)) add(this.#suffixes, suffix);
      else if (!isPlain(glob)) this.#others.push(glob);
    }
  }

  /** Whether an address is on the list, whatever its case. */
  has(address: string): boolean {
    const text = address.slice(0, ADDRESS_MAX).toLowerCase();
    if (this.#whole.has(text)) return true;
    for (const [length, suffixes] of this.#suffixes)
      if (text.length >= length && suffixes.has(text.slice(text.length - length))) return true;
    const at = text.indexOf('@');
    if (at >= 0)
      for (const [length, suffixes] of this.#hostSuffixes)
        if (text.length - length > at && suffixes.has(text.slice(text.length - length))) return true;
    return this.#others.some((glob) => globFits(glob, text));
  }
}

function isPlain(text: string): boolean {
  return !text.includes('*') && !text.includes('?');
}

function add(map: Map<number, Set<string>>, suffix: string): void {
  const same = map.get(suffix.length);
  if (same === undefined) map.set(suffix.length, new Set([suffix]));
  else same.add(suffix);
}

/** Whether all of the text fits: `*` is any text, `?` any character. Takes at most their lengths multiplied. */
export function globFits(glob: string, text: string): boolean {
  let [g, t] = [0, 0];
  let [star, from] = [-1, 0];
  while (t < text.length) {
    if (g < glob.length && glob[g] === '*') {
      star = g++;
      from = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++from;
    } else return false;
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}

const KNOWN = new WeakMap<ReadonlySet<string>, AddressList>();

/** The list made of a set of globs; made once for each set. */
export function addressListOf(globs: ReadonlySet<string>): AddressList {
  let list = KNOWN.get(globs);
  if (list === undefined) KNOWN.set(globs, (list = new AddressList(globs)));
  return list;
}
