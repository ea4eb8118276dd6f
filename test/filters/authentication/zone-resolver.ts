// A resolver over a zone in memory, for tests of what is made of answers: no sockets, no cache, no time. Names that are
// told to misbehave fail at once.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  DnsAnswer,
  FailedAnswer,
  LookupOptions,
  RecordShapes,
  RecordType,
  Resolver,
} from '../../../outside/resolver.js';
import { zoneOfSuite, type ScriptedName, type Zone } from '../../ground/scripted-zone.js';

export { zoneOfSuite };

const TTL_S = 60;
const CHAIN_MAX = 8;

export interface ZoneResolver extends Resolver {
  /** `TYPE name` of every look-up, in order. */
  readonly asked: string[];
}

/** Answers from `zone`; `silent` becomes `timeout`, `servfail` and `refused` are said. */
export function zoneResolver(zone: Zone): ZoneResolver {
  const names = new Map(Object.entries(zone).map(([name, entry]) => [name.toLowerCase(), entry]));
  const asked: string[] = [];
  return {
    asked,
    async lookup<Type extends RecordType>(type: Type, name: string, options: LookupOptions = {}) {
      asked.push(`${type} ${name}`);
      await nextTurn();
      if (options.signal?.aborted === true) return failure('timeout');
      return answer(names, type, name.toLowerCase().replace(/\.$/, ''), 0);
    },
  };
}

function answer<Type extends RecordType>(
  names: ReadonlyMap<string, ScriptedName>,
  type: Type,
  name: string,
  depth: number,
): DnsAnswer<Type> {
  if (depth > CHAIN_MAX) return failure('servfail');
  if (name.length > 253 || name.split('.').some((label) => label === '' || label.length > 63))
    return failure('invalid');
  const entry = find(names, name);
  if (entry === undefined) {
    const isAbove = [...names.keys()].some((other) => other.endsWith(`.${name}`));
    return { status: isAbove ? 'nodata' : 'nxdomain', ttlS: TTL_S };
  }
  const behaviour = typeof entry.behaviour === 'string' ? entry.behaviour : entry.behaviour?.[type];
  if (behaviour === 'silent') return failure('timeout');
  if (behaviour === 'servfail' || behaviour === 'refused') return failure(behaviour);
  const records = recordsOf(entry, type) as readonly RecordShapes[Type][];
  if (records.length > 0) return { status: 'found', records, ttlS: TTL_S, stale: false };
  if (entry.CNAME !== undefined) return answer(names, type, entry.CNAME.toLowerCase(), depth + 1);
  return { status: 'nodata', ttlS: TTL_S };
}

/** The name itself, else the nearest wildcard above it. */
function find(names: ReadonlyMap<string, ScriptedName>, name: string): ScriptedName | undefined {
  if (names.has(name)) return names.get(name);
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const wild = names.get(`*${name.slice(dot)}`);
    if (wild !== undefined) return wild;
  }
  return undefined;
}

function recordsOf(entry: ScriptedName, type: RecordType): readonly unknown[] {
  if (type === 'MX') return (entry.MX ?? []).map(([priority, exchange]) => ({ priority, exchange }));
  if (type === 'TXT') return (entry.TXT ?? []).map((text) => (typeof text === 'string' ? [text] : text));
  if (type === 'CNAME') return entry.CNAME === undefined ? [] : [entry.CNAME];
  return entry[type] ?? [];
}

function failure(status: FailedAnswer['status']): FailedAnswer {
  return { status, detail: 'as told' };
}
