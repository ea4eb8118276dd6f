// The process in which the admin process has rules updated; see child.ts.
import { runUpdateProcess } from './child.js';

// Signals of a terminal are meant for the supervisor.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => undefined);
runUpdateProcess();
