// Size and shape limits: at the limit nothing, one over it a finding with its own reply.
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { checkAnnouncedSize, checkLimits, checkRecipient, limitsStage } from '../../filters/limits/stage.js';
import { parseMessage } from '../../message/parse.js';
import type { MessageJob } from '../../pipeline/stage.js';
import { envelopeAddress, makeTransaction } from '../ground/transaction.js';
import { makeEarlyJob } from './early-job.js';

const limits = {
  ...(Value.Default(limitsStage.spec.settings, {}) as { sizeMaxBytes: number; recipientsMax: number; hopsMax: number }),
};

function check(content: string, fields: Parameters<typeof makeTransaction>[1] = {}, own: Partial<typeof limits> = {}) {
  const transaction = makeTransaction(content, fields);
  const job = { transaction, message: parseMessage(transaction.content) } as MessageJob;
  return checkLimits(job, { ...limits, ...own }).findings.map(({ id }) => id);
}

const hops = (count: number) => `${'Received: from a by b\r\n'.repeat(count)}Subject: x\r\n\r\n`;

describe('limits', () => {
  it('counts what the MTA sent, kept or not', () => {
    expect(check('', { sizeBytes: 1_024 }, { sizeMaxBytes: 1_024 })).toEqual([]);
    expect(check('', { sizeBytes: 1_025, truncated: true }, { sizeMaxBytes: 1_024 })).toEqual(['SIZE_OVER_LIMIT']);
  });

  it('says of a content cut within the size limit that the header was too large', () => {
    expect(check('', { sizeBytes: 100, truncated: true })).toEqual(['HEADER_OVER_LIMIT']);
  });

  it('counts recipients and hops', () => {
    const rcptTo = ['a@house.test', 'b@house.test', 'c@house.test'];
    expect(check('', { rcptTo }, { recipientsMax: 3 })).toEqual([]);
    expect(check('', { rcptTo }, { recipientsMax: 2 })).toEqual(['RECIPIENTS_OVER_LIMIT']);
    expect(check(hops(50))).toEqual([]);
    expect(check(hops(51))).toEqual(['HOPS_OVER_LIMIT']);
  });

  it('gives each refusal the code senders know', () => {
    const replies = limitsStage.spec.findings.map(({ reply }) => `${reply?.code} ${reply?.enhanced}`);
    expect(replies).toEqual(['552 5.3.4', '552 5.3.4', '550 5.5.3', '452 4.5.3', '554 5.4.6']);
  });

  it('hold the size that MAIL announces against the limit, and what is no size against nothing', () => {
    const announced = (size: string) => {
      const mailFrom = { ...envelopeAddress('a@outside.test'), params: new Map([['SIZE', size]]) };
      const { findings } = checkAnnouncedSize(makeEarlyJob('mail', { mailFrom }), { ...limits, sizeMaxBytes: 1_024 });
      return findings.map(({ id }) => id);
    };
    expect(announced('1024')).toEqual([]);
    for (const size of ['', '-1', 'much', '1e9', '9'.repeat(21)]) expect(announced(size)).toEqual([]);
    expect(announced('1025')).toEqual(['SIZE_OVER_LIMIT']);
    expect(announced('9'.repeat(20))).toEqual(['SIZE_OVER_LIMIT']);
  });

  it('let the sender keep recipients over the limit for another message', () => {
    const asked = (accepted: readonly string[]) =>
      checkRecipient(makeEarlyJob('rcpt', { accepted }), { ...limits, recipientsMax: 2 }).findings.map(({ id }) => id);
    expect(asked(['x@house.test'])).toEqual([]);
    expect(asked(['x@house.test', 'y@house.test'])).toEqual(['RECIPIENT_OVER_LIMIT']);
  });
});
