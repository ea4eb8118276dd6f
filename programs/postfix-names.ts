// How addresses of Weir's are named in Postfix's files. Pure functions over strings.

/** A listen address as Postfix names it: a socket below the queue directory from there, which holds in and out of the chroot. */
export function nameListen(address: string, queueDirectory: string): string {
  const root = `${queueDirectory.replace(/\/$/, '')}/`;
  if (!address.startsWith(`unix:${root}`)) return address;
  return `unix:${address.slice('unix:'.length + root.length)}`;
}

/** Host and port of `inet:host:port`; null for a UNIX socket. */
export function inetOf(address: string): { readonly host: string; readonly port: number } | null {
  const [, host = '', port = ''] = /^inet:(.+):(\d{1,5})$/.exec(address) ?? [];
  return host === '' ? null : { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** The port of master.cf's inet service, by number or by the names that Postfix's own files use; null for others. */
export function servicePort(name: string): number | null {
  const port = name.slice(name.lastIndexOf(':') + 1);
  const known = KNOWN_PORTS.get(port);
  return known ?? (/^\d{1,5}$/.test(port) ? Number(port) : null);
}

const KNOWN_PORTS: ReadonlyMap<string, number> = new Map([
  ['smtp', 25],
  ['submission', 587],
  ['smtps', 465],
  ['submissions', 465],
]);
