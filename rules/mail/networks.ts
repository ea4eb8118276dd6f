// Networks as rule files write them (`trusted_networks`): CIDR, netmask, `10.`, `1.2.3/24`, IPv6, `!` for what is left
// out. The first entry that holds an address decides. Entries that are no network are left out and told.
import ipaddr from 'ipaddr.js';

interface Network {
  readonly excluded: boolean;
  /** IPv4 as IPv4-mapped IPv6. */
  readonly address: ipaddr.IPv6;
  readonly bits: number;
}

/** What stands for this machine; first in every set that asks for it. */
const LOOPBACK = ['127.0.0.0/8', '::1'];

export class RuleNetworks {
  /** Entries that were not understood. */
  readonly refused: readonly string[];
  readonly #networks: readonly Network[];
  readonly #known = new Map<string, boolean>();
  /** Answers kept. */
  static readonly KEPT_MAX = 10_000;

  constructor(entries: readonly string[], withLoopback: boolean) {
    const refused: string[] = [];
    const networks: Network[] = [];
    for (const entry of withLoopback ? [...LOOPBACK, ...entries] : entries) {
      const network = readNetwork(entry);
      if (network === null) refused.push(entry);
      else networks.push(network);
    }
    this.refused = refused;
    this.#networks = networks;
  }

  /** Whether the address is in; false for what is none. */
  has(ip: string): boolean {
    let found = this.#known.get(ip);
    if (found === undefined) {
      found = this.#find(ip);
      if (this.#known.size >= RuleNetworks.KEPT_MAX) this.#known.clear();
      this.#known.set(ip, found);
    }
    return found;
  }

  #find(ip: string): boolean {
    const address = readAddress(ip);
    if (address === null) return false;
    const network = this.#networks.find((each) => address.match(each.address, each.bits));
    return network !== undefined && !network.excluded;
  }
}

function readAddress(text: string): ipaddr.IPv6 | null {
  const bare = text
    .replace(/^\[([^\]]{0,100})\]$/, '$1')
    .replace(/%[A-Za-z0-9:._-]{0,100}$/, '')
    .replace(/^ipv6:/i, '');
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare).toIPv4MappedAddress();
  return ipaddr.IPv6.isValid(bare) ? ipaddr.IPv6.parse(bare) : null;
}

function readNetwork(entry: string): Network | null {
  const parts = /^\s*(!?)\s*([^/\s]{1,100})(?:\/(\S{1,40}))?\s*$/.exec(entry);
  if (parts === null) return null;
  const [, not, where = '', mask] = parts;
  const bare = where.replace(/^\[(.*)\]$/, '$1').replace(/%[A-Za-z0-9._~-]*$/, '');
  const excluded = not === '!';
  const short = /^(\d{1,10})(?:\.(\d{1,10}))?(?:\.(\d{1,10}))?(?:\.(\d{1,10}))?\.?$/.exec(bare);
  if (short !== null) {
    const octets = short.slice(1).filter((octet) => octet !== undefined);
    const dotted = [...octets, '0', '0', '0'].slice(0, 4).map(Number).join('.');
    const bits = mask === undefined ? octets.length * 8 : maskBits(mask);
    if (!ipaddr.IPv4.isValidFourPartDecimal(dotted) || bits === null || bits > 32) return null;
    return { excluded, address: ipaddr.IPv4.parse(dotted).toIPv4MappedAddress(), bits: 96 + bits };
  }
  const bits = mask === undefined ? 128 : /^\d{1,3}$/.test(mask) ? Number(mask) : null;
  if (!ipaddr.IPv6.isValid(bare) || bits === null || bits > 128) return null;
  return { excluded, address: ipaddr.IPv6.parse(bare), bits };
}

/** Length of a prefix, given as such or as a netmask; null where it is neither. */
function maskBits(mask: string): number | null {
  if (/^\d{1,3}$/.test(mask)) return Number(mask);
  return ipaddr.IPv4.isValidFourPartDecimal(mask) ? ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() : null;
}
