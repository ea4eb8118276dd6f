// Whether an address lies on the public internet: what a program may be sent to by names and links of others. Takes an
// address as text; whatever is not plainly public counts as not public.
import ipaddr from 'ipaddr.js';

/**
 * False for loopback, private, link-local, shared and multicast addresses, for documentation and reserved ranges, for
 * IPv6 addresses that carry an IPv4 address (mapped, NAT64, 6to4, Teredo), and for what is no address.
 */
export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.parse(address).range() === 'unicast';
}
