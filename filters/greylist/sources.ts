// The administrator's word on single sources: by address, by network, or by the name their address has in reverse DNS.
// The most particular entry holds, addresses before names. A look-up costs a step per prefix length and label.
import { isNetwork, networkOf } from '../../message/network.js';
import { domainKey } from '../../message/sender-key.js';

export type SourceAction = 'allow' | 'greylist' | 'deny';

export interface Source {
  /** Address, network, or domain: a domain stands for itself and all names below. */
  readonly source: string;
  readonly action: SourceAction;
}

/** Finds what is said of a client. */
export class Sources {
  /** By the number of bits, longest first, apart for both families. */
  readonly #networks: readonly {
    readonly family: 4 | 6;
    readonly bits: number;
    readonly entries: Map<string, Source>;
  }[];
  readonly #domains = new Map<string, Source>();

  constructor(sources: readonly Source[]) {
    const networks = new Map<string, { family: 4 | 6; bits: number; entries: Map<string, Source> }>();
    for (const source of sources) {
      if (!isNetwork(source.source)) {
        this.#domains.set(sourceDomain(source.source), source);
        continue;
      }
      const [address = '', length] = source.source.split('/');
      const family = address.includes(':') ? 6 : 4;
      const bits = length === undefined ? (family === 4 ? 32 : 128) : Number(length);
      const key = networkOf(address, { ipv4: bits, ipv6: bits });
      if (key === null) continue;
      const name = `${String(family)}/${String(bits)}`;
      const group = networks.get(name) ?? { family, bits, entries: new Map<string, Source>() };
      group.entries.set(key, source);
      networks.set(name, group);
    }
    this.#networks = [...networks.values()].sort((one, other) => other.bits - one.bits);
  }

  /** `clientName` only where it is confirmed forward. Null when nothing is said. */
  find(address: string | null, clientName: string | null): Source | null {
    return this.#byAddress(address) ?? (clientName === null ? null : this.#byName(clientName));
  }

  #byAddress(address: string | null): Source | null {
    if (address === null) return null;
    const family = address.includes(':') ? 6 : 4;
    for (const { family: of, bits, entries } of this.#networks) {
      if (of !== family) continue;
      const key = networkOf(address, { ipv4: bits, ipv6: bits });
      const found = key === null ? undefined : entries.get(key);
      if (found !== undefined) return found;
    }
    return null;
  }

  #byName(clientName: string): Source | null {
    return longestSuffix(this.#domains, domainKey(clientName));
  }
}

/** `.example.org` and `*.example.org` are other ways to write `example.org`. */
export function sourceDomain(source: string): string {
  return domainKey(source.replace(/^\*?\./, ''));
}

/** The entry for a name or the nearest domain above it. */
export function longestSuffix<Entry>(entries: ReadonlyMap<string, Entry>, name: string): Entry | null {
  for (let from = 0; from >= 0;) {
    const found = entries.get(name.slice(from));
    if (found !== undefined) return found;
    const dot = name.indexOf('.', from);
    from = dot < 0 ? -1 : dot + 1;
  }
  return null;
}
