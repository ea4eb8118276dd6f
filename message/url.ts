// URLs found in the texts of a message, with what the reader sees beside where they lead.

export interface Url {
  /** As found, entities and encodings of the carrier undone. */
  readonly raw: string;
  /** Normalised by the WHATWG rules, or null where it does not parse. */
  readonly href: string | null;
  /** Host in A-label form, lower case, or null. */
  readonly host: string | null;
  /** Registrable domain by the public suffix list, or null. */
  readonly domain: string | null;
  /** Visible text of the link (HTML anchors), or null. */
  readonly text: string | null;
  readonly from: 'plain' | 'html-link' | 'html-image' | 'html-form' | 'html-other' | 'html-text';
}
