// Where the time of some work goes, by phase of the rule engine: a sampling profile, each sample counted for the innermost
// file of ours on its stack. Takes work and gives lines to print; needs nothing from the code it looks at.
import { Session, type Profiler } from 'node:inspector';

const SAMPLE_US = 200;

/** File of ours to phase; the first that fits counts. */
const PHASES: readonly (readonly [RegExp, string])[] = [
  [/\/rules\/mail\/(html|body)[^/]*$/, 'render'],
  [/\/rules\/mail\/(uris|text-uris|canonical-uris|redirectors|registry)[^/]*$/, 'links'],
  [/\/rules\/mail\/(relays|received|own-relay)[^/]*$/, 'relays'],
  [/\/rules\/mail\/header-values[^/]*$/, 'header values'],
  [/\/rules\/mail\/rule-mail[^/]*$/, 'inputs put together'],
  [/\/(rules\/mail|message)\//, 'parse'],
  [/\/rules\/scan\//, 'literal scan'],
  [/\/rules\/pattern\//, 'patterns'],
  [/\/rules\/evals\//, 'evals'],
  [/\/rules\/expression[^/]*$/, 'metas'],
  [/\/rules\/(rule-run|text-search|evaluate|plan|needs)[^/]*$/, 'order of rules'],
  [/\/rules\/mime-header[^/]*$/, 'header values'],
  [/\/rules\//, 'other of the engine'],
];

/** Runs the work under the profiler; gives a line for each phase, most time first. */
export function profilePhases(work: () => void, messages: number): readonly string[] {
  const profile = takeProfile(work);
  const phases = countPhases(profile);
  const total = [...phases.values()].reduce((sum, us) => sum + us, 0);
  return [...phases]
    .sort(([, a], [, b]) => b - a)
    .map(
      ([phase, us]) =>
        `${phase.padEnd(22)} ${(us / 1_000 / messages).toFixed(3).padStart(8)} ms a message  ${((100 * us) / total).toFixed(1).padStart(5)} %`,
    );
}

function takeProfile(work: () => void): Profiler.Profile {
  const session = new Session();
  session.connect();
  try {
    session.post('Profiler.enable');
    session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
    session.post('Profiler.start');
    work();
    let profile: Profiler.Profile | null = null;
    session.post('Profiler.stop', (error, found) => {
      if (error !== null) throw error;
      profile = found.profile;
    });
    if (profile === null) throw new Error('the profiler gave nothing');
    return profile;
  } finally {
    session.disconnect();
  }
}

/** Microseconds by phase. */
function countPhases({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): ReadonlyMap<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const phaseOf = new Map<number, string>();
  const find = (id: number): string => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (frame?.functionName === '(garbage collector)') return 'garbage collector';
      const found = PHASES.find(([pattern]) => pattern.test(frame?.url ?? ''));
      if (found !== undefined) return found[1];
    }
    return 'other';
  };
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const phase = phaseOf.get(id) ?? find(id);
    phaseOf.set(id, phase);
    times.set(phase, (times.get(phase) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  });
  return times;
}
