// Notices: to whom, never to whom, how often, and that nothing of a stranger's text works in them.
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { createDirections } from '../../gateway/direction.js';
import { fillTemplate, isAutomatic, makeNotices, NoticeCap, type NoticeContext } from '../../gateway/notice.js';
import type { Plan } from '../../gateway/plan.js';
import {
  directionsSection,
  noticesSection,
  type DirectionsSettings,
  type NoticesSettings,
} from '../../gateway/settings.js';
import { parseMessage } from '../../message/parse.js';
import { makeTransaction } from '../ground/transaction.js';

const settings = Value.Default(noticesSection.schema, {}) as NoticesSettings;
const directions = createDirections(Value.Default(directionsSection.schema, {}) as DirectionsSettings, []);

function context(
  header: string,
  fields: Partial<NoticeContext> & { transaction?: NoticeContext['transaction'] } = {},
): NoticeContext {
  const transaction = fields.transaction ?? makeTransaction(`${header}\r\n\r\nbody\r\n`);
  const plan = {
    held: [{ category: 'attachment', reason: 'ATTACHMENT: x.exe', score: 0, recipients: [0] }],
    outcomes: [{ action: 'quarantine' }],
  } as unknown as Plan;
  return {
    transaction,
    message: parseMessage(transaction.content),
    plan,
    settings,
    directions,
    cap: new NoticeCap(),
    mtaName: 'mx.house.test',
    nowMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...fields,
  };
}

const notices = (header: string, fields = {}) => makeNotices(context(header, fields), ['E1']);

describe('to whom', () => {
  it('tells the recipient of a held attachment, from the null sender', () => {
    const [notice] = notices('From: a@outside.test\r\nSubject: hello');
    expect(notice).toMatchObject({ kind: 'notice', mailFrom: '', rcptTo: ['b@house.test'], about: 'E1' });
    const sent = parseMessage(notice?.content ?? Buffer.alloc(0));
    expect(sent.header('Auto-Submitted')).toBe('auto-replied');
    expect(sent.subject).toBe('Message held: hello');
    expect(sent.texts[0]?.visible).toContain('Reason:   ATTACHMENT: x.exe');
    expect(sent.oddities).toEqual([]);
  });

  it.each([
    'Auto-Submitted: auto-generated',
    'List-Id: <l.test>',
    'List-Unsubscribe: <mailto:x@l.test>',
    'Precedence: bulk',
  ])('answers no automatic mail: %s', (line) => expect(notices(`From: a@outside.test\r\n${line}`)).toEqual([]));

  it('answers no null sender, and Auto-Submitted: no is no automatic mail', () => {
    const message = parseMessage(Buffer.from('Auto-Submitted: No\r\n\r\n'));
    expect(isAutomatic(makeTransaction('', { mailFrom: '' }), message)).toBe(true);
    expect(isAutomatic(makeTransaction(''), message)).toBe(false);
  });

  it('never writes to a stranger who sent it, only to one who logged in', () => {
    const told = { settings: { ...settings, recipientOnAttachment: false, senderOnHeld: true } };
    expect(notices('From: a@outside.test', told)).toEqual([]);
    const transaction = makeTransaction('From: me@house.test\r\n\r\n', { login: 'me', mailFrom: 'me@house.test' });
    expect(notices('', { ...told, transaction })).toMatchObject([{ rcptTo: ['me@house.test'] }]);
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
  it('leaves template words of a subject as text, and adds no header', () => {
    const header =
      'From: a@outside.test\r\nSubject: {reason} {{constructor.constructor(1)()}} =?utf-8?Q?x=0D=0ABcc:_evil@outside.test?=';
    const [notice] = notices(header);
    const sent = parseMessage(notice?.content ?? Buffer.alloc(0));
    expect(sent.header('Bcc')).toBeNull();
    expect(sent.subject).toContain('{reason} {{constructor.constructor(1)()}}');
    expect(sent.texts[0]?.visible).toContain('{reason}');
  });

  it('keeps what is no field', () => {
    const fields = { subject: 's', sender: 'a', recipient: 'b', reason: 'r', id: 'i', time: 't' };
    expect(fillTemplate('{subject} {nosuch} {__proto__} {constructor}', fields)).toBe(
      's {nosuch} {__proto__} {constructor}',
    );
  });
});
