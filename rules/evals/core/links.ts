// Evals on links: what the reader is shown against where it leads.
import { domainToUnicode } from 'node:url';
import { getDomain } from '../../../message/public-suffix.js';
import type { Url } from '../../../message/url.js';
import { safe } from '../../bytes.js';
import type { RuleMail } from '../../mail/rule-mail.js';
import { BRANDS } from './brands.js';
import { NO, type Eval, type EvalResult } from '../eval.js';
import { brandsNamed, domainOf, ownsDomain } from './headers.js';

/** Links looked at. */
const LINKS_MAX = 1_000;
/** Longest link text that is read as an address. */
const LINK_TEXT_MAX = 200;

function links(inputs: RuleMail): readonly Url[] {
  return inputs.message.urls.filter(({ host }) => host !== null).slice(0, LINKS_MAX);
}

/** The registered domain that a link's text claims to lead to, or null when it is no address. */
function claimedDomain(text: string): string | null {
  const shown = text.slice(0, LINK_TEXT_MAX).trim();
  const found = /^(?:https?:\/\/)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?:[/?:#]\S{0,200})?$/i.exec(shown);
  if (
    found === null ||
    (!/^(?:https?:|www\.)/i.test(shown) && !/\.(?:com|net|org|gov|edu|co\.uk|de|fr|it)(?:\/|$)/i.test(shown))
  )
    return null;
  return getDomain(found[1]!.toLowerCase());
}

/** The text of a link names another host than its target, and the target is not the sender's own. */
function textMismatch(inputs: RuleMail): EvalResult {
  const own = domainOf(inputs.message.addresses('from')[0]?.address ?? '');
  for (const { text, domain, host } of links(inputs)) {
    const claimed = text === null ? null : claimedDomain(text);
    const target = domain ?? host;
    if (claimed !== null && target !== claimed && target !== own)
      return { count: 1, evidence: `${safe(claimed)} -> ${safe(target ?? '')}` };
  }
  return NO;
}

const SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u];

/** A host label in punycode that mixes alphabets. */
function mixedScript(inputs: RuleMail): EvalResult {
  for (const { host } of links(inputs)) {
    if (host?.includes('xn--') !== true) continue;
    const labels = domainToUnicode(host).split('.');
    if (labels.some((label) => SCRIPTS.filter((script) => script.test(label)).length > 1))
      return { count: 1, evidence: safe(host) };
  }
  return NO;
}

/** A brand's name is part of a host that is not the brand's (`paypal.com.example.net`, `login-microsoft.example`). */
function brandInHost(inputs: RuleMail): EvalResult {
  for (const { host, domain } of links(inputs)) {
    if (host === null || domain === null) continue;
    const parts = host.split(/[.-]/);
    const brand = BRANDS.find(({ names }) =>
      names.some((name) => name.length >= 5 && !/[^a-z0-9]/.test(name) && parts.includes(name)),
    );
    if (brand !== undefined && !ownsDomain(brand, domain)) return { count: 1, evidence: safe(host) };
  }
  return NO;
}

/** Subject or sender name speak for a brand, and no link leads to it while some lead elsewhere. */
function brandNotLinked(inputs: RuleMail): EvalResult {
  const names = inputs.message.addresses('from').map(({ name }) => name);
  const brands = brandsNamed([inputs.message.subject ?? '', ...names].join(' '));
  const clicks = links(inputs).filter(({ from }) => from !== 'html-image');
  if (brands.length === 0 || clicks.length === 0) return NO;
  const reached = clicks.some(({ domain }) => domain !== null && brands.some((brand) => ownsDomain(brand, domain)));
  return reached ? NO : { count: 1, evidence: brands[0]!.names[0]! };
}

/** Links that can be clicked lead to one registered domain only, which is not the sender's. */
function foreignOnly(inputs: RuleMail): EvalResult {
  const own = domainOf(inputs.message.addresses('from')[0]?.address ?? '');
  const domains = new Set(
    links(inputs)
      .filter(({ from }) => from !== 'html-image')
      .map(({ domain, host }) => domain ?? host),
  );
  const [only] = domains;
  return own !== null && domains.size === 1 && only !== own ? { count: 1, evidence: safe(only ?? '') } : NO;
}

export const LINK_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'check_link_text_mismatch',
    {
      summary: "The text of a link is an address in another domain than its target, which is not the sender's either.",
      argsMin: 0,
      argsMax: 0,
      run: textMismatch,
    },
  ],
  [
    'check_uri_mixed_script',
    { summary: 'A host name mixes alphabets in one label.', argsMin: 0, argsMax: 0, run: mixedScript },
  ],
  [
    'check_brand_in_host',
    { summary: "A link's host holds a brand's name and is not the brand's.", argsMin: 0, argsMax: 0, run: brandInHost },
  ],
  [
    'check_brand_not_linked',
    {
      summary: 'Subject or sender name a brand, links are there, and none leads to it.',
      argsMin: 0,
      argsMax: 0,
      run: brandNotLinked,
    },
  ],
  [
    'check_links_foreign_only',
    { summary: "All links lead to one domain, which is not the sender's.", argsMin: 0, argsMax: 0, run: foreignOnly },
  ],
];
