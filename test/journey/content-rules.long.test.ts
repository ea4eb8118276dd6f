// The administrator's own rules on real servers: MCP rules with a class of quarantine of their own, address filters per
// recipient, keywords, conditions on country and direction, and rule files that change while mail flows.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUSE, OUTSIDE, startLine, type Line } from '../ground/line.js';
import { fieldsNamed, nextId, writeAttachment, writeMail, type MailParts } from '../ground/mail.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { SmtpClient, type ClientReply } from '../ground/smtp-client.js';
import type { LogRow } from '../ground/weir.js';
import type { StagedFinding } from '../../pipeline/finding.js';
import { comeToRest, findHeld, findLogged, findSecurity, outcomeOf } from './look.js';

const ready = requirePackage('postfix') && requireRoot();
/** An address of the registry for Europe, in its own country. */
const DUTCH = '193.0.6.139';

const CONFIG = (directory: string): string => `verdict:
  mcp: quarantine
  mcpOver: 1
  tagAt: 5
  actions: { MCP_BURN: discard, MCP_LOOK_ONLY: accept }
mcp:
  files: [${JSON.stringify(join(directory, 'mcp.yaml'))}]
  rules:
    - { name: just-at, pattern: threshold met, score: 1 }
    - { name: half-one, pattern: first half, score: 0.6 }
    - { name: half-two, relation: matches, pattern: 'second\\s+half', score: 0.6 }
    - { name: burn, target: subject, relation: equals, pattern: burn after reading }
    - { name: look-only, pattern: only look }
    - { name: list, target: content, pattern: 'kundennummer;name' }
    - { name: leaving, pattern: stays in the house, when: { directions: [sent] } }
    - { name: dutch, pattern: from the dutch, when: { countries: [NL] } }
custom:
  addresses:
    - { sender: '*@newsletter.test', recipient: 'hans@*', kind: not-spam }
    - { sender: 'pest@away.test', recipient: 'hans@*', kind: spam }
  keywords:
    - name: casino
      keywords: [{ keyword: roulette, score: 3 }, { keyword: 'jackpots?', regex: true, target: subject, score: 2.5 }]
rules:
  files: [${JSON.stringify(join(directory, 'site.cf'))}]
`;
const CF = 'header SITE_DUTCH X-Relay-Countries =~ /^NL\\b/\nscore SITE_DUTCH 0.3\n';
const ruleFile = (word: string): string => `rules:\n  - { name: from-file, pattern: ${word} }\n`;

interface Sent {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly client?: string;
  readonly inside?: boolean;
  readonly write?: (messageId: string) => string;
}

describe.skipIf(!ready)("the administrator's own rules", () => {
  let line: Line;
  let mcpFile: string;
  beforeAll(async () => {
    line = await startLine({
      name: 'content',
      main: { smtpd_authorized_xclient_hosts: OUTSIDE },
      prepare: (directory) => {
        mcpFile = join(directory, 'mcp.yaml');
        writeFileSync(mcpFile, ruleFile('aardvark'));
        writeFileSync(join(directory, 'site.cf'), CF);
        return { config: CONFIG(directory) };
      },
    });
  });
  afterAll(() => line?.stop());

  /** Hands one mail in; the reply that decided, and the row of the log. */
  async function send(parts: MailParts, sent: Sent = {}): Promise<{ reply: ClientReply; row: LogRow }> {
    const messageId = nextId();
    const client = await SmtpClient.open(line.port, sent.inside === true ? {} : { localAddress: OUTSIDE });
    if (sent.client !== undefined) {
      expect((await client.command(`XCLIENT ADDR=${sent.client} NAME=[UNAVAILABLE]`)).code).toBe(220);
      await client.command('EHLO client.test');
    }
    const { last } = await client.deliver({
      mailFrom: sent.from ?? 'anna@away.test',
      rcptTo: sent.to ?? ['hans@house.test'],
      content: sent.write?.(messageId) ?? writeMail({ ...parts, messageId }),
    });
    await client.quit();
    return { reply: last, row: await findLogged(line, messageId) };
  }

  const findings = (row: LogRow, stage: string): readonly string[] =>
    (row['findings'] as readonly StagedFinding[])
      .filter((one) => one.stage === stage)
      .map(({ id, score }) => `${id} ${score}`);
  const hans = (row: LogRow) => outcomeOf(row, 'hans@house.test');
  /** That very mail at the sink. */
  const arrived = (row: LogRow, recipient: string) =>
    waitUntil(`the mail for ${recipient}`, 20_000, () =>
      line.sink.mailsFor(recipient).find(({ content }) => content.includes(String(row['messageId']))),
    );
  const isThere = (row: LogRow): boolean =>
    line.sink.mails.some(({ content }) => content.includes(String(row['messageId'])));
  const quiet = (): Promise<void> => comeToRest(line);

  describe('MCP', () => {
    it('at the threshold: delivered, and logged', async () => {
      const { reply, row } = await send({ body: 'The THRESHOLD\r\nmet, exactly.\r\n' });
      expect(reply.code).toBe(250);
      expect(hans(row)).toMatchObject({ action: 'accept' });
      expect(findings(row, 'mcp')).toEqual(['MCP_JUST_AT 1']);
      await arrived(row, 'hans@house.test');
    });

    it('over the threshold: held in a class of its own, and released like any other', async () => {
      const { reply, row } = await send({ body: 'The first half, and the second\r\nhalf.\r\n' });
      expect(reply.code).toBe(250);
      expect(hans(row)).toMatchObject({ action: 'quarantine', category: 'mcp' });
      expect(await findSecurity(line, row)).toMatchObject([{ category: 'data-protection' }]);
      const id = hans(row)?.quarantineId ?? '';
      const held = await findHeld(line, id);
      expect(held).toMatchObject({ category: 'mcp', recipients: [{ address: 'hans@house.test', state: 'held' }] });
      expect(JSON.stringify(held)).toMatch(/MCP score 1\.2 over 1: MCP_HALF_ONE: half-one in content/);
      expect(JSON.stringify(row)).not.toContain('the second');
      expect((await line.weir.rows(['quarantine', 'list', '--category', 'mcp'])).length).toBeGreaterThan(0);
      await quiet();
      expect(isThere(row)).toBe(false);
      expect(await line.weir.run(['quarantine', 'release', id])).toMatchObject({ status: 0 });
      expect((await arrived(row, 'hans@house.test')).content.toString()).toContain('first half');
    });

    it('discarded where a rule is set so, delivered where another is', async () => {
      const burnt = await send({ subject: '=?utf-8?q?Burn_after_=52eading?=' });
      expect([burnt.reply.code, hans(burnt.row)?.action]).toEqual([250, 'discard']);
      const seen = await send({ body: 'You may only look.\r\n' });
      expect([seen.reply.code, hans(seen.row)?.action]).toEqual([250, 'accept']);
      expect(findings(seen.row, 'mcp')).toEqual(['MCP_LOOK_ONLY 2']);
      await arrived(seen.row, 'hans@house.test');
      await quiet();
      expect(isThere(burnt.row)).toBe(false);
    });

    it('finds what an attached text file holds', async () => {
      const csv = 'Kundennummer;Name\r\n4711;Huber\r\n';
      const { row } = await send(
        {},
        { write: (messageId) => writeAttachment({ messageId }, 'k.csv', 'text/csv', csv) },
      );
      expect(hans(row)).toMatchObject({ action: 'quarantine', category: 'mcp' });
    });

    it('of one direction leaves the others alone', async () => {
      const body = 'This stays in the house.\r\n';
      const out = await send({ body }, { inside: true, from: `hans@${HOUSE}`, to: ['anna@away.test'] });
      expect(outcomeOf(out.row, 'anna@away.test')).toMatchObject({ direction: 'sent', action: 'quarantine' });
      const both = await send(
        { body },
        { inside: true, from: `hans@${HOUSE}`, to: ['anna@away.test', 'hans@house.test'] },
      );
      expect(outcomeOf(both.row, 'anna@away.test')).toMatchObject({ action: 'quarantine', category: 'mcp' });
      expect(hans(both.row)).toMatchObject({ direction: 'internal', action: 'accept' });
      const received = await send({ body });
      expect(hans(received.row)).toMatchObject({ direction: 'received', action: 'accept' });
    });
  });

  describe('address filters', () => {
    it('mark as spam for the recipient they name, and for no other', async () => {
      const { row } = await send({}, { from: 'pest@away.test', to: ['hans@house.test', 'eva@house.test'] });
      const flags = async (recipient: string): Promise<readonly string[]> =>
        fieldsNamed((await arrived(row, recipient)).content, 'X-Spam-Flag');
      expect(hans(row)).toMatchObject({ action: 'tag', category: 'spam' });
      expect(outcomeOf(row, 'eva@house.test')).toMatchObject({ action: 'accept' });
      expect(await flags('hans@house.test')).toEqual(['YES']);
      expect(await flags('eva@house.test')).toEqual([]);
    });

    it('mark as not spam whatever the score, for the recipient they name', async () => {
      const parts = { from: 'News <news@newsletter.test>', subject: 'Jackpot', body: 'Roulette!\r\n' };
      const { row } = await send(parts, { to: ['hans@house.test', 'eva@house.test'] });
      expect(findings(row, 'custom')).toEqual(['CUSTOM_ADDRESS_NOT_SPAM 0', 'CUSTOM_WORDS_CASINO 5.5']);
      expect(hans(row)).toMatchObject({ action: 'accept' });
      expect(outcomeOf(row, 'eva@house.test')).toMatchObject({ action: 'tag', category: 'spam' });
    });
  });

  it('keywords add up to spam', async () => {
    const one = await send({ body: 'A game of ROULETTE?\r\n' });
    expect(findings(one.row, 'custom')).toEqual(['CUSTOM_WORDS_CASINO 3']);
    expect(hans(one.row)).toMatchObject({ action: 'accept' });
    const two = await send({ subject: 'jackpots', body: 'A game of roulette?\r\n' });
    expect(hans(two.row)).toMatchObject({ action: 'tag', category: 'spam' });
  });

  it('the country of the client is known, to MCP rules, to rule files and in the log', async () => {
    const body = 'Greetings from the Dutch.\r\n';
    const dutch = await send({ body }, { client: DUTCH });
    expect(dutch.row).toMatchObject({ clientAddress: DUTCH, country: 'NL' });
    expect(hans(dutch.row)).toMatchObject({ action: 'quarantine', category: 'mcp' });
    expect(findings(dutch.row, 'rules')).toContain('SITE_DUTCH 0.3');
    const told = await line.weir.run(['explain', String(dutch.row['id'])]);
    expect(told.stdout).toMatch(/\bNL\b/);
    const other = await send({ body }, { client: '198.51.100.7' });
    expect(other.row).toMatchObject({ country: null });
    expect(hans(other.row)).toMatchObject({ action: 'accept' });
    expect(findings(other.row, 'rules')).not.toContain('SITE_DUTCH 0.3');
  });

  it('a rule file that changes while mail flows is taken; a bad one is not; no mail is lost', async () => {
    const words = { body: 'An aardvark and a zebra.\r\n' };
    const verdictOf = async (): Promise<string> => {
      const { reply, row } = await send(words);
      expect(reply.code).toBe(250);
      return findings(row, 'mcp').length === 0 ? 'delivered' : 'held';
    };
    expect(await verdictOf()).toBe('held');
    writeFileSync(mcpFile, ruleFile('platypus'));
    await waitUntil('the new rules', 20_000, async () => (await verdictOf()) === 'delivered');
    writeFileSync(mcpFile, `${ruleFile('zebra')}  - { name: oops, patern: x }\n`);
    await waitUntil('the refusal', 20_000, () =>
      /new settings refused.*mcp\.yaml:3|mcp\.yaml:3.*new settings refused/.test(line.weir.log()),
    );
    expect(await verdictOf()).toBe('delivered');
    writeFileSync(mcpFile, ruleFile('zebra'));
    await waitUntil('the rules that were mended', 20_000, async () => (await verdictOf()) === 'held');
  }, 90_000);
});
