// The PROXY protocol, version 1 and 2 (HAProxy's specification): who a connection really comes from, told by the server
// before us. Takes and gives bytes; reads strictly, and bounded; knows nothing of who may be believed.
import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { crc32c } from './crc32c.js';

/** Longest header of version 1 with its line end, bytes. */
export const V1_MAX_BYTES = 107;
/** Most that may follow the fixed part of version 2, bytes: addresses and all that is said beside them. */
export const V2_REST_MAX_BYTES = 4_096;
/** The longest header there is. */
export const PROXY_HEADER_MAX_BYTES = 16 + V2_REST_MAX_BYTES;

/** The two ends of a connection. */
export interface ProxyEnds {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
}

/** `ends` null: the sender speaks for itself (LOCAL), or does not say (UNKNOWN, another family). */
export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly reason: string }
  | { readonly kind: 'whole'; readonly sizeBytes: number; readonly ends: ProxyEnds | null };

const MORE: ProxyHeader = { kind: 'more' };
const bad = (reason: string): ProxyHeader => ({ kind: 'bad', reason });

const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_START = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_FIXED_BYTES = 16;
const TCP4 = 0x11;
const TCP6 = 0x21;
const TLV_CRC32C = 3;

/** Reads what came so far, from its first byte. What follows `sizeBytes` belongs to the client. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return MORE;
  if (startsAlike(bytes, V2_START)) return bytes.length < V2_FIXED_BYTES ? MORE : readV2(bytes);
  if (startsAlike(bytes, V1_START)) return readV1(bytes);
  return bad('no PROXY header');
}

/** One header in version 1. IPv4 beside IPv6 is written as IPv6. */
export function writeProxyV1(ends: ProxyEnds): Buffer {
  const { family, client, server } = pairOf(ends);
  return Buffer.from(
    `PROXY ${family === 4 ? 'TCP4' : 'TCP6'} ${client.toString()} ${server.toString()} ${ends.clientPort} ${ends.serverPort}\r\n`,
    'latin1',
  );
}

/** One header in version 2, without anything beside the addresses. */
export function writeProxyV2(ends: ProxyEnds): Buffer {
  const { family, client, server } = pairOf(ends);
  const addresses = Buffer.from([...client.toByteArray(), ...server.toByteArray()]);
  const fixed = Buffer.concat([V2_START, Buffer.from([0x21, family === 4 ? TCP4 : TCP6, 0, addresses.length + 4])]);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(ends.clientPort, 0);
  ports.writeUInt16BE(ends.serverPort, 2);
  return Buffer.concat([fixed, addresses, ports]);
}

function pairOf(ends: ProxyEnds): {
  family: 4 | 6;
  client: ipaddr.IPv4 | ipaddr.IPv6;
  server: ipaddr.IPv4 | ipaddr.IPv6;
} {
  const client = ipaddr.process(ends.clientAddress);
  const server = ipaddr.process(ends.serverAddress);
  if (client.kind() === server.kind()) return { family: client.kind() === 'ipv4' ? 4 : 6, client, server };
  return { family: 6, client: asIpv6(client), server: asIpv6(server) };
}

const asIpv6 = (address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv6 =>
  'toIPv4MappedAddress' in address ? address.toIPv4MappedAddress() : address;

/** Whether the bytes are the start, as far as both go. */
function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n');
  if (end === -1) return bytes.length < V1_MAX_BYTES ? MORE : bad('a header of version 1 without an end');
  const words = bytes.toString('latin1', V1_START.length, end).split(' ');
  const sizeBytes = end + 2;
  if (words[0] === 'UNKNOWN') return { kind: 'whole', sizeBytes, ends: null };
  const family = words[0] === 'TCP4' ? 4 : words[0] === 'TCP6' ? 6 : 0;
  if (family === 0 || words.length !== 5) return bad('a header of version 1 that is none');
  const [, clientAddress = '', serverAddress = '', from = '', to = ''] = words;
  const clientPort = readPort(from);
  const serverPort = readPort(to);
  if (clientPort === null || serverPort === null) return bad('a port that is none');
  if (!isOf(family, clientAddress) || !isOf(family, serverAddress)) return bad('an address that is none');
  const ends = { clientAddress: usual(clientAddress), clientPort, serverAddress: usual(serverAddress), serverPort };
  return { kind: 'whole', sizeBytes, ends };
}

/** Zones are no part of an address on the wire. */
const isOf = (family: 4 | 6, text: string): boolean => isIP(text) === family && !text.includes('%');

/** Lower case and short; IPv4-mapped as IPv4. */
const usual = (text: string): string => (isIPv4(text) ? text : ipaddr.process(text).toString());

/** Without sign or leading zeros. */
function readPort(text: string): number | null {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

function readV2(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes[12] ?? 0;
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) return bad('an unknown version or command');
  const restBytes = bytes.readUInt16BE(14);
  if (restBytes > V2_REST_MAX_BYTES) return bad(`${restBytes} bytes of addresses`);
  const sizeBytes = V2_FIXED_BYTES + restBytes;
  if (bytes.length < sizeBytes) return MORE;
  const family = bytes[13] ?? 0;
  const width = family === TCP4 ? 4 : family === TCP6 ? 16 : 0;
  if (versionAndCommand === 0x20 || width === 0) return { kind: 'whole', sizeBytes, ends: null };
  if (restBytes < 2 * width + 4) return bad('addresses cut short');
  const header = bytes.subarray(0, sizeBytes);
  const trouble = checkTlvs(header, V2_FIXED_BYTES + 2 * width + 4);
  return trouble === null ? { kind: 'whole', sizeBytes, ends: readEnds(header, width) } : bad(trouble);
}

function readEnds(header: Buffer, width: number): ProxyEnds {
  const at = V2_FIXED_BYTES;
  const addressAt = (start: number): string =>
    ipaddr.process(ipaddr.fromByteArray([...header.subarray(start, start + width)]).toString()).toString();
  return {
    clientAddress: addressAt(at),
    serverAddress: addressAt(at + width),
    clientPort: header.readUInt16BE(at + 2 * width),
    serverPort: header.readUInt16BE(at + 2 * width + 2),
  };
}

/** What is said beside the addresses is passed over; its lengths must fit, and a checksum must hold. */
function checkTlvs(header: Buffer, start: number): string | null {
  for (let at = start; at < header.length;) {
    if (at + 3 > header.length) return 'a TLV cut short';
    const length = header.readUInt16BE(at + 1);
    const next = at + 3 + length;
    if (next > header.length) return 'a TLV longer than the header';
    if (header[at] === TLV_CRC32C && !checksumHolds(header, at + 3, length)) return 'a checksum that does not hold';
    at = next;
  }
  return null;
}

/** The checksum is taken with its own four bytes as zeros. */
function checksumHolds(header: Buffer, at: number, length: number): boolean {
  if (length !== 4) return false;
  const zeroed = Buffer.from(header);
  zeroed.fill(0, at, at + 4);
  return crc32c(zeroed) === header.readUInt32BE(at);
}
