// `weir access on`, `off` and `remove`: rules of the store, by id or name.
import type { Command } from 'commander';
import { showRule, type AccessRule, type RuleFault } from '../../filters/access/rule.js';
import { STORE_EXIT, withStores, type StoreCall } from '../store-access.js';
import { exitHelp, exitWith } from '../store-options.js';
import { visible } from '../table.js';
import type { ListedRule } from './methods.js';
import { findRule } from './shown.js';

type Deed = (call: StoreCall, rule: ListedRule) => Promise<boolean>;

/** Adds `access on`. */
export function addOn(program: Command, access: Command): void {
  const deed = switchTo(true);
  addDeed(program, access, { name: 'on', description: 'Switch rules on.', done: 'on', deed });
}

/** Adds `access off`. */
export function addOff(program: Command, access: Command): void {
  const deed = switchTo(false);
  addDeed(program, access, { name: 'off', description: 'Switch rules off without deleting them.', done: 'off', deed });
}

/** Adds `access remove`. */
export function addRemove(program: Command, access: Command): void {
  addDeed(program, access, {
    name: 'remove',
    description: 'Delete rules. There is no way back but an export made before.',
    done: 'removed',
    deed: async (call, { id }) => (await call<string[]>('access.remove', { ids: [id] })).length > 0,
  });
}

function switchTo(enabled: boolean): Deed {
  return async (call, { id }) => {
    const changed = await call<AccessRule | RuleFault | null>('access.change', { id, wish: { enabled } });
    return changed !== null && 'id' in changed;
  };
}

function addDeed(
  program: Command,
  access: Command,
  { name, description, done, deed }: { name: string; description: string; done: string; deed: Deed },
): void {
  access
    .command(name)
    .description(`${description} In force at once.`)
    .argument('<rule...>', 'ids or names')
    .addHelpText('after', `\nExample:\n  weir access ${name} partner${exitHelp('some rule is not there')}`)
    .action((words: readonly string[]) => exitWith(() => doAll(program, words, done, deed)));
}

async function doAll(program: Command, words: readonly string[], done: string, deed: Deed): Promise<number> {
  let isWhole = true;
  await withStores(program, async (call) => {
    for (const word of words) {
      const rule = await findRule(call, word);
      const isDone = typeof rule !== 'string' && (await deed(call, rule));
      if (isDone) process.stdout.write(`${rule.id}  ${visible(showRule(rule))}: ${done}\n`);
      else process.stderr.write(`weir access: ${typeof rule === 'string' ? rule : `${rule.id} is gone`}\n`);
      isWhole &&= isDone;
    }
  });
  return isWhole ? STORE_EXIT.done : STORE_EXIT.nothing;
}
