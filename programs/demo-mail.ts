// The dozen messages of the demonstration, all invented: every action is seen at least once.

/** One message of the demonstration. */
export interface DemoMail {
  /** What it is, in a line. */
  readonly title: string;
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  readonly clientAddress: string;
  /** `{now}` stands for the time of sending. */
  readonly lines: readonly string[];
}

const HEAD = (from: string, to: string, subject: string) => [
  `From: ${from}`,
  `To: ${to}`,
  `Subject: ${subject}`,
  'Date: {now}',
  `Message-ID: <${Buffer.from(subject).toString('hex').slice(0, 24)}@mail.example>`,
  'MIME-Version: 1.0',
];
const TEXT = ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', ''];
const ANNA = 'anna@house.example';
const BEN = 'ben@house.example';
const SALES = 'sales@house.example';

function withAttachment(name: string, type: string, content: Buffer): readonly string[] {
  return [
    'Content-Type: multipart/mixed; boundary="parts"',
    '',
    '--parts',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Please find the document attached.',
    '--parts',
    `Content-Type: ${type}; name="${name}"`,
    `Content-Disposition: attachment; filename="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    content.toString('base64'),
    '--parts--',
  ];
}

const PHISHING = [
  'Content-Type: text/html; charset=utf-8',
  '',
  '<html><body><p>Dear customer,</p>',
  '<p>We noticed <b>unusual activity</b>. Your account has been limited and will be suspended within 24 hours.',
  'Please verify your account and confirm your password immediately:</p>',
  '<p><a href="http://203.0.113.77/login/verify.php">https://www.bank.example/login</a></p>',
  '<p>Failure to act now will result in permanent closure of your account.</p>',
  '<span style="display:none">meadow copper lantern violin harbour ticket</span></body></html>',
];

const ADVANCE_FEE = [
  ...TEXT,
  'DEAR FRIEND,',
  '',
  'I am the personal attorney of a late client who died without next of kin and left the sum of',
  'US$ 18,500,000.00 (EIGHTEEN MILLION FIVE HUNDRED THOUSAND UNITED STATES DOLLARS) in our bank.',
  'I seek your assistance to transfer this fund. You will keep 40% of the total sum as beneficiary.',
  'This transaction is 100% risk free and must remain strictly confidential.',
  'Reply with your full name, bank account number and telephone number.',
];

export const DEMO_MAIL: readonly DemoMail[] = [
  {
    title: 'a plain letter',
    mailFrom: 'clara@mail.example',
    rcptTo: [ANNA],
    clientAddress: '198.51.100.10',
    lines: [
      ...HEAD('Clara <clara@mail.example>', ANNA, 'Lunch on Friday'),
      ...TEXT,
      'Shall we meet at noon? The usual place.',
    ],
  },
  {
    title: 'a letter in Chinese',
    mailFrom: 'mei@mail.example',
    rcptTo: [BEN],
    clientAddress: '198.51.100.10',
    lines: [
      ...HEAD('=?utf-8?B?576O546y?= <mei@mail.example>', BEN, '=?utf-8?B?6YCx5LqU55qE5pyD6K2w?='),
      ...TEXT,
      Buffer.from('週五下午三點開會，資料在附件之外另寄。', 'utf8').toString('latin1'),
    ],
  },
  {
    title: 'a newsletter in HTML',
    mailFrom: 'bounce-77@news.example',
    rcptTo: [ANNA],
    clientAddress: '198.51.100.20',
    lines: [
      ...HEAD('Garden News <news@news.example>', ANNA, 'What to plant in January'),
      'List-Id: <garden.news.example>',
      'List-Unsubscribe: <https://news.example/leave?u=77>',
      'Content-Type: text/html; charset=utf-8',
      '',
      '<html><body><h1>January</h1><p>Sow broad beans and sweet peas under glass.',
      'Read the <a href="https://news.example/january">whole calendar</a>.</p></body></html>',
    ],
  },
  {
    title: 'a bounce: null sender',
    mailFrom: '',
    rcptTo: [BEN],
    clientAddress: '198.51.100.30',
    lines: [
      ...HEAD('Mail Delivery System <mailer-daemon@mx.mail.example>', BEN, 'Undelivered Mail Returned to Sender'),
      'Auto-Submitted: auto-replied',
      ...TEXT,
      'The address you wrote to does not exist.',
    ],
  },
  {
    title: 'a report with a PDF',
    mailFrom: 'office@mail.example',
    rcptTo: [ANNA],
    clientAddress: '198.51.100.10',
    lines: [
      ...HEAD('Office <office@mail.example>', ANNA, 'Minutes of the meeting'),
      ...withAttachment(
        'minutes.pdf',
        'application/pdf',
        Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n'),
      ),
    ],
  },
  {
    title: 'an advance-fee letter',
    mailFrom: 'attorney@freemail.example',
    rcptTo: [ANNA],
    clientAddress: '203.0.113.40',
    lines: [
      ...HEAD('Barrister John <attorney@freemail.example>', 'undisclosed-recipients:;', 'URGENT BUSINESS PROPOSAL!!!'),
      ...ADVANCE_FEE,
    ],
  },
  {
    title: 'phishing for a password',
    mailFrom: 'service@secure-login.example',
    rcptTo: [BEN],
    clientAddress: '203.0.113.41',
    lines: [
      ...HEAD('"Bank Security" <service@secure-login.example>', BEN, 'Your account has been suspended'),
      ...PHISHING,
    ],
  },
  {
    title: 'the GTUBE test string',
    mailFrom: 'tester@mail.example',
    rcptTo: [BEN],
    clientAddress: '198.51.100.10',
    lines: [
      ...HEAD('Tester <tester@mail.example>', BEN, 'Test of the spam filter'),
      ...TEXT,
      ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join(''),
    ],
  },
  {
    title: 'a program called an invoice',
    mailFrom: 'billing@mail.example',
    rcptTo: [ANNA],
    clientAddress: '203.0.113.42',
    lines: [
      ...HEAD('Billing <billing@mail.example>', ANNA, 'Invoice 2026-0117'),
      ...withAttachment('invoice.pdf.exe', 'application/pdf', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)])),
    ],
  },
  {
    title: 'a piece of a split message',
    mailFrom: 'pieces@mail.example',
    rcptTo: [BEN],
    clientAddress: '203.0.113.43',
    lines: [
      ...HEAD('Pieces <pieces@mail.example>', BEN, 'Part two'),
      'Content-Type: message/partial; id="a1@mail.example"; number=2; total=3',
      '',
      'the middle of something',
    ],
  },
  {
    title: 'a mail loop',
    mailFrom: 'loop@mail.example',
    rcptTo: [ANNA],
    clientAddress: '198.51.100.50',
    lines: [
      ...Array.from(
        { length: 60 },
        (_, hop) => `Received: from r${hop}.example by r${hop + 1}.example with SMTP; {now}`,
      ),
      ...HEAD('Loop <loop@mail.example>', ANNA, 'Round and round'),
      ...TEXT,
      'Where did I start?',
    ],
  },
  {
    title: 'one doubtful offer, three recipients with thresholds of their own',
    mailFrom: 'offer@deals.example',
    rcptTo: [ANNA, BEN, SALES],
    clientAddress: '203.0.113.44',
    lines: [...HEAD('Deals <offer@deals.example>', ANNA, 'Your account has been limited'), ...PHISHING],
  },
];

/** The settings of the demonstration: embedded defaults, and thresholds of three people that differ. */
export const DEMO_VERDICT_YAML = `verdict:
  recipients:
    - { recipient: ${BEN}, quarantineAt: 4, rejectAt: 100 }
    - { recipient: ${SALES}, tagAt: 50, quarantineAt: null, rejectAt: null }
`;
