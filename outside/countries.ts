// Countries of addresses, as stages and the log see them. The database behind it is a local file; nothing is looked up
// over the network.

export interface Countries {
  /** Two capital letters (ISO 3166-1), or null for what the database does not know: private, reserved, unlisted. */
  countryOf(address: string): string | null;
}
