// The part of the npm package dnsbl that is used; it brings no types of its own.
declare module 'dnsbl' {
  interface LookupOptions {
    /** ms; over it the answer is false. */
    readonly timeout?: number;
    /** `address` or `address:port`. Without them the package asks servers of its own choice. */
    readonly servers?: readonly string[];
  }
  export function lookup(address: string, zone: string, options?: LookupOptions): Promise<boolean>;
}
