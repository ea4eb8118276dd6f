// Which logins an address belongs to (product A9): from a file, or from the tables of Postfix's smtpd_sender_login_maps.
// Keys are tried as Postfix does: the address, the address without its extension, then `@domain` (postconf(5)).
import type { AttachedFile } from '../../config/attached.js';
import { domainKey } from '../../message/sender-key.js';
import type { PostfixTables } from '../../outside/postmap.js';

/** Logins of one address that count. */
export const OWNERS_MAX = 1_000;

/** The logins an address belongs to, in lower case, empty for nobody's; or why that is not known. */
export type Owners = { readonly logins: ReadonlySet<string> } | { readonly failure: string };

export interface OwnerSource {
  owners(address: string): Promise<Owners> | Owners;
}

const NOBODY: Owners = { logins: new Set() };

/** The keys of an address from the narrowest to the widest. */
export function keysOf(address: string, delimiter: string): readonly string[] {
  const at = address.lastIndexOf('@');
  if (at <= 0) return [address.toLowerCase()];
  const local = address.slice(0, at).toLowerCase();
  const domain = domainKey(address.slice(at + 1));
  const end = delimiter === '' ? -1 : [...local].findIndex((char, index) => index > 0 && delimiter.includes(char));
  const plain = end > 0 ? [`${[...local].slice(0, end).join('')}@${domain}`] : [];
  return [`${local}@${domain}`, ...plain, `@${domain}`];
}

/** `address login[,login...]` a line, as in a source of Postfix's tables: `#` begins a comment, blanks go on. */
export function readOwnerFile(files: readonly AttachedFile[]): ReadonlyMap<string, ReadonlySet<string>> {
  const owners = new Map<string, ReadonlySet<string>>();
  for (const line of files.flatMap(({ text }) => logicalLines(Buffer.from(text, 'latin1').toString('utf8')))) {
    const [key = '', ...values] = line.trim().split(/\s+/);
    owners.set(normalKey(key), loginsIn(values.join(' ')));
  }
  return owners;
}

function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    if (/^\s/.test(line) && lines.length > 0) lines.push(`${lines.pop() ?? ''} ${line.trim()}`);
    else lines.push(line);
  }
  return lines;
}

function normalKey(key: string): string {
  const at = key.lastIndexOf('@');
  return at < 0 ? key.toLowerCase() : `${key.slice(0, at).toLowerCase()}@${domainKey(key.slice(at + 1))}`;
}

function loginsIn(value: string): ReadonlySet<string> {
  const logins = value.split(/[\s,]+/).filter((login) => login !== '');
  return new Set(logins.slice(0, OWNERS_MAX).map((login) => login.toLowerCase()));
}

/** The first key that is there decides. */
export function fileSource(owners: ReadonlyMap<string, ReadonlySet<string>>, delimiter: string): OwnerSource {
  return {
    owners: (address) => {
      const key = keysOf(address, delimiter).find((one) => owners.has(one));
      return key === undefined ? NOBODY : { logins: owners.get(key) ?? new Set() };
    },
  };
}

/** Tables are asked in their order, key by key, as Postfix does. */
export function tableSource(tables: PostfixTables, names: readonly string[], delimiter: string): OwnerSource {
  return {
    async owners(address) {
      for (const key of keysOf(address, delimiter)) {
        for (const name of names) {
          const answer = await tables.query(name, key);
          if ('failure' in answer) return { failure: `${name}: ${answer.failure}` };
          if (answer.value !== null) return { logins: loginsIn(answer.value) };
        }
      }
      return NOBODY;
    },
  };
}

/** The first source that knows an owner decides. */
export function firstOf(sources: readonly OwnerSource[]): OwnerSource {
  return {
    async owners(address) {
      for (const source of sources) {
        const found = await source.owners(address);
        if ('failure' in found || found.logins.size > 0) return found;
      }
      return NOBODY;
    },
  };
}
