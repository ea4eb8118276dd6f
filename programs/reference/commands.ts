// The reference of the command line: the help of every command, as the program itself prints it.
import type { Command } from 'commander';
import { codeBlock, writePage } from './markdown.js';

/** Width of the help in the reference, columns. */
const WIDTH = 100;

/** docs/reference/commands.md */
export function writeCommands(program: Command): string {
  return writePage('Commands', listCommands(program, '').flatMap(writeCommand));
}

interface Named {
  readonly name: string;
  readonly command: Command;
}

function listCommands(command: Command, above: string): readonly Named[] {
  const name = `${above}${command.name()}`;
  const inside = command.commands.filter((one) => one.name() !== 'help');
  return [{ name, command }, ...inside.flatMap((one) => listCommands(one, `${name} `))];
}

function writeCommand({ name, command }: Named): readonly string[] {
  return [`## ${name}`, codeBlock(printHelp(command), 'text')];
}

/** The whole help with what stands before and after it, without colours, at one width wherever it runs. */
function printHelp(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (piece) => {
      text += piece;
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}
