// The table of the product (A7), cell by cell: what each kind of allow rule spares its mail, from the rule through the
// stage to the decision; and what no rule spares.
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { accessStage } from '../../../filters/access/stage.js';
import { STAGES } from '../../../filters/index.js';
import { decide } from '../../../pipeline/decide.js';
import type { FindingSpec, StagedFinding } from '../../../pipeline/finding.js';
import { verdictSection, type VerdictSettings } from '../../../pipeline/settings.js';
import type { StageReport } from '../../../pipeline/stage.js';
import { envelopeAddress } from '../../ground/transaction.js';
import { makeJob, makeStage } from '../message-job.js';
import { runEarly, world } from './ground.js';

/** As the product has it: what stands under each column. */
const TABLE = `
  allow rule  | dnsbl | spf  | antivirus | dkim | dmarc | restriction
  ip          | skip  | skip | skip      | skip | skip  | skip
  network     | skip  | skip | -         | skip | skip  | skip
  sender      | -     | skip | skip      | -    | -     | skip
  recipient   | -     | skip | skip      | -    | -     | skip
  domain      | -     | skip | skip      | skip | skip  | skip
`;
const [heading = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));
const COLUMNS = heading.slice(1);
const CELLS = rows.flatMap(([kind = '', ...cells]) =>
  cells.map((cell, index) => ({ kind, column: COLUMNS[index] ?? '', skips: cell === 'skip' })),
);

const VALUES: Readonly<Record<string, string>> = {
  ip: '198.51.100.7',
  network: '198.51.100.0/24',
  sender: 'ann@sender.example',
  recipient: 'bob@here.example',
  domain: 'sender.example',
};

/** One finding of each column, as stages make them, and one of everything that no rule spares. */
const PROBES = {
  dnsbl: { id: 'PROBE_DNSBL', category: 'dnsbl' },
  spf: { id: 'PROBE_SPF', category: 'spf' },
  antivirus: { id: 'PROBE_VIRUS', category: 'virus' },
  dkim: { id: 'PROBE_DKIM', category: 'dkim' },
  dmarc: { id: 'PROBE_DMARC', category: 'dmarc' },
  restriction: { id: 'PROBE_RESTRICTION', category: 'policy', check: 'restriction' },
  greylist: { id: 'PROBE_GREYLIST', category: 'greylist' },
  spam: { id: 'PROBE_SPAM', category: 'spam' },
  attachment: { id: 'PROBE_ATTACHMENT', category: 'attachment' },
  content: { id: 'PROBE_CONTENT', category: 'content' },
  mcp: { id: 'PROBE_MCP', category: 'mcp' },
  ownership: { id: 'PROBE_OWNER', category: 'policy', check: 'ownership' },
  policy: { id: 'PROBE_CAP', category: 'policy' },
} as const satisfies Record<string, Pick<FindingSpec, 'id' | 'category' | 'check'>>;
type Probe = keyof typeof PROBES;
/** Everything the rules know nothing of: rate caps and size limits are of the category policy. */
const NEVER: readonly Probe[] = ['spam', 'attachment', 'content', 'mcp', 'policy'];

const specs = new Map<string, FindingSpec>(
  [...accessStage.spec.findings, ...Object.values(PROBES).map((one) => ({ ...one, score: 1, meaning: 'Seen.' }))].map(
    (spec) => [spec.id, spec],
  ),
);
const verdict: VerdictSettings = {
  ...(Value.Default(verdictSection.schema, {}) as VerdictSettings),
  dkim: 'reject',
};

type PinnedRule = Parameters<typeof accessStage.create>[0]['rules'][number];

/** What the stage says of a message from ann to these recipients, with those rules alone. */
async function judged(rules: readonly Partial<PinnedRule>[], to: readonly string[] = ['bob@here.example']) {
  const pinned = rules.map((one, index) => ({
    ...{ name: `rule ${String(index)}`, enabled: true, note: '', scope: 'global', final: false },
    ...one,
  })) as PinnedRule[];
  const stage = await makeStage(accessStage, { rules: pinned }, world());
  const early = await runEarly(stage, { to });
  const transaction = {
    mailFrom: 'ann@sender.example',
    rcptTo: to,
    connection: { clientAddress: '198.51.100.7' },
  };
  const job = makeJob('From: ann@sender.example\r\n\r\nhello\r\n', { transaction, early: () => early as never });
  const atMessage = (await stage.onMessage?.(job)) ?? { findings: [] };
  return { early, reports: [...early, atMessage], to };
}

/** Whether the mail of a recipient comes through although that check found something. */
function passes(
  { reports, to }: { readonly reports: readonly StageReport[]; readonly to: readonly string[] },
  probe: Probe,
  recipient = 0,
) {
  const score = probe === 'spam' ? 100 : 2;
  const finding: StagedFinding = { stage: 'probe', evidence: '', score, ...PROBES[probe] };
  const exempts = reports.flatMap((report) => report.exempts ?? []);
  const found = decide({ findings: [finding], exempts, broken: [] }, to.map(envelopeAddress), verdict, specs);
  return found[recipient]?.action === 'accept';
}

const allow = (kind: string, more: Partial<PinnedRule> = {}): Partial<PinnedRule> => ({
  kind,
  effect: 'allow',
  value: VALUES[kind] ?? '',
  skips: 'model',
  ...(kind === 'sender' || kind === 'domain' ? { authenticated: false } : {}),
  ...more,
});

describe('the table of allow rules', () => {
  it('has five kinds and six columns', () => {
    expect(CELLS).toHaveLength(30);
    expect(CELLS.filter(({ skips }) => skips)).toHaveLength(22);
  });

  it.each(CELLS)('$kind, $column: $skips', async ({ kind, column, skips }) => {
    const found = await judged([allow(kind)]);
    expect(passes(found, column as Probe)).toBe(skips);
    expect(passes(await judged([]), column as Probe)).toBe(false);
  });

  it.each(rows.map(([kind = '']) => kind))(
    '%s: greylisting is a restriction, the rest is never spared',
    async (kind) => {
      const found = await judged([allow(kind)]);
      expect(passes(found, 'greylist')).toBe(true);
      for (const probe of NEVER) expect(passes(found, probe), probe).toBe(false);
      expect(passes(found, 'ownership')).toBe(kind === 'ip' || kind === 'network');
    },
  );

  it.each(['sender', 'domain'])('a new %s rule leaves antivirus on', async (kind) => {
    const found = await judged([{ kind, effect: 'allow', value: VALUES[kind] ?? '', authenticated: false }]);
    expect(passes(found, 'antivirus')).toBe(false);
    expect(passes(found, 'spf')).toBe(true);
  });

  it('a rule may name its columns itself', async () => {
    const found = await judged([allow('ip', { skips: 'dnsbl,restriction' })]);
    expect(['dnsbl', 'restriction', 'greylist'].every((one) => passes(found, one as Probe))).toBe(true);
    expect(['spf', 'antivirus', 'dkim', 'dmarc'].some((one) => passes(found, one as Probe))).toBe(false);
  });

  it('a recipient rule spares its recipient alone', async () => {
    const found = await judged([allow('recipient')], ['bob@here.example', 'eve@here.example']);
    expect(passes(found, 'antivirus', 0)).toBe(true);
    expect(passes(found, 'antivirus', 1)).toBe(false);
  });

  it.each(['ip', 'network', 'sender', 'recipient', 'domain'])(
    'a %s rule of a user touches the spam score and greylisting of that user alone',
    async (kind) => {
      const rule = allow(kind, { scope: 'user:bob@here.example' });
      const found = await judged([rule], ['bob@here.example', 'eve@here.example']);
      for (const probe of Object.keys(PROBES) as Probe[]) {
        expect(passes(found, probe, 0), probe).toBe(probe === 'spam' || probe === 'greylist');
        expect(passes(found, probe, 1), probe).toBe(false);
      }
    },
  );

  it('knows the findings of sender ownership as such', () => {
    const findings = STAGES.flatMap(({ spec }): readonly FindingSpec[] => spec.findings);
    const ownership = findings.filter(({ check }) => check === 'ownership').map(({ id }) => id);
    expect(ownership).toEqual(['SENDER_NOT_OWNED', 'SENDER_NEEDS_LOGIN', 'SENDER_OWNER_UNSURE']);
  });
});
