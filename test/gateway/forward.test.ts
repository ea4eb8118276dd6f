// Originals sent on: when, as what, and the loops that end.
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { makeForwards, type ForwardContext } from '../../gateway/forward.js';
import type { Plan } from '../../gateway/plan.js';
import { parseMessage } from '../../message/parse.js';
import type { Category } from '../../pipeline/finding.js';
import { makeTransaction } from '../ground/transaction.js';
import { forwardingSettings } from './settings.js';

const MAIL = 'From: a@outside.test\r\nSubject: {id} secret\r\n\r\nbody\r\n';
const TO = ['ops@house.test', 'law@house.test'];

function forwards(
  fields: {
    readonly over?: readonly Category[];
    readonly settings?: Parameters<typeof forwardingSettings>[0];
    readonly answer?: Plan['answer'];
    readonly mail?: string;
    readonly mailFrom?: string;
  } = {},
) {
  const transaction = makeTransaction(fields.mail ?? MAIL, { mailFrom: fields.mailFrom ?? 'a@outside.test' });
  const context: ForwardContext = {
    transaction,
    message: parseMessage(transaction.content),
    plan: { answer: fields.answer ?? { kind: 'discard' }, held: [], copies: [], outcomes: [] },
    over: (fields.over ?? ['mcp']).map((category) => ({ category, reason: 'MCP score 2 over 1: MCP_SECRET' })),
    settings: forwardingSettings({ to: TO, ...fields.settings }),
    from: 'Filter <filter@house.test>',
    id: 'L1',
    nowMs: 0,
  };
  return makeForwards(context);
}

const refusal = { code: 554, enhanced: '5.7.1', text: 'no' };

describe('a forward', () => {
  it('carries the original byte for byte inside a covering mail', async () => {
    const [item] = forwards();
    expect(item).toMatchObject({ kind: 'forward', mailFrom: '', rcptTo: TO, about: 'L1' });
    const parsed = await simpleParser(item?.content ?? '');
    expect(parsed.subject).toBe('Forwarded (content protection rules): {id} secret');
    expect(parsed.text).toContain('MCP score 2 over 1: MCP_SECRET');
    expect(parsed.attachments.map(({ contentType }) => contentType)).toEqual(['message/rfc822']);
    expect(parsed.attachments[0]?.content.toString()).toBe(MAIL);
    expect(parseMessage(item?.content ?? Buffer.alloc(0)).oddities).toEqual([]);
  });

  it('or is the original, with nothing but the loop fields added', () => {
    const [item] = forwards({ settings: { form: 'original', sender: 'filter@house.test' } });
    expect(item?.mailFrom).toBe('filter@house.test');
    expect(item?.content.toString()).toBe(`X-Loop: law@house.test\r\nX-Loop: ops@house.test\r\n${MAIL}`);
  });

  it('is made for the categories set, whatever becomes of the mail, but not of refused mail or a virus', () => {
    expect(forwards({ answer: { kind: 'accept', edits: [] } })).toHaveLength(1);
    expect(forwards({ answer: { kind: 'reject', reply: refusal } })).toEqual([]);
    expect(forwards({ answer: { kind: 'tempfail', reply: refusal } })).toEqual([]);
    expect(forwards({ over: ['mcp', 'virus'] })).toEqual([]);
    expect(forwards({ over: ['spam'] })).toEqual([]);
    expect(forwards({ over: ['spam'], settings: { categories: ['spam'] } })).toHaveLength(1);
    expect(forwards({ over: [] })).toEqual([]);
    expect(forwards({ settings: { to: [] } })).toEqual([]);
  });
});

describe('loops', () => {
  const mail = `X-Loop: Ops@house.test\r\n${MAIL}`;

  it('end: what names our address and has our sender is our own come back', () => {
    expect(forwards({ mail, mailFrom: '' })).toEqual([]);
    expect(forwards({ mail, mailFrom: 'Filter@house.test', settings: { sender: 'filter@house.test' } })).toEqual([]);
  });

  it('cannot be feigned by the field alone, or by somebody else’s', () => {
    expect(forwards({ mail })).toHaveLength(1);
    expect(forwards({ mail: `X-Loop: other@house.test\r\n${MAIL}`, mailFrom: '' })).toHaveLength(1);
  });
});
