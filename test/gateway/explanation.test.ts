// An explanation says what happened, why, and what would have had to differ; each claim is checked by judging again.
import { describe, expect, it } from 'vitest';
import { defaultConfiguration } from '../../config/load.js';
import { explain, meaningOf, type ExplainContext } from '../../gateway/explanation.js';
import type { MessageEvent, RecipientOutcome } from '../../logs/event.js';
import { decide, type Verdict } from '../../pipeline/decide.js';
import type { FindingSpec, StagedFinding } from '../../pipeline/finding.js';
import { verdictSection } from '../../pipeline/settings.js';
import { envelopeAddress } from '../ground/transaction.js';

const settings = defaultConfiguration([verdictSection]).section(verdictSection);
const spec = (id: string, fields: Partial<FindingSpec> = {}): FindingSpec => ({
  id,
  category: 'spam',
  score: 1,
  meaning: `Means ${id}.`,
  ...fields,
});
const specs = new Map(
  [
    spec('BIG'),
    spec('SMALL'),
    spec('LIST_*', { meaning: 'The client is on a list.' }),
    spec('EVIL', { category: 'virus' }),
    spec('RDNS', { category: 'policy', check: 'restriction' }),
    spec('AUTH_SPF_PASS', { meaning: 'SPF passes.' }),
    spec('*', { meaning: 'Rules of the site.' }),
  ].map((one) => [one.id, one] as const),
);
const context: ExplainContext = { verdict: settings, version: 'now', specs };

const found = (id: string, score: number, fields: Partial<StagedFinding> = {}): StagedFinding => ({
  stage: 'rules',
  id,
  category: 'spam',
  group: 'rules',
  score,
  evidence: '',
  ...fields,
});

function eventOf(findings: readonly StagedFinding[], fields: Partial<MessageEvent> = {}): MessageEvent {
  const broken = (fields.broken ?? []) as Parameters<typeof decide>[0]['broken'];
  const result = { findings, broken, exempts: fields.exempts ?? [] };
  const verdicts = decide(result, ['a@house.test', 'b@house.test'].map(envelopeAddress), settings, specs);
  const outcome = (verdict: Verdict, index: number): RecipientOutcome => ({
    address: index === 0 ? 'a@house.test' : 'b@house.test',
    direction: 'received',
    action: verdict.action,
    score: verdict.score,
    thresholds: verdict.thresholds,
    category: verdict.category,
    quarantineId: null,
  });
  return {
    kind: 'message',
    id: 'e1',
    time: 0,
    sessionId: 's',
    queueId: 'Q1',
    messageId: 'm@x',
    mailFrom: 'x@away.test',
    headerFrom: 'x@away.test',
    subject: 'hello',
    sizeBytes: 10,
    clientAddress: '203.0.113.9',
    clientName: null,
    country: 'NL',
    helo: 'mail.away.test',
    login: null,
    tls: null,
    settingsVersion: 'now',
    contentSha256: '',
    recipients: verdicts.map(outcome),
    findings,
    subRules: [],
    stageMs: {},
    totalMs: 1,
    broken: [],
    security: null,
    ...fields,
  };
}

const first = (event: MessageEvent) => {
  const [one] = explain(event, context).recipients;
  if (one === undefined) throw new Error('no recipient');
  return one;
};

describe('an explanation', () => {
  it('says where it came from and what became of it', () => {
    const { summary, origin } = explain(eventOf([]), context);
    expect(summary).toBe('The message from x@away.test was delivered.');
    expect(origin).toBe(
      'It came from 203.0.113.9 (no confirmed name) in NL, which called itself mail.away.test, without encryption.',
    );
  });

  it('names the finding that decided, and the way to each threshold', () => {
    const { sentence, differ, parts } = first(eventOf([found('BIG', 4), found('SMALL', 1.5)]));
    expect(sentence).toBe('Delivered, marked as spam: score 5.5 at or over 5.');
    expect(parts).toEqual([{ group: 'rules', points: 5.5, capped: false }]);
    expect(differ).toEqual([
      'Without BIG (+4 points) it would have been delivered unmarked with a score of 1.5.',
      'Without SMALL (+1.5 points) it would have been delivered unmarked with a score of 4.',
      'Below 5 points (now 5.5) it would have been delivered unmarked.',
      'With 4.5 points more it would have been held in quarantine.',
    ]);
  });

  it('tells what would be left without a harm, and without a stage that broke', () => {
    const virus = first(eventOf([found('EVIL', 1, { category: 'virus', stage: 'antivirus' }), found('SMALL', 1)]));
    expect(virus.differ).toEqual(['But for virus it would have been delivered unmarked with a score of 1.']);
    const broken = [{ stage: 'rules', reason: 'out of time', policy: 'tempfail' }];
    const event = eventOf([], { broken });
    expect(first(event).differ[0]).toBe('Had rules worked and found nothing, it would have been delivered unmarked.');
    expect(explain(event, context).broken).toEqual(['The stage rules failed (out of time); its policy is tempfail.']);
  });

  it('shows a cap, a credit, and whom a finding is about', () => {
    const event = eventOf([
      found('LIST_ONE', 50, { group: 'lists', stage: 'lists' }),
      found('SMALL', -2, { recipient: 1 }),
    ]);
    const { recipients, findings } = explain(event, context);
    expect(recipients.map(({ parts }) => parts)).toEqual([
      [{ group: 'lists', points: 20, capped: true }],
      [
        { group: 'rules', points: -2, capped: false },
        { group: 'lists', points: 20, capped: true },
      ],
    ]);
    expect(findings[0]).toMatchObject({ id: 'LIST_ONE', meaning: 'The client is on a list.', recipient: null });
    expect(findings[1]).toMatchObject({ id: 'SMALL', recipient: 'b@house.test' });
  });

  it('puts authentication in sentences, and says when the settings are others by now', () => {
    const event = eventOf([found('AUTH_SPF_PASS', 0, { stage: 'authentication', evidence: 'away.test' })], {
      settingsVersion: 'then',
    });
    const { authentication, notes } = explain(event, context);
    expect(authentication).toEqual(['SPF passes: away.test.']);
    expect(notes[0]).toContain('version then then, now now');
  });

  it('takes the thresholds of then, and those of now where the row has none', () => {
    const event = eventOf([found('BIG', 6)]);
    const old = { ...event, recipients: event.recipients.map((one) => ({ ...one, thresholds: null })) };
    expect(first(old).thresholds).toEqual({ tagAt: 5, quarantineAt: 10, rejectAt: 15 });
    const then = { tagAt: 6, quarantineAt: null, rejectAt: null };
    const other = { ...event, recipients: event.recipients.map((one) => ({ ...one, thresholds: then })) };
    expect(first(other).sentence).toContain('score 6 at or over 6');
    expect(first(other).differ.at(-1)).toBe('Below 6 points (now 6) it would have been delivered unmarked.');
  });

  it('finds the meaning of one of a family, but not in the family of all', () => {
    expect(meaningOf('LIST_ZEN', specs)).toBe('The client is on a list.');
    expect(meaningOf('ANYTHING', specs)).toBe(null);
  });
});

describe('what a rule spares', () => {
  const spared = eventOf([found('RDNS', 1, { category: 'policy' }), found('BIG', 6)], {
    exempts: [
      { check: 'restriction', rule: 'allow rule "partner"' },
      { check: 'spam', rule: 'allow rule "friends"', recipient: 0 },
    ],
  });

  it('stands among the findings with the rule that keeps it from counting, and for whom', () => {
    expect(explain(spared, context).findings.map(({ id, spared: why }) => [id, why])).toEqual([
      ['RDNS', 'not counted: allow rule "partner"'],
      ['BIG', 'not counted for a@house.test: allow rule "friends"'],
    ]);
  });

  it('is no part of the score, and what it would have led to is told', () => {
    const [one, two] = explain(spared, context).recipients;
    expect([one?.action, two?.action]).toEqual(['accept', 'tag']);
    expect([one?.parts, two?.parts.map(({ points }) => points)]).toEqual([[], [6]]);
    expect(one?.differ[0]).toBe('Without allow rule "partner"; allow rule "friends" it would have been refused: RDNS.');
    expect(two?.differ[0]).toBe('Without allow rule "partner" it would have been refused: RDNS.');
  });
});

describe('what would have had to differ', () => {
  it.each([[[5, 1]], [[12, 3, -1]], [[2, 2, 2]], [[16, 1]], [[9.5, 0.5]], [[-1, 6]]])(
    'names %j only where judging again gives another action',
    (scores) => {
      const findings = scores.map((score, index) => found(`F${index}`, score));
      const { differ, action } = first(eventOf(findings));
      const named = findings.filter(({ id }) => differ.some((line) => line.startsWith(`Without ${id} `)));
      const deciding = findings.filter((finding) => {
        const others = findings.filter((one) => one !== finding);
        const rcptTo = [envelopeAddress('a@house.test')];
        return decide({ findings: others, broken: [] }, rcptTo, settings, specs)[0]?.action !== action;
      });
      expect(named).toEqual(deciding);
      expect(differ.length).toBeGreaterThan(0);
    },
  );
});
