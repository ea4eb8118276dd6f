// Where clamd listens, as written in the settings: `unix:/path` or `tcp:host:port`. Text in, connection options out.

/** Options of `net.connect`. */
export type ServerAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** What the settings' schema allows; IPv6 hosts stand in brackets. */
export const SERVER_ADDRESS_PATTERN =
  '^(unix:/[^\\x00]{1,100}|tcp:(\\[[0-9a-fA-F:.]{2,45}\\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5})$';

const PORT_MAX = 65_535;

/** Reads an address. Throws a RangeError that says what is wrong: settings are then not taken. */
export function parseServerAddress(text: string): ServerAddress {
  if (text.startsWith('unix:/')) return { path: text.slice('unix:'.length) };
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  const host = text.slice('tcp:'.length, colon).replace(/^\[|\]$/g, '');
  if (!text.startsWith('tcp:') || host === '' || !Number.isInteger(port) || port < 1 || port > PORT_MAX) {
    throw new RangeError(`not an address of clamd: ${text} (unix:/path or tcp:host:port)`);
  }
  return { host, port };
}
