// The stage `lists` (product A2 at message time): asks DNS block and allow lists about client, hops, senders and links of
// received mail, and reports what counts with its weight. What is not known scores nothing and is said; nothing is asked
// until lists are set.
import type { Resolver } from '../../outside/resolver.js';
import { NetworkSet } from '../../message/network.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Check, MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { joinEvidence, showWord } from '../evidence.js';
import { askLists, labelOf, type Asked } from './ask.js';
import { factsOf, NOTHING_ASKED } from './facts.js';
import { HIT_IDS, listsFindings, type ListsFindingId } from './findings.js';
import type { SubjectKind } from '../../lists/known.js';
import { readLists, type List } from '../../lists/list.js';
import { checkOwnAddresses } from './own-addresses.js';
import { hostName } from '../../lists/question.js';
import { checkListsSettings, listsFiles, listsSettings, type ListsSettings } from './settings.js';
import { subjectsOf } from './subjects.js';
import { ListWatch } from '../../lists/watch.js';
import { clientScore, weighAnswers, type EntryHit } from './weigh.js';

/** Time kept back so that what is known is reported before the runner calls the stage broken, ms. */
const DEADLINE_MARGIN_MS = 100;
/** Subjects named in the evidence of one finding. */
const SUBJECTS_SHOWN_MAX = 3;
const MINUTE_MS = 60_000;

export const listsStage: StageModule<typeof listsSettings> = {
  spec: {
    name: 'lists',
    summary: 'Asks DNS block and allow lists about the client, earlier hops, senders and links of received mail.',
    runsAt: ['message'],
    directions: ['received'],
    needs: [],
    settings: listsSettings,
    check: (settings, files) => checkListsSettings(settings, files),
    files: (settings) => listsFiles(settings),
    findings: listsFindings,
    onBreak: 'tempfail',
    timeLimitMs: 15_000,
  },
  create: (settings, outside, files) => makeStage(settings, readLists(settings.sites, files), outside),
};

function makeStage(settings: ListsSettings, lists: readonly List[], outside: Outside): Stage {
  const { resolver } = outside;
  if (resolver === null) return { onMessage: () => unasked(lists), check: () => Promise.resolve(checkWithout(lists)) };
  const watch = new ListWatch(lists, resolver, outside, {
    testEveryMs: settings.testMinutes * MINUTE_MS,
    retestMs: settings.retestMs,
  });
  const tools: Tools = {
    resolver,
    watch,
    wanted: new Set(lists.flatMap(({ entries }) => entries.flatMap(({ ask }) => [...ask]))),
    skipNetworks: new NetworkSet(settings.skipNetworks),
    skipDomains: new Set(settings.skipDomains.flatMap((text) => hostName(text) ?? [])),
    monotonicMs: () => outside.clock.monotonicMs(),
  };
  return {
    onMessage: (job) => (lists.length === 0 ? { findings: [], facts: NOTHING_ASKED } : look(job, settings, tools)),
    check: async (signal) => [
      ...(await checkLists(watch)),
      ...(await checkOwnAddresses(settings, lists, resolver, outside.clock, signal)),
    ],
    close: () => watch.close(),
  };
}

interface Tools {
  readonly resolver: Resolver;
  readonly watch: ListWatch;
  readonly wanted: ReadonlySet<SubjectKind>;
  readonly skipNetworks: NetworkSet;
  readonly skipDomains: ReadonlySet<string>;
  monotonicMs(): number;
}

async function look(job: MessageJob, settings: ListsSettings, tools: Tools): Promise<StageReport> {
  const end = Math.min(job.deadline - DEADLINE_MARGIN_MS, tools.monotonicMs() + settings.waitMs);
  const isLate = () => tools.monotonicMs() >= end;
  const { subjects, leftOut } = subjectsOf(
    job.message,
    job.transaction,
    tools.wanted,
    { ...settings, ...tools },
    isLate,
  );
  const timeoutMs = Math.max(1, Math.ceil(end - tools.monotonicMs()));
  const asked = await withinTime(timeoutMs, job.signal, (signal) =>
    askLists(tools.watch.healths, subjects, tools.resolver, { lookupsMax: settings.lookupsMax, timeoutMs, signal }),
  );
  tools.watch.repeat();
  const found = weighAnswers(asked);
  const findings = [
    ...found.map(hitFinding),
    ...refusal(found, settings.refuseAt),
    ...note('LIST_UNKNOWN', unknowns(asked)),
    ...note('LIST_NOT_ASKED', [...leftOut, ...asked.leftOut]),
  ];
  return { findings, facts: factsOf(asked, found) };
}

/** Runs the work with a signal that is aborted after a time, or with the message. */
async function withinTime<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), timeoutMs);
  try {
    return await work(AbortSignal.any([signal, over.signal]));
  } finally {
    clearTimeout(timer);
  }
}

function hitFinding({ list, entry, hits }: EntryHit): Finding {
  const shown = hits.slice(0, SUBJECTS_SHOWN_MAX).map(({ subject, codes }) => `${subject} (${codes.join(' ')})`);
  const more = hits.length > shown.length ? `, and ${hits.length - shown.length} more` : '';
  const evidence = `${list.name} lists ${shown.join(', ')}${more}`;
  const about = hits.map(({ kind, subject }) => `${labelOf(kind, subject)}.${list.content}`);
  return { ...finding(entry.weight < 0 ? 'LIST_ALLOWED' : HIT_IDS[hits[0].kind], evidence, entry.weight), about };
}

function refusal(found: readonly EntryHit[], refuseAt: number | null): readonly Finding[] {
  const score = clientScore(found);
  const client = found.flatMap(({ hits }) => hits).find(({ kind }) => kind === 'client');
  if (refuseAt === null || client === undefined || score < refuseAt) return [];
  const names = found.filter(({ hits }) => hits.some(({ kind }) => kind === 'client')).map(({ list }) => list.name);
  const evidence = `${client.subject}: ${score} at or over ${refuseAt} by ${[...new Set(names)].join(', ')}`;
  return [{ id: 'CLIENT_REFUSED_BY_LISTS', category: 'dnsbl', score: 1, evidence }];
}

/** Why something is not known, a note for each list. */
function unknowns({ told, disbelieved }: Asked): readonly string[] {
  const notes = new Map<string, string>();
  for (const [list, reason] of disbelieved) notes.set(list.name, reason);
  const silent = new Map<string, { detail: string; count: number }>();
  for (const { list, answer } of told) {
    if (answer.detail === '') continue;
    const known = silent.get(list.name);
    if (known) known.count += 1;
    else silent.set(list.name, { detail: answer.detail, count: 1 });
  }
  for (const [name, { detail, count }] of silent) {
    const times = count > 1 ? ` (${count} names)` : '';
    const before = notes.get(name);
    notes.set(name, before === undefined ? `${detail}${times}` : `${detail}${times}, ${before}`);
  }
  return [...notes].map(([name, text]) => `${name}: ${text}`);
}

function note(id: ListsFindingId, notes: readonly string[]): readonly Finding[] {
  return notes.length === 0 ? [] : [finding(id, joinEvidence(notes), 0)];
}

const finding = (id: ListsFindingId, evidence: string, score: number): Finding => ({
  id,
  category: 'spam',
  group: 'lists',
  score,
  evidence,
});

function unasked(lists: readonly List[]): StageReport {
  const findings = lists.length === 0 ? [] : note('LIST_NOT_ASKED', ['nothing may be looked up here']);
  return { findings, facts: NOTHING_ASKED };
}

function checkWithout(lists: readonly List[]): readonly Check[] {
  if (lists.length === 0) return [NO_LISTS];
  return [{ name: 'lists', state: 'warn', detail: `${lists.length} set, but nothing may be looked up` }];
}

const NO_LISTS: Check = {
  name: 'lists',
  state: 'ok',
  detail: 'none set; `weir check-ip --known` shows well-known ones',
};

/** Tests every list now. */
async function checkLists({ healths }: ListWatch): Promise<readonly Check[]> {
  if (healths.length === 0) return [NO_LISTS];
  return Promise.all(
    healths.map(async (health): Promise<Check> => {
      const { state, reason } = await health.test();
      const name = showWord(health.list.name);
      if (state === 'believed') return { name, state: 'ok', detail: 'its test entries are as they must be' };
      return { name, state: 'fail', detail: `not believed: ${reason}` };
    }),
  );
}
