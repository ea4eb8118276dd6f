// Postfix's own postscreen in a private instance: several of them with settings of their own, the mail server behind
// them, and beside it the listener that takes connections with a PROXY header from another front. Its DNS lists are
// asked at a server of the test's, through the resolv.conf of a chroot.
import { startPostfix, type Postfix } from './postfix.js';

/** One postscreen. */
export interface PostscreenListener {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Its settings; a cache of its own comes by itself. */
  readonly options: Readonly<Record<string, string>>;
}

export interface PostscreenOptions {
  readonly directory: string;
  readonly listeners: readonly PostscreenListener[];
  /** Where connections with a PROXY header are taken: `127.0.0.1:port`. */
  readonly proxied: string;
  /** Where the mail server is reached without anything in front. */
  readonly plain?: readonly string[];
  /** Address of the DNS server, port 53. */
  readonly nameServer: string;
  readonly main?: Readonly<Record<string, string>>;
  /** Settings of the mail server behind, for both ways in. */
  readonly behind?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** Starts the instance; mail for house.test is taken and thrown away. */
export function startPostscreen(options: PostscreenOptions): Promise<Postfix> {
  const behind = optionLines(options.behind ?? {});
  return startPostfix({
    name: 'front',
    directory: options.directory,
    listeners: [
      { address: options.proxied, options: { smtpd_upstream_proxy_protocol: 'haproxy', ...options.behind } },
      ...(options.plain ?? []).map((address) => ({ address, options: options.behind ?? {} })),
    ],
    services: [
      ...options.listeners.map((listener, index) => postscreenLine(listener, index)),
      `smtpd pass - - n - - smtpd${behind}`,
      'dnsblog unix - - y - 0 dnsblog',
      'tlsproxy unix - - n - 0 tlsproxy',
    ],
    files: {
      // Below the queue directory, which is the root that dnsblog sees.
      '../queue/etc/resolv.conf': `nameserver ${options.nameServer}\noptions attempts:1 timeout:30\n`,
      ...options.files,
    },
    main: {
      relay_domains: 'house.test',
      relay_transport: 'discard:',
      default_transport: 'discard:',
      ...options.main,
    },
  });
}

function postscreenLine(listener: PostscreenListener, index: number): string {
  const cache = { postscreen_cache_map: `btree:$data_directory/front_${index}` };
  return `${listener.address} inet n - n - 1 postscreen${optionLines({ ...cache, ...listener.options })}`;
}

function optionLines(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `\n  -o {${name} = ${value}}`)
    .join('');
}
