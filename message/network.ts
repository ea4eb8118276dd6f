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

/** The network of so many bits that an address lies in, canonical: `192.0.2.0/24`, `2001:db8::/64`; null for what is no address. */
export function networkOf(
  address: string | null,
  bits: { readonly ipv4: number; readonly ipv6: number },
): string | null {
  if (address === null || !ipaddr.isValid(address)) return null;
  const parsed = ipaddr.process(address);
  const length = parsed.kind() === 'ipv4' ? bits.ipv4 : bits.ipv6;
  const bytes = parsed
    .toByteArray()
    .map((byte, index) => byte & (0xff00 >> Math.max(0, Math.min(8, length - index * 8))));
  return `${ipaddr.fromByteArray(bytes).toString()}/${String(length)}`;
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
