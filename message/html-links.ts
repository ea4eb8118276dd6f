// Collects the addresses that the tags of an HTML part point to, bounded in number and length.

/** Links kept, and characters of an address. */
export const LINKS_MAX = 20_000;
export const LINK_LENGTH_MAX = 8_192;
/** Addresses taken from one style attribute. */
const STYLE_LINKS_MAX = 10;

/** One address an HTML part points to. */
export interface HtmlLink {
  /** As written, blanks around dropped. */
  readonly target: string;
  readonly kind: 'link' | 'image' | 'form' | 'other';
  /** Visible text of an anchor, white space collapsed; null for what is no anchor. */
  text: string | null;
}

export class LinkCollector {
  readonly links: HtmlLink[] = [];
  #base: string | null = null;

  /** Address of the first `<base>`, or null. */
  get base(): string | null {
    return this.#base;
  }

  /** Takes the addresses of a tag; gives the link when it is an anchor. */
  take(name: string, attributes: ReadonlyMap<string, string>): HtmlLink | null {
    if (attributes.size === 0) return null;
    if (name === 'base') {
      this.#base ??= attributes.get('href')?.trim() ?? null;
      return null;
    }
    if (name === 'meta') this.#takeRefresh(attributes);
    let anchor: HtmlLink | null = null;
    for (const [attribute, kind] of LINK_ATTRIBUTES) {
      const target = attributes.get(attribute)?.trim();
      if (target === undefined || target === '' || target.startsWith('#')) continue;
      const isAnchor = attribute === 'href' && (name === 'a' || name === 'area');
      const entry = this.#add(target, isAnchor ? 'link' : attribute === 'src' && name !== 'img' ? 'other' : kind);
      if (entry !== null && isAnchor && name === 'a') anchor = entry;
    }
    const style = attributes.get('style');
    if (style !== undefined && style.includes('url(')) this.#takeStyle(style);
    return anchor;
  }

  #add(target: string, kind: HtmlLink['kind']): HtmlLink | null {
    if (this.links.length >= LINKS_MAX) return null;
    const entry: HtmlLink = { target: target.slice(0, LINK_LENGTH_MAX), kind, text: kind === 'link' ? '' : null };
    this.links.push(entry);
    return entry;
  }

  #takeRefresh(attributes: ReadonlyMap<string, string>): void {
    if (attributes.get('http-equiv')?.toLowerCase() !== 'refresh') return;
    const content = attributes.get('content') ?? '';
    const at = content.toLowerCase().indexOf('url=');
    if (at >= 0)
      this.#add(
        content
          .slice(at + 4)
          .replace(/^["']|["']$/g, '')
          .trim(),
        'other',
      );
  }

  #takeStyle(style: string): void {
    let at = style.indexOf('url(');
    for (let found = 0; at >= 0 && found < STYLE_LINKS_MAX; found++) {
      const end = style.indexOf(')', at);
      if (end < 0) return;
      const target = style.slice(at + 4, end).replace(/^["'\s]|["'\s]$/g, '');
      if (target !== '') this.#add(target, 'image');
      at = style.indexOf('url(', end);
    }
  }
}

const LINK_ATTRIBUTES: readonly (readonly [string, HtmlLink['kind']])[] = [
  ['href', 'other'],
  ['src', 'image'],
  ['background', 'image'],
  ['action', 'form'],
  ['formaction', 'form'],
  ['data-saferedirecturl', 'other'],
  ['poster', 'image'],
  ['xlink:href', 'other'],
  ['data', 'other'],
  ['x/href', 'other'],
  ['x/src', 'image'],
];
