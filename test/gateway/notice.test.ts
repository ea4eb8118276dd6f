// Notices: to whom, never to whom, how often, and that nothing of a stranger's text works in them.
import { describe, expect, it } from 'vitest';
import { isAutomatic, makeNotices, NoticeCap, type NoticeContext } from '../../gateway/notice.js';
import { NOTICE_FIELDS, NOTICE_KINDS } from '../../gateway/notice-settings.js';
import type { Plan } from '../../gateway/plan.js';
import { parseMessage } from '../../message/parse.js';
import type { Verdict } from '../../pipeline/decide.js';
import type { Category, StagedFinding } from '../../pipeline/finding.js';
import type { ScanResult } from '../../pipeline/run.js';
import { makeTransaction } from '../ground/transaction.js';
import { noticesSettings } from './settings.js';

const HOST = 'mx.house.test';
const ON_ATTACHMENT = noticesSettings({ recipientOnAttachment: {} });

type Fields = Partial<NoticeContext> & { readonly category?: Category; readonly findings?: readonly StagedFinding[] };

const NOTHING_FOUND: ScanResult = {
  ...{ findings: [], edits: [], subRules: [], sealBasis: null, stageMs: {}, totalMs: 0, broken: [], exempts: [] },
};

/** One message held for every recipient. */
function heldPlan(category: Category, recipients: readonly number[]): Plan {
  return {
    answer: { kind: 'discard' },
    held: [{ category, reason: 'ATTACHMENT: x.exe', score: 0, recipients }],
    copies: [],
    outcomes: recipients.map((recipient) => ({ recipient, action: 'quarantine', category }) as Verdict),
  };
}

/** One message dropped for every recipient. */
function droppedPlan(category: Category): Plan {
  const outcome = { recipient: 0, action: 'discard', category, reason: 'Eicar', score: 0 } as Verdict;
  return { answer: { kind: 'discard' }, held: [], copies: [], outcomes: [outcome] };
}

function context(header: string, { category, findings, ...fields }: Fields = {}): NoticeContext {
  const transaction = fields.transaction ?? makeTransaction(`${header}\r\n\r\nbody\r\n`);
  return {
    transaction,
    message: parseMessage(transaction.content),
    result: { ...NOTHING_FOUND, findings: findings ?? [] },
    plan: heldPlan(
      category ?? 'attachment',
      transaction.rcptTo.map((_, index) => index),
    ),
    settings: ON_ATTACHMENT,
    specs: new Map(),
    cap: new NoticeCap(),
    id: 'L1',
    nowMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...fields,
  };
}

const notices = (header: string, fields: Fields = {}) => makeNotices(context(header, fields), ['E1']);
const addressees = (header: string, fields: Fields = {}) => notices(header, fields).flatMap(({ rcptTo }) => rcptTo);
const read = (notice: { readonly content: Buffer } | undefined) => parseMessage(notice?.content ?? Buffer.alloc(0));
const dmarcPass: StagedFinding = {
  ...{ id: 'AUTH_DMARC_PASS', stage: 'authentication', category: 'spam', score: 0, evidence: '' },
};

describe('to recipients', () => {
  it('tells the recipient of a held attachment, from the null sender', () => {
    const [notice] = notices('From: a@outside.test\r\nSubject: hello');
    expect(notice).toMatchObject({ kind: 'notice', mailFrom: '', rcptTo: ['b@house.test'], about: 'E1' });
    const sent = read(notice);
    expect(sent.header('Auto-Submitted')).toBe('auto-replied');
    expect(sent.subject).toBe('Message held: hello');
    expect(sent.texts[0]?.visible).toContain('Reason:   ATTACHMENT: x.exe');
    expect(sent.oddities).toEqual([]);
  });

  it.each([
    ['virus', 'recipientOnVirus'],
    ['attachment', 'recipientOnAttachment'],
    ['content', 'recipientOnContent'],
    ['spam', 'recipientOnHeld'],
    ['dmarc', 'recipientOnHeld'],
  ] as const)('each kind has a template of its own: %s, %s', (category, kind) => {
    const settings = noticesSettings({ [kind]: { subject: `this is ${kind}`, text: '{recipient} {category} {id}' } });
    const sent = notices('From: a@outside.test', { category, settings });
    expect(sent.map((one) => read(one).subject)).toEqual([`this is ${kind}`]);
    expect(read(sent[0]).texts[0]?.visible).toMatch(/^b@house\.test .+ E1/);
    expect(notices('From: a@outside.test', { category, settings: noticesSettings({}) })).toEqual([]);
  });

  it('a deleted virus has another template than a held one, and the number of the log', () => {
    const both = { recipientOnVirus: { text: 'held' }, recipientOnVirusDeleted: { text: 'deleted {id} {reason}' } };
    const sent = notices('From: a@outside.test', { plan: droppedPlan('virus'), settings: noticesSettings(both) });
    expect(sent.map((one) => read(one).texts[0]?.visible.trim())).toEqual(['deleted L1 Eicar']);
  });

  it('never tells one recipient of the others', () => {
    const transaction = makeTransaction('From: a@outside.test\r\n\r\n', {
      rcptTo: ['b@house.test', 'hidden@house.test'],
    });
    const sent = notices('', { transaction });
    expect(sent.map(({ rcptTo }) => rcptTo)).toEqual([['b@house.test'], ['hidden@house.test']]);
    expect(sent[0]?.content.toString()).not.toContain('hidden');
  });

  it('does not name what MCP rules found to a recipient', () => {
    const settings = noticesSettings({ recipientOnHeld: {}, recipientOnContent: {} });
    expect(notices('From: a@outside.test', { category: 'mcp', settings })).toEqual([]);
  });

  it.each([
    'Auto-Submitted: auto-generated',
    'List-Id: <l.test>',
    'List-Unsubscribe: <mailto:x@l.test>',
    'Precedence: bulk',
  ])('says nothing about automatic mail: %s', (line) => expect(notices(`From: a@outside.test\r\n${line}`)).toEqual([]));

  it('answers no null sender, and Auto-Submitted: no is no automatic mail', () => {
    const message = parseMessage(Buffer.from('Auto-Submitted: No\r\n\r\n'));
    expect(isAutomatic(makeTransaction('', { mailFrom: '' }), message)).toBe(true);
    expect(isAutomatic(makeTransaction(''), message)).toBe(false);
  });
});

describe('to senders', () => {
  const settings = noticesSettings({ senderOnHeld: { text: 'held' }, senderOnMcp: { text: 'mcp {recipients}' } });

  it('never writes to a stranger, only to one who logged in', () => {
    expect(notices('From: a@outside.test', { settings })).toEqual([]);
    const transaction = makeTransaction('From: me@house.test\r\n\r\n', { login: 'me', mailFrom: 'me@house.test' });
    expect(addressees('', { settings, transaction })).toEqual(['me@house.test']);
  });

  it('tells the sender of mail held by MCP rules when logged in here, by its own template alone', () => {
    const transaction = makeTransaction('From: me@house.test\r\n\r\n', { login: 'me', mailFrom: 'me@house.test' });
    const sent = notices('', { settings, transaction, category: 'mcp' });
    expect(sent.map((one) => read(one).texts[0]?.visible.trim())).toEqual(['mcp b@house.test']);
  });

  it('or when DMARC passed and the author is the envelope sender', () => {
    const mcp = { settings, category: 'mcp' as const };
    const findings = [dmarcPass];
    expect(addressees('From: A <A@outside.test>', { ...mcp, findings })).toEqual(['a@outside.test']);
    expect(addressees('From: a@outside.test', mcp)).toEqual([]);
  });

  it('never to an envelope sender that DMARC did not speak of: backscatter', () => {
    const mcp = { settings, category: 'mcp' as const, findings: [dmarcPass] };
    expect(addressees('From: other@outside.test', mcp)).toEqual([]);
    expect(addressees('From: a@outside.test, other@outside.test', mcp)).toEqual([]);
    expect(addressees('Subject: no author', mcp)).toEqual([]);
  });

  it('never to the null sender, whatever passed', () => {
    const transaction = makeTransaction('From: a@outside.test\r\n\r\n', { mailFrom: '', login: 'me' });
    expect(notices('', { settings, transaction, category: 'mcp', findings: [dmarcPass] })).toEqual([]);
  });
});

describe('to administrators', () => {
  const settings = noticesSettings(
    { administratorOnHeld: { text: '{recipients} {client} {findings}' } },
    { administrators: ['ops@house.test'], administratorCategories: ['virus'] },
  );

  it('tells of the categories set, with everything known, automatic mail too', () => {
    const findings: readonly StagedFinding[] = [
      { id: 'VIRUS_FOUND', stage: 'antivirus', category: 'virus', score: 1, evidence: 'Eicar' },
    ];
    const [notice] = notices('From: a@outside.test\r\nPrecedence: bulk', { settings, category: 'virus', findings });
    expect(notice?.rcptTo).toEqual(['ops@house.test']);
    expect(read(notice).texts[0]?.visible).toMatch(/^b@house\.test 203\.0\.113\.5 +1\.0 +VIRUS_FOUND/);
    expect(notices('From: a@outside.test', { settings, category: 'spam' })).toEqual([]);
  });
});

describe('how often', () => {
  it('stops at the cap and starts again in the next hour', () => {
    const cap = new NoticeCap();
    const hour = 3_600_000;
    expect([cap.take('A@b', 2, 0), cap.take('a@b', 2, 1), cap.take('a@b', 2, 2), cap.take('c@b', 2, 2)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(cap.take('a@b', 2, hour)).toBe(true);
  });
});

describe('hostile text', () => {
  const header =
    'From: =?utf-8?Q?=E2=80=AEreversed=0D=0ACc:_evil@outside.test?= <a@outside.test>\r\n' +
    'Subject: {reason} {{constructor.constructor(1)()}} =?utf-8?Q?x=0D=0ABcc:_evil@outside.test?=';

  it('leaves template words of a subject as text, and adds no header', () => {
    const [notice] = notices(header);
    const sent = read(notice);
    expect([sent.header('Bcc'), sent.header('Cc')]).toEqual([null, null]);
    expect(sent.subject).toContain('{reason} {{constructor.constructor(1)()}}');
    expect(sent.texts[0]?.visible).toContain('{reason}');
    expect(sent.texts[0]?.visible).not.toContain('\u202e');
  });

  it.each(NOTICE_KINDS)('in every notice: %s', (kind) => {
    const every = NOTICE_FIELDS[kind].map((field) => `{${field}}`).join(' ');
    const settings = noticesSettings(
      { [kind]: { subject: every, text: every } },
      {
        administrators: ['ops@house.test'],
        administratorCategories: ['virus', 'attachment', 'content', 'spam', 'mcp'],
      },
    );
    const transaction = makeTransaction(`${header}\r\n\r\nbody\r\n`, { login: 'me', rcptTo: ['b@house.test'] });
    const occasions = [
      ...(['virus', 'attachment', 'content', 'spam', 'mcp'] as const).map((category) => ({ category })),
      { plan: droppedPlan('virus') },
    ];
    const sent = occasions.flatMap((occasion) => notices('', { ...occasion, settings, transaction }));
    expect(sent.length).toBeGreaterThan(0);
    for (const notice of sent) {
      const message = read(notice);
      const names = message.headers.map(({ key }) => key);
      expect(names).toEqual([
        ...['from', 'to', 'subject', 'date', 'message-id', 'auto-submitted', 'precedence', 'mime-version'],
        ...['content-type', 'content-transfer-encoding'],
      ]);
      expect(message.subject).toContain('{{constructor.constructor(1)()}}');
      expect(message.oddities).toEqual([]);
    }
  });

  it('writes to no address that could end a header line', () => {
    const transaction = makeTransaction('From: a@outside.test\r\n\r\n', {
      rcptTo: ['b\r\nBcc: x@house.test', 'c<d>@x'],
    });
    expect(notices('', { transaction })).toEqual([]);
  });

  it('names the host that holds it', () => {
    const settings = noticesSettings({ recipientOnAttachment: { text: '{host}' } });
    expect(read(notices('From: a@outside.test', { settings })[0]).texts[0]?.visible.trim()).toBe(HOST);
  });
});
