// The key of a sender: what changes from mail to mail is folded, what tells senders apart stays.
import { describe, expect, it } from 'vitest';
import { recipientKey, SENDER_KEY_MAX_CHARS, senderKey } from '../../message/sender-key.js';

const same = (name: string, ...addresses: readonly string[]): void => {
  it(name, () => {
    const keys = new Set(addresses.map(senderKey));
    expect([...keys]).toHaveLength(1);
  });
};

describe('one key for one sender', () => {
  same('BATV', 'ann@a.example', 'prvs=4e21a3b9c0=ann@a.example', 'PRVS=0123456789=Ann@A.example');
  same('BATV of older drafts', 'ann@a.example', 'prvs=ann/4e21a3b9c0@a.example', 'btv1==4e2==ann@a.example');
  same('SRS0', 'SRS0=abcd=TT=b.example=bob@fwd.example', 'srs0=wxyz=UV=b.example=bob@fwd.example');
  same(
    'SRS1',
    'SRS1=hhhh=first.example==gggg=TT=b.example=bob@fwd.example',
    'SRS1=iiii=first.example==jjjj=UU=b.example=bob@fwd.example',
  );
  same('VERP of ezmlm', 'l-return-7-bob=b.example@l.example', 'l-return-812-eve-x=c.example@l.example');
  same(
    'VERP behind a plus',
    'l-bounces+bob=b.example@l.example',
    'l-bounces+eve=c.example@l.example',
    'l-bounces@l.example',
  );
  same('VERP without a number', 'bounce-bob=b.example@l.example', 'bounce-eve=c.example@l.example');
  same('numbers', 'bounce-123-4@n.example', 'bounce-99-17@n.example');
  same('hexadecimal tokens', 'msg-4fa0c9d1@n.example', 'msg-00ff37aa@n.example');
  same(
    'UUIDs and long tokens',
    '0100018f5a6b7c8d-6ba7b810-9dad-11d1-80b4-00c04fd430c8-000000@ses.example',
    '0100018f00000001-6ba7b811-9dad-11d1-80b4-00c04fd430c9-000000@ses.example',
  );
  same('internationalised domains', 'ann@bücher.example', 'ann@xn--bcher-kva.example', 'ann@BÜCHER.example.');
});

describe('senders that differ', () => {
  it.each([
    ['ann@a.example', 'eve@a.example'],
    ['ann@a.example', 'ann@b.example'],
    ['user1@a.example', 'user2@a.example'],
    ['jsmith1985@a.example', 'jsmith1986@a.example'],
    ['SRS0=abcd=TT=b.example=bob@fwd.example', 'SRS0=abcd=TT=b.example=eve@fwd.example'],
  ])('%s and %s keep keys of their own', (one, other) => {
    expect(senderKey(one)).not.toBe(senderKey(other));
  });
});

describe('what is no plain address', () => {
  it('leaves the null sender empty', () => {
    expect(senderKey('')).toBe('');
  });
  it.each(['nobody', '@', 'a@', '@b', 'prvs=@b', 'srs0=@b', '+a@b', '=a@b', `${'x'.repeat(5_000)}@b`])(
    'takes %s',
    (address) => {
      expect(senderKey(address).length).toBeLessThanOrEqual(SENDER_KEY_MAX_CHARS);
    },
  );
  it('is linear in hostile local-parts', () => {
    const started = process.cpuUsage();
    for (let round = 0; round < 200; round += 1) senderKey(`${'1-'.repeat(20_000)}=${'=-'.repeat(20_000)}@x.example`);
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000);
  });
});

it('compares recipients without case and by A-labels', () => {
  expect(recipientKey('Ann.Lee@BÜCHER.example')).toBe('ann.lee@xn--bcher-kva.example');
  expect(recipientKey('postmaster')).toBe('postmaster');
});
