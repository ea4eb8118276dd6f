// A world for stages that speak before the content: a clock the test moves, a state in memory, and a scripted DNS server
// behind the real resolver. Takes a zone, gives stages made on it; everything is closed after the file's tests.
import { afterAll } from 'vitest';
import { Value } from 'typebox/value';
import type { Static, TObject } from 'typebox';
import { FILES_ON_DISK } from '../../config/attached.js';
import { createResolver } from '../../outside/dns-resolver.js';
import { systemClock } from '../../outside/clock.js';
import type { Resolver } from '../../outside/resolver.js';
import type { Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { startScriptedDns, type ScriptedDns, type Zone } from '../ground/scripted-dns.js';
import { memoryState, movedClock, type MemoryState, type MovedClock } from '../ground/state.js';

export interface EarlyWorld {
  readonly clock: MovedClock;
  readonly state: MemoryState;
  readonly dns: ScriptedDns;
  readonly resolver: Resolver;
  /** A stage with its default settings but for these; `outside` in place of this world's own. */
  make<Schema extends TObject>(
    module: StageModule<Schema>,
    settings?: Partial<Static<Schema>>,
    outside?: Partial<Outside>,
  ): Promise<Stage>;
}

export async function startEarlyWorld(zone: Zone = {}): Promise<EarlyWorld> {
  const dns = await startScriptedDns(zone);
  const resolver = createResolver({ servers: [dns.address], timeoutMs: 600, tries: 1 }, { clock: systemClock });
  const clock = movedClock();
  const state = memoryState(clock);
  const stages: Stage[] = [];
  afterAll(async () => {
    for (const stage of stages) await stage.close?.();
    resolver.close();
    await state.close();
    await dns.stop();
  });
  return {
    ...{ clock, state, dns, resolver },
    async make(module, settings = {}, outside = {}) {
      const own = { clock: { ...clock, monotonicMs: () => performance.now() }, resolver, countries: null, state };
      const values = { ...Value.Create(module.spec.settings), ...settings };
      const stage = await module.create(values, { ...own, alert: () => undefined, ...outside }, FILES_ON_DISK);
      stages.push(stage);
      return stage;
    },
  };
}

/** Findings as `ID` where they act and `(ID)` where they are noted only. */
export function shown({ findings }: StageReport): readonly string[] {
  return findings.map(({ id, score }) => (score === 0 ? `(${id})` : id));
}
