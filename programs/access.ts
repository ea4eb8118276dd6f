// `weir access`: the block and allow lists. One file per thing it can do lies in access/.
import type { Command } from 'commander';
import { addAdd } from './access/add.js';
import { addList } from './access/list.js';
import { addOff, addOn, addRemove } from './access/change.js';
import { addTest } from './access/test.js';
import { addExport, addImport } from './access/transfer.js';

/** Adds `access add|list|show|on|off|remove|test|import|export`. */
export function addAccessCommand(program: Command): void {
  const access = program
    .command('access')
    .description('Block and allow lists: who is refused, who is let through, and what a rule spares.')
    .addHelpText(
      'after',
      `
Examples:
  weir access add reject sender '*@spam.example'
  weir access add allow network 192.0.2.0/24 --name partner --expires 30d
  weir access list --hits
  weir access test 192.0.2.7 ann@partner.example`,
    );
  addAdd(program, access);
  addList(program, access);
  addOn(program, access);
  addOff(program, access);
  addRemove(program, access);
  addTest(program, access);
  addImport(program, access);
  addExport(program, access);
}
