// Rule files about to be taken: checked as the server would take them, and where that is wanted, their wrong lines made
// comments until nothing is wrong. Changes only the texts it is handed.
import type { Refusal } from '../../rules/definition.js';
import type { Change, RuleStore } from './store.js';

/** How often lines are left out and the rest checked again: a line left out may make others wrong. */
const PASSES_MAX = 6;

/** `change`: with nothing wrong in it, or null. `faults`: what is wrong, or what was left out. */
export interface Settled {
  readonly change: Change | null;
  readonly faults: readonly Refusal[];
}

/** The change with nothing wrong in it and what had to be left out for that, or null and what is wrong. */
export function settle(store: RuleStore, texts: Map<string, string | null>, partly: boolean): Settled {
  const left: Refusal[] = [];
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const faults = store.newFaults(texts);
    if (faults.length === 0) return { change: texts, faults: left };
    left.push(...faults);
    if (!partly || !faults.every((fault) => leaveOut(texts, fault))) return { change: null, faults: left };
  }
  return { change: null, faults: left };
}

/** Makes the line a comment that says why; false when it is in none of these files. */
function leaveOut(texts: Map<string, string | null>, { file, line, reason }: Refusal): boolean {
  const lines = texts.get(file)?.split('\n');
  const text = lines?.[line - 1];
  if (lines === undefined || text === undefined || text.startsWith('# ')) return false;
  lines[line - 1] = `# left out by weir (${reason.replace(/[^ -~]/g, '?')}): ${text}`;
  texts.set(file, lines.join('\n'));
  return true;
}
