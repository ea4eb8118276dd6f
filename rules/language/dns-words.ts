// Words of rule files that name what rules look up: zones for addresses in links, and queries of their own.
import { LineError, wordsOf } from './lines.js';
import type { UriDnsZone } from './settings.js';
import type { SettingsDraft } from './settings-draft.js';
import { checkRuleName } from './statements.js';

/** What a word does to the settings. */
export type Change = (draft: SettingsDraft, value: string) => void;

/** `uridnsbl`, `urirhssub` and their like: a rule, the zone it asks, the type, and which answers count. */
export const zone =
  (kind: UriDnsZone['kind'], withSubtest: boolean): Change =>
  (draft, value) => {
    const [rule = '', name, type, ...rest] = wordsOf(value);
    if (name === undefined || type === undefined || rest.length > 0 !== withSubtest)
      throw new LineError(`expected RULE zone type${withSubtest ? ' subtest' : ''}`);
    checkRuleName(rule);
    const subtest = withSubtest ? canonicalSubtest(rest.join(' ')) : null;
    draft.uriDnsZones.set(rule, { kind, zone: name.replace(/\.$/, ''), type: type.toUpperCase(), subtest });
  };

/** `n`, `n1-n2`, `n1/mask` with numbers in decimal. */
function canonicalSubtest(text: string): string {
  const found = /^([^/-]+)(?:([/-])(.+))?$/.exec(text);
  if (found === null) throw new LineError(`"${text.slice(0, 40)}" is no subtest`);
  const [, first = '', operator, second] = found;
  const from = addressNumber(first);
  if (operator !== undefined && second !== undefined) return `${from}${operator}${addressNumber(second)}`;
  return first.includes('.') ? `${from}-${from}` : from;
}

function addressNumber(text: string): string {
  if (/^\d{1,10}$/.test(text)) return text;
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return String(parseInt(text, 16));
  const quad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (quad === null) throw new LineError(`"${text.slice(0, 40)}" is neither a number nor an address`);
  return String(quad.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0));
}

/** `askdns`: a rule, what is asked, of which types, and which answers count. */
export function askDns(draft: SettingsDraft, value: string): void {
  const found = /^(\S+)\s+(\S+)(?:\s+([A-Za-z0-9,]+)(?:\s+(\S.*))?)?$/.exec(value);
  if (found === null) throw new LineError('expected RULE query, and types and a subtest or nothing');
  const [, rule = '', template = '', types = 'A', subtest = null] = found;
  checkRuleName(rule);
  draft.askDnsQueries.set(rule, { template, types: types.toUpperCase().split(','), subtest });
}
