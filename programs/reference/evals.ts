// The reference of the evals that rule files may call, from what each says of itself.
import { UNASKED_EVALS } from '../../rules/evals/dns-eval.js';
import { EVALS } from '../../rules/evals/table.js';
import type { Eval } from '../../rules/evals/eval.js';
import { code, writePage, writeTable } from './markdown.js';

/** docs/reference/evals.md */
export function writeEvals(): string {
  const all = [...EVALS].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = all.map(([name, found]) => [code(name), argumentCount(found), found.summary]);
  return writePage('Evals', [
    'Tests in code that a rule may call: `header`, `body`, `rawbody`, `uri` or `full`, then `NAME eval:test(arguments)`. A ' +
      'rule file can name these and no others; one with a wrong number of arguments is refused with its line.',
    `${EVALS.size} are known. ${UNASKED_EVALS.size} of them would ask services that this engine does not speak to; rules ` +
      `that call them are taken and never hit: ${[...UNASKED_EVALS].sort().map(code).join(', ')}.`,
    writeTable(['Test', 'Arguments', 'Holds when'], rows),
  ]);
}

function argumentCount({ argsMin, argsMax }: Eval): string {
  return argsMin === argsMax ? String(argsMin) : `${argsMin} to ${argsMax}`;
}
