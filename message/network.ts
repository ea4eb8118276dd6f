// Sets of networks: is this address in one of these? Addresses as ipaddr.js reads them, IPv4-mapped IPv6 unwrapped.
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Networks that answer membership. Throws RangeError naming the entry that is no address or CIDR. */
export class NetworkSet {
  readonly #networks: readonly (readonly [Address, number])[];

  constructor(entries: readonly string[]) {
    this.#networks = entries.map(parseNetwork);
  }

  /** False for null and for what is no address. */
  has(address: string | null): boolean {
    if (address === null || !ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return this.#networks.some(([network, bits]) => network.kind() === parsed.kind() && matches(parsed, network, bits));
  }
}

/** Whether an entry is an address or a network, as `NetworkSet` takes them. */
export function isNetwork(entry: string): boolean {
  return ipaddr.isValidCIDR(entry) || ipaddr.isValid(entry);
}

function matches(address: Address, network: Address, bits: number): boolean {
  return address.match.call(address, network, bits);
}

function parseNetwork(entry: string): readonly [Address, number] {
  if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry);
  if (ipaddr.isValid(entry)) {
    const address = ipaddr.process(entry);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  }
  throw new RangeError(`not an address or network: ${JSON.stringify(entry)}`);
}
