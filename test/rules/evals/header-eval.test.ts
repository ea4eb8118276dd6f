// Evals on headers, dates, relays, lists, free mail, authentication and bounces: each says yes to one mail and no to another.
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../message/parse.js';
import { EVALS } from '../../../rules/evals/table.js';
import type { RuleFacts } from '../../../rules/evals/facts.js';
import { parseRules } from '../../../rules/language/reader.js';
import { RuleMail } from '../../../rules/mail/rule-mail.js';
import { cpuMsSince } from '../../ground/cpu.js';

const SETTINGS = `util_rb_tld example com net org de uk
util_rb_2tld co.uk
freemail_domains free.example free.*
freemail_welcomelist good@free.example
welcomelist_from *@nice.example
blocklist_from bad@*
blocklist_to spamtrap@*
welcomelist_from_rcvd *@shop.example relay.example
def_welcomelist_from_dkim *@bank.example
welcomelist_from_dkim *@list.example lists.example
welcomelist_auth *@auth.example
welcomelist_bounce_relays out.example
welcomelist_subject order*
blocklist_subject cheap
enlist_addrlist (NAMES) *@named.example
adsp_override *.bank.example custom_high
`;
const { settings } = parseRules(SETTINGS, 'test.cf');
const DAY_MS = Date.UTC(2024, 0, 2, 12);

function mailOf(header: string, body = 'text', facts: RuleFacts | null = null): RuleMail {
  const raw = Buffer.from(`${header}\n\n${body}\n`, 'latin1');
  return new RuleMail(parseMessage(raw), null, 1_000_000, null, { settings, nowMs: DAY_MS, facts });
}

function holds(call: string, mail: RuleMail): boolean {
  const [name = '', ...args] = call.split('|');
  const context = { rule: 'X', input: 'header', flags: new Set<string>() } as const;
  return EVALS.get(name)!.run(mail, args, context).count > 0;
}

const from = (ip: string, rdns = 'relay.example', helo = 'h.example') =>
  `Received: from ${helo} (${rdns} [${ip}]) by mx.example (Postfix) with ESMTP id A123; Tue, 2 Jan 2024 10:00:00 +0000`;
const HOP = from('192.0.2.1');
const many = (...names: string[]) => `To: ${names.map((name) => `${name}@a.example`).join(', ')}`;

describe('an eval holds for the first mail and not for the second', () => {
  it.each<[string, string, string]>([
    ['check_illegal_chars|Subject|0.1|2', 'Subject: a\xe4\xf6 b', 'Subject: \xc3\xa4\xc3\xb6'],
    ['check_illegal_chars|Subject|0|2', 'Subject: \x01\x02', 'Subject: \xa3\xe4'],
    ['check_header_count_range|Subject|2|9', 'Subject: a\nSubject: b', 'Subject: a\nSubject: a'],
    ['check_for_missing_to_header', 'Cc: a@a.example', 'To: a@a.example'],
    ['subject_is_all_caps', 'Subject: RE: GOOD NEWS TODAY', 'Subject: GOODNEWSTODAY'],
    ['subject_is_all_caps', 'Subject: GOOD NEWS TODAY', 'Subject: =?koi8-r?q?GOOD_NEWS_TODAY?='],
    ['check_for_to_in_subject|user', 'To: ada@a.example\nSubject: ada, look', 'To: ada@a.example\nSubject: Ada, look'],
    [
      'check_for_to_in_subject|address',
      'To: ada@a.example\nSubject: for ADA@a.example',
      'To: ada@a.example\nSubject: ada',
    ],
    ['sorted_recipients', many('a', 'b', 'c', 'd', 'e', 'f', 'g'), many('b', 'a', 'c', 'd', 'e', 'f', 'g')],
    ['similar_recipients|0.65|undef', many('ada', 'adb', 'adc', 'add', 'ade'), many('ada', 'bob', 'cid', 'dan', 'eve')],
    [
      'check_for_matching_env_and_hdr_from',
      'Return-Path: <a@a.example>\nFrom: A@a.example',
      'Return-Path: <b@a.example>\nFrom: a@a.example',
    ],
    [
      'check_equal_from_domains',
      'Return-Path: <a@x.b.example>\nFrom: a@a.example',
      'Return-Path: <a@x.a.example>\nFrom: a@y.a.example',
    ],
    ['check_unresolved_template', 'X-Name: %FIRST_NAME', 'Subject: %FIRST_NAME'],
    [
      'check_ratware_name_id',
      `Message-ID: <${'A'.repeat(28)}.a@a.example>\nFrom: "Ada" <a@a.example>`,
      'Message-ID: <A.a@a.example>\nFrom: "Ada" <a@a.example>',
    ],
    [
      'check_ratware_envelope_from',
      'To: bob@b.example\nReturn-Path: <b.example.bob@c.example>',
      'To: bob@b.example\nReturn-Path: <bob@c.example>',
    ],
    [
      'check_for_shifted_date|96|undef',
      `${HOP}\nDate: Sun, 7 Jan 2024 10:00:00 +0000`,
      `${HOP}\nDate: Tue, 2 Jan 2024 09:00:00 +0000`,
    ],
    ['check_for_shifted_date|undef|-96', `${HOP}\nDate: 20 Dec 2023 10:00 GMT`, `${HOP}\nDate: nonsense`],
    [
      'received_within_months|undef|1',
      `${HOP}\nDate: Tue, 2 Jan 2024 09:00:00 +0000`,
      'Date: Fri, 2 Jun 2023 09:00:00 +0000',
    ],
    ['gated_through_received_hdr_remover', 'To: a@a.example', HOP],
    [
      'check_for_forged_yahoo_received_headers',
      `${HOP}\nFrom: a@yahoo.com`,
      `${from('192.0.2.1', 'mta.yahoo.com')}\nFrom: a@yahoo.com`,
    ],
    [
      'check_for_forged_gmail_received_headers',
      `${HOP}\nFrom: a@gmail.com`,
      `${HOP}\nX-Received: by 10.1.2.3 with SMTP id a1\nFrom: a@gmail.com`,
    ],
    ['check_for_no_hotmail_received_headers', `${HOP}\nFrom: a@hotmail.com`, `${HOP}\nFrom: a@a.example`],
    ['check_for_forged_hotmail_received_headers', `${from('192.0.2.1', 'x.example', 'mx.hotmail.com')}`, HOP],
    ['check_for_forged_juno_received_headers', `${HOP}\nFrom: a@juno.com`, `From: a@juno.com`],
    ['check_for_forged_eudoramail_received_headers', `${HOP}\nFrom: a@eudoramail.com`, HOP],
    [
      'check_for_fake_aol_relay_in_rcvd',
      'Received: from rly-xa01.mx.aol.com (rly-xa01.mx.aol.com [192.0.2.1]) by x',
      HOP,
    ],
    ['check_all_trusted', from('10.0.0.1'), HOP],
    ['check_no_relays', 'To: a@a.example', HOP],
    ['check_relays_unparseable', 'Received: from somewhere odd', HOP],
    ['helo_ip_mismatch', from('8.8.8.8', 'a.example', '9.9.9.9'), from('8.8.8.8', 'a.example', '8.8.8.9')],
    ['check_for_numeric_helo', from('8.8.8.8', 'a.example', '9.9.9.9'), from('8.8.8.8', 'a.example', '10.9.9.9')],
    [
      'check_for_no_rdns_dotcom_helo',
      from('192.0.2.1', 'unknown', 'mx.aol.com'),
      from('192.0.2.1', 'a.example', 'mx.aol.com'),
    ],
    [
      'check_for_forged_received_trail',
      `${from('192.0.2.1', 'a.one.com')}\n${from('192.0.2.2', 'b.two.com').replace('by mx.example', 'by x.three.com')}\n${from('192.0.2.3', 'c.four.com').replace('by mx.example', 'by x.five.com')}`,
      `${HOP}\n${HOP}`,
    ],
    ['check_from_in_welcomelist', 'From: Ada <ADA@nice.example>', 'From: ada@other.example'],
    [
      'check_from_in_whitelist',
      `${HOP}\nFrom: a@shop.example`,
      `${from('192.0.2.1', 'x.example')}\nFrom: a@shop.example`,
    ],
    [
      'check_forged_in_welcomelist',
      `${from('192.0.2.1', 'x.example')}\nFrom: a@shop.example`,
      `${HOP}\nFrom: a@shop.example`,
    ],
    ['check_from_in_blocklist', 'From: bad@a.example', 'From: bade@a.example'],
    ['check_to_in_blacklist', 'Delivered-To: spamtrap@a.example', 'To: b@a.example'],
    ['check_from_in_list|NAMES', 'From: a@named.example', 'From: a@unnamed.example.net'],
    ['check_replyto_in_list|NAMES', 'Reply-To: a@named.example', 'From: a@named.example'],
    ['check_mailfrom_matches_rcvd', `Return-Path: <a@x.relay.example>\n${HOP}`, `Return-Path: <a@b.example>\n${HOP}`],
    ['check_subject_in_welcomelist', 'Subject: Your ORDER is here', 'Subject: none'],
    ['check_subject_in_blocklist', 'Subject: Cheap things', 'Subject: none'],
    ['check_freemail_from', 'From: ada@free.example', 'From: good@free.example'],
    ['check_freemail_from|^a', 'From: ada@free.net', 'From: bob@free.net'],
    ['check_freemail_header|Reply-To|\\d@', 'Reply-To: ada7@free.example', 'Reply-To: ada@free.example'],
    [
      'check_freemail_replyto',
      'From: a@free.example\nReply-To: b@free.example',
      'From: a@free.example\nReply-To: a@free.example',
    ],
    [
      'check_freemail_replyto|replyto',
      'From: a@free.example\nReply-To: b@free.example',
      'Return-Path: <x-bounces@l.example>\nFrom: a@free.example\nReply-To: b@free.example',
    ],
  ])('%s', (call, yes, no) => {
    expect(holds(call, mailOf(yes))).toBe(true);
    expect(holds(call, mailOf(no))).toBe(false);
  });

  it('check_freemail_replyto reads the body, and skips quoted addresses', () => {
    expect(holds('check_freemail_replyto|reply', mailOf('From: a@free.example', 'write to b@free.example soon'))).toBe(
      true,
    );
    expect(holds('check_freemail_replyto|reply', mailOf('From: a@free.example', 'Bob <b@free.example> wrote'))).toBe(
      false,
    );
    expect(mailOf('From: a@free.example', 'Bob <b@free.example> wrote').texts('body')[1]?.text).toBe('Bob   wrote ');
  });

  it('check_welcomelist_bounce_relays reads what came back', () => {
    const back = (by: string) => mailOf('To: a@a.example', `bounced:\n\nReceived: from pc by ${by} with ESMTP\n`);
    expect(holds('check_welcomelist_bounce_relays', back('out.example'))).toBe(true);
    expect(holds('check_welcomelist_bounce_relays', back('other.example'))).toBe(false);
    expect(holds('have_any_bounce_relays', back('x'))).toBe(true);
  });
});

describe('evals on authentication', () => {
  const facts: RuleFacts = {
    bayes: 0.97,
    authentication: {
      spf: { result: 'pass' },
      spfHelo: { result: 'none' },
      dkim: [{ result: 'pass', domain: 'lists.example', identity: '@lists.example', keyBits: 2048, testing: true }],
      dmarc: { result: 'fail', published: 'reject' },
      arc: { result: 'pass', instances: 1 },
    },
  };
  const header = 'Return-Path: <a@auth.example>\nFrom: a@list.example';

  it.each([
    'check_for_spf_pass',
    'check_for_spf_helo_none',
    'check_for_spf_welcomelist_from',
    'check_dkim_signed',
    'check_dkim_valid',
    'check_dkim_valid|lists.example',
    'check_dkim_dependable',
    'check_dkim_testing',
    'check_for_dkim_welcomelist_from',
    'check_arc_signed',
    'check_arc_valid',
    'check_dmarc_reject',
    'check_bayes|0.95|0.99',
  ])('%s reads what was found, and holds for nothing without', (call) => {
    expect(holds(call, mailOf(header, '', facts))).toBe(true);
    expect(holds(call, mailOf(header))).toBe(false);
  });

  it.each([
    'check_for_spf_fail',
    'check_dkim_valid|other.example',
    'check_dkim_valid_author_sig',
    'check_dkim_valid_envelopefrom',
    'check_for_def_dkim_welcomelist_from',
    'check_dmarc_pass',
    'check_dmarc_missing',
    'check_dmarc_none',
    'check_bayes|0.99|1.00',
  ])('%s does not hold for it', (call) => {
    expect(holds(call, mailOf(header, '', facts))).toBe(false);
  });

  it('the policy of an author is overridden by settings', () => {
    expect(holds('check_dkim_adsp|3', mailOf('From: a@x.bank.example', '', facts))).toBe(true);
    expect(holds('check_dkim_adsp|A', mailOf('From: a@x.bank.example', '', facts))).toBe(false);
  });
});

describe('hostile headers', () => {
  it.each(['a@b.', 'from ', 'by web.mail.', '=', '%', '-', '<', '\xa3', '1:'])('of %j are judged at once', (unit) => {
    const value = unit.repeat(8_000 / unit.length);
    const names = [
      'Received',
      'From',
      'To',
      'Subject',
      'Reply-To',
      'Message-ID',
      'Return-Path',
      'Mailing-List',
      'Date',
    ];
    const mail = mailOf(
      names.map((name) => `${name}: ${name === 'From' ? 'a@yahoo.com, a@gmail.com ' : ''}${value}`).join('\n'),
      value,
    );
    const start = process.cpuUsage();
    for (const [name, each] of EVALS)
      if (each.argsMin <= 3) holds([name, 'Subject', '0', '0'].slice(0, each.argsMin + 1).join('|'), mail);
    expect(cpuMsSince(start)).toBeLessThan(2_000);
  });
});
