// Hostile mail and hostile rules for bench/hostile-rules.ts, all made here: what costs a careless engine most. Each mail
// is given with the rules it is aimed at; null stands for whatever set is measured.

/** One attack: rules as text (null = the set that is measured) and the mail they judge. */
export interface Attack {
  readonly name: string;
  readonly rules: string | null;
  readonly makeMail: () => Buffer;
}

/** Sizes of the attacks, so that a test can run them small. */
export interface AttackSizes {
  /** A run of one letter, bytes. */
  readonly runBytes: number;
  readonly lineBytes: number;
  readonly links: number;
  readonly htmlBytes: number;
  readonly parts: number;
  readonly fields: number;
  /** Lines of hostile rules of each kind. */
  readonly ruleLines: number;
}

export const FULL_SIZES: AttackSizes = {
  runBytes: 1_000_000,
  lineBytes: 10_000_000,
  links: 100_000,
  htmlBytes: 7_000_000,
  parts: 10_000,
  fields: 50_000,
  ruleLines: 2_000,
};

/** Patterns that take a backtracking matcher exponential, cubic or quadratic time over a run of one letter. */
export const SLOW_PATTERNS = [
  '(a+)+$',
  '(a+)+b',
  '(a*)*b',
  '(a|a)*b',
  '(a|aa)+$',
  '(.*)*=.*',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(\\w+\\s*)+:',
  'a.*a.*a.*a.*a.*b',
  '(?!b)(a+)+$',
  '(?=(a+)+$)b',
  '(?<!b)(a|a)*c',
  '(a|a)*\\1c',
  '(.*)(.*)(.*)\\1x',
  '(?>a+)+b(?!c)',
  '(?:a?){60}a{60}(?!a)c',
] as const;

/** Where SpamAssassin's language lets a pattern look. */
const TYPES = ['body', 'rawbody', 'full', 'uri', 'header', 'mimeheader'] as const;

/** Every slow pattern over every text that a rule may read, once and for each match. */
export function slowRules(patterns: readonly string[] = SLOW_PATTERNS): string {
  const lines = TYPES.flatMap((type) =>
    patterns.map((pattern, index) => {
      const name = `SLOW_${type.toUpperCase()}_${String(index)}`;
      const subject = type === 'header' ? 'Subject =~ ' : type === 'mimeheader' ? 'Content-Type =~ ' : '';
      return `${type} ${name} ${subject}/${pattern}/\ntflags ${name} multiple\n`;
    }),
  );
  return lines.join('');
}

const HEAD =
  'From: a@outside.test\r\nTo: b@house.test\r\nDate: Tue, 3 Jan 2023 10:00:00 +0000\r\nMIME-Version: 1.0\r\n';

const textMail = (text: string, head = ''): Buffer =>
  Buffer.from(`${HEAD}${head}Subject: hello\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n`, 'latin1');

const htmlMail = (html: string): Buffer =>
  Buffer.from(`${HEAD}Subject: hello\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${html}\r\n`, 'latin1');

/** Text repeated, with its number put in, until it has that many bytes. */
function repeatTo(bytes: number, piece: (index: number) => string): string {
  const pieces: string[] = [];
  for (let size = 0, index = 0; size < bytes; index++) {
    const next = piece(index);
    pieces.push(next);
    size += next.length;
  }
  return pieces.join('').slice(0, bytes);
}

/** All attacks on the judging of mail. */
export function listAttacks(sizes: AttackSizes): readonly Attack[] {
  const run = 'a'.repeat(sizes.runBytes);
  const links = (make: (index: number) => string) => Array.from({ length: sizes.links }, (_, index) => make(index));
  const own = (name: string, makeMail: () => Buffer): Attack => ({ name, rules: null, makeMail });
  const slow = (name: string, makeMail: () => Buffer): Attack => ({ name, rules: slowRules(), makeMail });
  return [
    slow('slow patterns, a run of a in the body', () => textMail(`${run}!`)),
    slow('slow patterns, the run in words', () =>
      textMail(`${'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! '.repeat(sizes.runBytes / 32)}`),
    ),
    slow('slow patterns, the run in a header', () => textMail('x', `Subject: ${run}!\r\n`)),
    slow('slow patterns, the run in a link', () => textMail(`http://evil.test/${run}!`)),
    slow('slow patterns, the run in a part', () =>
      Buffer.from(`${HEAD}Content-Type: text/plain; name="${run}!"\r\n\r\nx`),
    ),
    own('a body of one line, words', () =>
      textMail(repeatTo(sizes.lineBytes, (index) => `word${String(index % 977)} `)),
    ),
    own('a body of one line, no space', () => textMail('a'.repeat(sizes.lineBytes))),
    own('a body of empty lines', () => textMail('\r\n'.repeat(sizes.lineBytes / 2))),
    own('a body of 8-bit bytes', () =>
      textMail(repeatTo(sizes.lineBytes, (index) => String.fromCharCode(128 + (index % 128)))),
    ),
    own('links in text', () =>
      textMail(links((index) => `http://h${String(index)}.evil.test/p?${String(index)}`).join(' ')),
    ),
    own('bare names in text', () => textMail(links((index) => `www.h${String(index)}.com`).join(' '))),
    own('links in HTML', () =>
      htmlMail(links((index) => `<a href="http://h${String(index)}.evil.test/">x</a>`).join('\r\n')),
    ),
    own('addresses in text', () => textMail(links((index) => `u${String(index)}@h${String(index)}.com`).join(' '))),
    own('HTML of small tags', () => htmlMail(repeatTo(sizes.htmlBytes, () => '<p><b>x</b></p>'))),
    own('HTML of open tags', () => htmlMail(repeatTo(sizes.htmlBytes, () => '<div><font color="#123456">'))),
    own('HTML of styles', () =>
      htmlMail(
        repeatTo(
          sizes.htmlBytes,
          (index) => `<td style="color:#${String(100_000 + (index % 899_999))};display:none">y`,
        ),
      ),
    ),
    own('HTML of one attribute', () => htmlMail(`<a href="${'%41'.repeat(sizes.htmlBytes / 3)}">x</a>`)),
    own('HTML of openings that never close', () => htmlMail('<!--'.repeat(sizes.htmlBytes / 4))),
    own('HTML of entities', () => htmlMail('&#x41;&amp;'.repeat(sizes.htmlBytes / 11))),
    own('parts', () => manyParts(sizes.parts)),
    own('Received fields', () => textMail('x', receivedFields(sizes.fields))),
    own('one field in many lines', () =>
      textMail('x', `References: <a@b>\r\n${' <c@d.test>\r\n'.repeat(sizes.fields)}`),
    ),
    own('encoded words', () => textMail('x', `X-Words: ${'=?utf-8?B?w6k=?= '.repeat(sizes.fields)}\r\n`)),
  ];
}

function manyParts(count: number): Buffer {
  const parts = Array.from(
    { length: count },
    (_, index) => `--b\r\nContent-Type: text/html\r\n\r\n<p>part ${String(index)}`,
  );
  return Buffer.from(`${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.join('\r\n')}\r\n--b--\r\n`);
}

const receivedFields = (count: number): string =>
  Array.from(
    { length: count },
    (_, index) =>
      `Received: from h${String(index)}.test (h [192.0.2.${String(index % 250)}]) by mx.test with ESMTP; Tue, 3 Jan 2023 10:00:00 +0000\r\n`,
  ).join('');

/** A rule file in which every line tries to do more than say what to look for. */
export function hostileRuleFile(lines: number): string {
  const numbers = Array.from({ length: lines }, (_, index) => index);
  return [
    ...ESCAPES,
    `meta DEEP ${'('.repeat(10_000)}1`,
    `meta LONG ${'A + '.repeat(5_000)}1`,
    `body DEEP_GROUPS /${'('.repeat(5_000)}x${')'.repeat(5_000)}/`,
    'body REPEATS /((((a{1,900}){1,900}){1,900}){1,900})/',
    `body ALTERNATIVES /${numbers.map((index) => `w${String(index)}`).join('|')}/i`,
    `body CLASSES /${'[a-z\\x80-\\xff]?'.repeat(1_500)}x/`,
    `body LINE_TOO_LONG /${'x'.repeat(100_000)}/`,
    'replace_start <',
    'replace_end >',
    'replace_tag A <B><B><B><B><B><B><B><B><B><B>',
    'replace_tag B <A><A><A><A><A><A><A><A><A><A>',
    'body BOMB /<A><A><A>/',
    'replace_rules BOMB',
    ...numbers.map((index) => `if (version > ${String(index)})`),
    ...numbers.map(() => 'endif'),
    ...numbers.map((index) => `meta RING_${String(index)} RING_${String((index + 1) % lines)} + 1`),
    ...numbers.map((index) => `meta CHAIN_${String(index)} CHAIN_${String(index + 1)} || CHAIN_${String(index + 1)}`),
    ...numbers.map((index) => `meta GLOB_${String(index)} rules_matching(*_*_*_*${String(index)}*)`),
    ...numbers.map((index) => `body SLOW_${String(index)} /(?!b)(${'a|'.repeat(index % 7)}a+)+${String(index)}$/`),
    ...numbers.map((index) => `body WIDE_${String(index)} /.*.*.*${String(index)}/`),
    ...numbers.map((index) => `describe NOBODY_${String(index)} x`),
    'body LAST /hello/',
    'score LAST 1',
  ].join('\n');
}

const ESCAPES = [
  'loadplugin ../../x',
  'loadplugin Mail::SpamAssassin::Plugin::Evil /tmp/evil.pm',
  'loadplugin Evil::Code; system("id")',
  'include /etc/passwd',
  'include ../../../etc/shadow',
  'include /dev/zero',
  'meta CODE system("id")',
  'meta CODE2 `id`',
  'meta CODE3 process.exit(1)',
  'meta CODE4 (1) ; exit',
  'body CODE5 /(?{ exec "id" })/',
  'body CODE6 /(??{ "x" })/',
  'body CODE7 /x/e',
  "body CODE8 eval:system('id')",
  "body CODE9 eval:constructor('return process')()",
  'header __proto__ Subject =~ /x/',
  'header constructor eval:constructor()',
  'header toString eval:__proto__()',
  'score __proto__ 100',
  'score HUGE 1e999',
  'score NAN nan',
  'priority __proto__ 1e308',
  'describe constructor x',
  'tflags hasOwnProperty maxhits=999999999999',
  'rewrite_header Subject $(id)',
  'dns_server ../../etc/passwd',
  'util_rb_tld __proto__ constructor',
  'trusted_networks 0/0 ::/0 not-a-network',
  'whitelist_from *@*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*b',
  'redirector_pattern /^(.*)*$/',
  'redirector_pattern /(?{ die })(b)/',
  'uri_detail UD raw =~ /(a+)+$/ text =~ /(.*)*$/',
  'askdns ASK ____________________ A /(a+)+$/',
  'urirhssub U ../../x. A /(?{ 1 })/',
  'bayes_store_module Evil',
  'pyzor_path /tmp/evil',
  'clear_headers\u0000',
  'body \u0000 /x/',
  'body B\u0001 /\u0000/',
  'lang xx body Y /x/',
  'if (`id`)',
  'endif',
  'ifplugin ../../x',
  'endif',
] as const;
