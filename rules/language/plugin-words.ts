// Words of plugins that 4.0.1's own `.pre` files do not load: SpamAssassin does not know them until a line loads the plugin,
// so they have no effect here either. Takes a word in its one spelling, gives the plugin it belongs to.

/** Words by plugin; `…*` stands for a family. */
const WORDS: Readonly<Record<string, string>> = {
  AccessDB: 'access_database',
  ASN: 'asn_* clear_asn_lookups',
  AuthRes: 'authres_*',
  DCC: 'use_dcc* dcc_*',
  DecodeShortURLs: 'url_shortener* clear_url_shortener max_short_urls max_short_url_redirections',
  ExtractText: 'extracttext_*',
  FromNameSpoof: 'fns_*',
  OLEVBMacro: 'olemacro_*',
  Phishing: 'phishing_*',
  PhishTag: 'trigger_*',
  ResourceLimits: 'resource_limit_*',
  Shortcircuit: 'shortcircuit*',
  TextCat: 'ok_languages inactive_languages textcat_*',
  URILocalBL: 'uri_block_*',
};

const EXACT = new Map<string, string>();
const FAMILIES: [string, string][] = [];
for (const [plugin, words] of Object.entries(WORDS)) {
  for (const word of words.split(' ')) {
    if (word.endsWith('*')) FAMILIES.push([word.slice(0, -1), plugin]);
    else EXACT.set(word, plugin);
  }
}

/** The plugin without which nobody knows the word, or null where it needs none of these. */
export function pluginOfWord(word: string): string | null {
  return EXACT.get(word) ?? FAMILIES.find(([start]) => word.startsWith(start))?.[1] ?? null;
}
