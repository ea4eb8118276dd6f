// The program `weir`: runs the command line; errors end in one readable line and a documented exit code.
import { ConfigurationError } from '../config/problem.js';
import { commandNamed, createProgram, wordsOf } from './command-line.js';

/** EX_SOFTWARE of sysexits.h: something in Weir itself went wrong. */
const EXIT_SOFTWARE = 70;

const command = commandNamed(process.argv.slice(2));
const [, below = null] = wordsOf(process.argv.slice(2));
// Whoever read the output has enough (`weir … | head`): the rest of it is wanted by nobody. A server goes on to say so.
if (command !== 'serve')
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });

try {
  const program = await createProgram(command, below);
  await program.parseAsync();
} catch (error) {
  process.exitCode = error instanceof ConfigurationError ? error.exitCode : EXIT_SOFTWARE;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env['WEIR_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
}
