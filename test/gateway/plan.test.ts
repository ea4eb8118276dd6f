// One plan per message: what the MTA is told, what is held, who gets a separate copy.
import { describe, expect, it } from 'vitest';
import { makePlan, type PlanInput } from '../../gateway/plan.js';
import { parseMessage } from '../../message/parse.js';
import type { Action, Verdict } from '../../pipeline/decide.js';
import { makeTransaction } from '../ground/transaction.js';
import { markSettings } from './settings.js';

const MAIL =
  'From: a@outside.test\r\nX-Spam-Status: No, forged\r\nx-spam-flag: NO\r\nX-Spam-Status: again\r\nSubject: s\r\n\r\nbody\r\n';

function input(recipients: number): PlanInput {
  const transaction = makeTransaction(MAIL, {
    rcptTo: Array.from({ length: recipients }, (_, index) => `r${index}@house.test`),
  });
  const result = {
    findings: [],
    edits: [],
    subRules: [],
    sealBasis: null,
    stageMs: {},
    totalMs: 0,
    broken: [],
    exempts: [],
  };
  return {
    ...{ transaction, message: parseMessage(transaction.content), result, version: 'weir/test', specs: new Map() },
    directions: Array.from({ length: recipients }, () => 'received' as const),
    settings: markSettings(),
    seal: () => [],
  };
}

function verdict(recipient: number, action: Action, fields: Partial<Verdict> = {}): Verdict {
  return {
    recipient,
    action,
    category: action === 'accept' ? null : 'spam',
    score: action === 'accept' ? 1 : 7,
    thresholds: { tagAt: 5, quarantineAt: 10, rejectAt: 15 },
    reason: 'test',
    reply: action === 'reject' ? { code: 554, enhanced: '5.7.1', text: 'no' } : null,
    broken: null,
    ...fields,
  };
}

const plan = (...list: Action[]) =>
  makePlan(
    list.map((action, index) => verdict(index, action)),
    input(list.length),
  );
const kinds = (edits: readonly { kind: string }[]) => edits.map(({ kind }) => kind);

describe('where all recipients agree', () => {
  it('is the answer', () => {
    expect(plan('reject', 'reject').answer).toEqual({
      kind: 'reject',
      reply: { code: 554, enhanced: '5.7.1', text: 'no' },
    });
    expect(plan('tempfail').answer.kind).toBe('tempfail');
    expect(plan('discard').answer).toEqual({ kind: 'discard' });
    expect(plan('quarantine', 'quarantine')).toMatchObject({
      answer: { kind: 'discard' },
      held: [{ recipients: [0, 1] }],
    });
  });

  it('removes forged X-Spam headers, each occurrence, and writes its own', () => {
    const { answer } = plan('tag', 'tag');
    if (answer.kind !== 'accept') throw new Error(answer.kind);
    const deletes = answer.edits.filter((edit) => edit.kind === 'delete-header');
    expect(deletes.map(({ name, occurrence }) => [name.toLowerCase(), occurrence])).toEqual([
      ['x-spam-status', 1],
      ['x-spam-flag', 1],
      ['x-spam-status', 2],
    ]);
    const adds = answer.edits.filter((edit) => edit.kind === 'add-header');
    expect(adds.map(({ name }) => name)).toEqual(['X-Spam-Flag', 'X-Spam-Level', 'X-Spam-Status']);
    expect(adds[1]?.value).toBe('*******');
    expect(adds[2]?.value).toBe('Yes, score=7.0 required=5.0\n\ttests=none\n\tautolearn=no version=weir/test');
  });

  it('never shows a ham at or over the threshold', () => {
    const { answer } = makePlan([verdict(0, 'accept', { score: 4.96 })], input(1));
    expect(JSON.stringify(answer)).toContain('score=4.9 required=5.0');
  });
});

describe('a content that was not kept whole', () => {
  it.each(['accept', 'tag', 'quarantine', 'discard', 'tempfail'] as const)(
    'is refused, never held or passed on: %s',
    (action) => {
      const whole = input(2);
      const cut = { ...whole, transaction: { ...whole.transaction, truncated: true } };
      const { answer, held, copies, outcomes } = makePlan([verdict(0, action), verdict(1, 'accept')], cut);
      expect(answer).toMatchObject({ kind: 'reject', reply: { code: 552 } });
      expect([held, copies]).toEqual([[], []]);
      expect(outcomes.map((one) => one.action)).toEqual(['reject', 'reject']);
    },
  );
});

describe('where they differ', () => {
  it('turns a refusal that others do not share into quarantine', () => {
    const { answer, held, outcomes } = plan('reject', 'accept');
    expect(held).toMatchObject([{ category: 'spam', recipients: [0] }]);
    expect(outcomes.map(({ action }) => action)).toEqual(['quarantine', 'accept']);
    if (answer.kind !== 'accept') throw new Error(answer.kind);
    expect(answer.edits[0]).toEqual({ kind: 'delete-recipient', given: '<r0@house.test>' });
  });

  it('takes the held and the dropped out, and sends the smaller group its own copy', () => {
    const { answer, held, copies } = plan('accept', 'tag', 'accept', 'quarantine', 'discard');
    if (answer.kind !== 'accept') throw new Error(answer.kind);
    const gone = answer.edits.filter((edit) => edit.kind === 'delete-recipient').map(({ given }) => given);
    expect(gone).toEqual(['<r1@house.test>', '<r3@house.test>', '<r4@house.test>']);
    expect(held.map(({ recipients }) => recipients)).toEqual([[3]]);
    expect(copies.map(({ recipients }) => recipients)).toEqual([[1]]);
    expect(kinds(copies[0]?.edits ?? [])).toContain('add-header');
  });

  it('puts the whole message off when one recipient needs it: nothing is delivered, so nothing is doubled', () => {
    const { answer, held, copies, outcomes } = plan('accept', 'tempfail', 'quarantine');
    expect(answer).toMatchObject({ kind: 'tempfail', reply: { code: 451 } });
    expect([held, copies]).toEqual([[], []]);
    expect(outcomes.map(({ action }) => action)).toEqual(['tempfail', 'tempfail', 'tempfail']);
  });

  it('keeps one entry per category', () => {
    const list = [
      verdict(0, 'quarantine'),
      verdict(1, 'quarantine', { category: 'virus', reason: 'Eicar' }),
      verdict(2, 'quarantine'),
    ];
    const { held } = makePlan(list, input(3));
    expect(held).toMatchObject([
      { category: 'virus', reason: 'Eicar', recipients: [1] },
      { category: 'spam', recipients: [0, 2] },
    ]);
  });
});
