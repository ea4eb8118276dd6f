// The antivirus stage (product D1, D3): every content of a message goes to ClamAV's clamd. Reports what was found and
// what could not be scanned; throws when the engine gives no clear answer, so that the break policy decides.
import type { Finding } from '../../pipeline/finding.js';
import type { MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { joinEvidence, showWord } from '../evidence.js';
import { scanByStream } from './clamd-client.js';
import { CleanResults } from './clean-results.js';
import { ConnectionSlots } from './connection-slots.js';
import { contentsOf } from './contents.js';
import { EngineState } from './engine-state.js';
import { antivirusFindings, findingOfSignature, type AntivirusFindingId } from './findings.js';
import { scanContents, type ScanOutcome, type ScanTools } from './scan.js';
import { checkEngine, checkNoEngine } from './self-check.js';
import { parseServerAddress } from './server-address.js';
import { antivirusSettings, type AntivirusSettings } from './settings.js';

/** Time kept back so that our own error, with its reason, comes before the runner's, ms. */
const DEADLINE_MARGIN_MS = 50;

/** What later stages may read of this one. */
export interface AntivirusFacts extends ScanOutcome {
  /** `none`: nothing was scanned, since no engine is set. */
  readonly engine: 'none' | 'clamd';
}

const NO_ENGINE: AntivirusFacts = { engine: 'none', hits: [], unscanned: [], scans: 0, cached: 0, version: null };

export const antivirusStage: StageModule<typeof antivirusSettings> = {
  spec: {
    name: 'antivirus',
    summary:
      'Has every content of a message scanned by ClamAV: the whole, each part, and each other way it could be read.',
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: [],
    settings: antivirusSettings,
    findings: antivirusFindings,
    onBreak: 'tempfail',
    timeLimitMs: 50_000,
  },
  create: (settings, outside) =>
    settings.engine === 'none' ? stageWithoutEngine() : stageWithClamd(settings, outside),
};

function stageWithoutEngine(): Stage {
  return {
    onMessage: () => ({ findings: [], facts: NO_ENGINE }),
    check: () => Promise.resolve(checkNoEngine()),
  };
}

function stageWithClamd(settings: AntivirusSettings, outside: Outside): Stage {
  const server = parseServerAddress(settings.server);
  const { connectTimeoutMs, scanTimeoutMs } = settings;
  const state = new EngineState(
    server,
    { connectTimeoutMs, timeoutMs: scanTimeoutMs },
    settings.signatureAgeMaxDays,
    outside,
  );
  const tools: ScanTools = {
    scanContent: (content, limits) => scanByStream(server, content, { connectTimeoutMs, ...limits }),
    slots: new ConnectionSlots(settings.connectionsMax),
    clean: new CleanResults({ entriesMax: settings.cacheEntriesMax, ttlMs: settings.cacheTtlMs }, () =>
      outside.clock.monotonicMs(),
    ),
    state,
    clock: outside.clock,
    scanTimeoutMs,
    suspectSignatures: settings.suspectSignatures,
  };
  return {
    onMessage: (job) => scanMessage(job, settings, tools),
    check: (signal) => checkEngine(server, settings, outside.clock, signal),
    close: () => state.close(),
  };
}

async function scanMessage(job: MessageJob, settings: AntivirusSettings, tools: ScanTools): Promise<StageReport> {
  const { toScan, unscanned } = contentsOf(job.message, job.transaction.truncated, settings);
  const outcome = await scanContents(toScan, tools, job.deadline - DEADLINE_MARGIN_MS, job.signal);
  const facts: AntivirusFacts = { engine: 'clamd', ...outcome, unscanned: [...unscanned, ...outcome.unscanned] };
  return { findings: findingsOf(facts, settings.suspectSignatures), facts };
}

/** One finding per kind, its evidence naming each signature and place. */
function findingsOf({ hits, unscanned }: AntivirusFacts, suspectSignatures: readonly string[]): readonly Finding[] {
  const notes = new Map<AntivirusFindingId, string[]>();
  const note = (id: AntivirusFindingId, text: string) => notes.set(id, [...(notes.get(id) ?? []), text]);
  for (const { signature, where } of hits)
    note(findingOfSignature(signature, suspectSignatures), `${showWord(signature)} in ${where}`);
  for (const what of unscanned) note('VIRUS_UNSCANNED', what);
  const findings: Finding[] = [];
  for (const spec of antivirusFindings) {
    const texts = notes.get(spec.id);
    if (!texts) continue;
    const { id, category, score } = spec;
    findings.push({
      id,
      category,
      score,
      evidence: joinEvidence(texts),
      ...('group' in spec && { group: spec.group }),
    });
  }
  return findings;
}
