// Settings and findings of the sender policy (products A6 and A9).
import { Type, type Static } from 'typebox';
import type { NamedFile } from '../../config/attached.js';
import type { Objection, SectionFile } from '../../config/section.js';
import type { FindingSpec } from '../../pipeline/finding.js';
import { restriction, restrictionMode, unsureRestriction } from '../restriction.js';

const TABLES_MAX = 100;

export const senderSettings = Type.Object({
  notFqdn: restrictionMode(
    'note',
    'Sender domains that are no full domain names: `off`, `note` in the log, or `refuse`. Of received mail only.',
  ),
  unknownDomain: restrictionMode('note', 'Sender domains of others that have no MX record and no address.'),
  malformedMx: restrictionMode('note', 'Sender domains of others whose MX records name no host.'),
  nullMx: restrictionMode(
    'refuse',
    'Sender domains of others that say by a null MX that they take no mail (RFC 7505).',
  ),
  ownership: restrictionMode(
    'refuse',
    'Senders that belong to another login, or to any login where nobody logged in. Without a map of logins nothing is checked.',
  ),
  loginsFile: Type.String({
    default: '',
    maxLength: 4_096,
    examples: ['/etc/weir/logins'],
    description:
      'File that says which logins an address belongs to: `address login[,login...]` a line, `@domain` for a whole domain; empty = none.',
  }),
  loginTables: Type.Array(Type.String({ pattern: '^[a-z0-9_]{1,32}:.{1,1000}$', maxLength: 1_100 }), {
    default: [],
    maxItems: TABLES_MAX,
    examples: [['hash:/etc/postfix/sender_logins']],
    description: 'Tables of Postfix that say the same, asked by `postmap -q`.',
  }),
  loginTablesFromPostfix: Type.Boolean({
    default: false,
    description: "Also take the tables of Postfix's smtpd_sender_login_maps, from `postconf` at start and reload.",
  }),
  postfixDirectory: Type.String({
    default: '',
    maxLength: 4_096,
    description: 'Configuration folder of that Postfix; empty = the installed one.',
  }),
  loginIsAddress: Type.Boolean({
    default: true,
    description: 'Whether a login that is itself the address may use it without an entry.',
  }),
  exemptOwnNetworks: Type.Boolean({
    default: false,
    description:
      'Whether clients of own networks and trusted relays may use any sender without logging in; for networks whose clients need no login.',
  }),
  recipientDelimiter: Type.String({
    default: '+',
    maxLength: 8,
    description: 'Characters that begin an extension of the local part, as in Postfix; empty = none.',
  }),
});
export type SenderSettings = Static<typeof senderSettings>;

export const loginsFileOf = (path: string): NamedFile => ({ path, suffix: '.logins' });

export function senderFiles({ loginsFile }: SenderSettings): readonly SectionFile[] {
  return loginsFile === '' ? [] : [{ ...loginsFileOf(loginsFile), key: ['loginsFile'], required: true }];
}

/** What the schema cannot say: `proxy:` tables and the like are fine, `inline:` of Postfix too; a name must not be one option. */
export function checkSender({ loginTables }: SenderSettings): readonly Objection[] {
  return loginTables.flatMap((table, index) =>
    /[\0\r\n]/.test(table) ? [{ path: ['loginTables', String(index + 1)], expected: 'a table on one line' }] : [],
  );
}

export const senderFindings: readonly FindingSpec[] = [
  restriction('SENDER_NOT_FQDN', 'The domain of MAIL FROM is no full domain name.', {
    code: 550,
    enhanced: '5.1.8',
    text: 'Sender refused: need a fully-qualified address',
  }),
  restriction('SENDER_DOMAIN_UNKNOWN', 'The domain of MAIL FROM has no MX record and no address.', {
    code: 550,
    enhanced: '5.1.8',
    text: 'Sender refused: domain not found',
  }),
  restriction('SENDER_MX_MALFORMED', 'The MX records of the domain of MAIL FROM name no host.', {
    code: 550,
    enhanced: '5.1.8',
    text: 'Sender refused: malformed MX record of its domain',
  }),
  restriction('SENDER_NULL_MX', 'The domain of MAIL FROM says by a null MX that it takes no mail (RFC 7505).', {
    code: 550,
    enhanced: '5.7.27',
    text: 'Sender refused: its domain takes no mail (null MX)',
  }),
  unsureRestriction('SENDER_DOMAIN_UNSURE', 'The domain of MAIL FROM could not be looked up.', {
    code: 451,
    enhanced: '4.4.3',
    text: 'Cannot look up the domain of the sender, try again later',
  }),
  {
    id: 'SENDER_NOT_OWNED',
    category: 'policy',
    check: 'ownership',
    score: 1,
    meaning: 'The sender does not belong to the login that used it.',
    reply: { code: 553, enhanced: '5.7.1', text: 'Sender refused: not owned by the login' },
  },
  {
    id: 'SENDER_NEEDS_LOGIN',
    category: 'policy',
    check: 'ownership',
    score: 1,
    meaning: 'The sender belongs to a login, and nobody logged in.',
    reply: { code: 553, enhanced: '5.7.1', text: 'Sender refused: not logged in' },
  },
  {
    id: 'SENDER_OWNER_UNSURE',
    category: 'policy',
    check: 'ownership',
    score: 1,
    action: 'tempfail',
    meaning: 'It could not be looked up which logins the sender belongs to.',
    reply: { code: 451, enhanced: '4.3.0', text: 'Cannot check the sender now, try again later' },
  },
];
