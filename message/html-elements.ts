// What the renderer needs to know of HTML's elements: which stand on lines of their own, which close others, which hold
// no text. Tables only.

/** Elements that stand on lines of their own. */
export const BLOCKS = new Set(
  (
    'address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form ' +
    'frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav ol optgroup option p plaintext pre ' +
    'search section summary table tbody tfoot thead title tr ul xmp'
  ).split(' '),
);
/** Elements without content and end tag. */
export const VOID = new Set(
  'area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr'.split(' '),
);
/** Elements whose text no reader shows, nor would if it were not hidden. What stands in `object` and its like is shown. */
export const NO_TEXT = new Set(['script', 'style', 'noframes', 'noembed', 'iframe']);
/** Elements whose text is not shown in the body. Not `head`: whatever text stands there belongs to the body. */
export const NOT_SHOWN = new Set(['title', 'template', 'datalist']);
/** Formatting elements: their end tag closes them even across a block, without closing the block. */
export const FORMATTING = new Set('a b big code em font i nobr s small strike strong tt u'.split(' '));
/** Start tag → open elements it closes, up to the given bound. */
export const CLOSES = new Map<string, { readonly names: ReadonlySet<string>; readonly bounds: ReadonlySet<string> }>([
  ['td', { names: new Set(['td', 'th']), bounds: new Set(['tr', 'table']) }],
  ['th', { names: new Set(['td', 'th']), bounds: new Set(['tr', 'table']) }],
  ['tr', { names: new Set(['tr', 'td', 'th']), bounds: new Set(['table', 'tbody']) }],
  ['li', { names: new Set(['li']), bounds: new Set(['ul', 'ol', 'menu', 'dir', 'table', 'td']) }],
  ['dt', { names: new Set(['dt', 'dd']), bounds: new Set(['dl', 'table', 'td']) }],
  ['dd', { names: new Set(['dt', 'dd']), bounds: new Set(['dl', 'table', 'td']) }],
  ['option', { names: new Set(['option']), bounds: new Set(['select']) }],
  ['a', { names: new Set(['a']), bounds: new Set(['table', 'td']) }],
]);
/** Elements beyond which a paragraph is not closed by a block. */
export const P_BOUNDS = new Set(['table', 'td', 'th', 'button', 'caption', 'object']);
/** Sizes 1–7 of `<font size>`, px; 0 is none. */
export const LEGACY_FONT_PX = [0, 10, 13, 16, 18, 24, 32, 48];

/** What a block closes. */
export const P_ONLY: ReadonlySet<string> = new Set(['p']);
/** Parts of tables. */
export const TABLE = new Set(['table', 'tbody', 'thead', 'tfoot', 'tr', 'td', 'th', 'caption']);
