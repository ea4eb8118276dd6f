// The process that scans one suspect message alone. A thread beside it ends the process when the worker that asked is
// gone, even while the message holds the event loop.
import { Worker } from 'node:worker_threads';
import { runAloneProcess } from './scan-alone.js';

/** How often the thread looks whether the parent is still there, ms. */
const LOOK_MS = 1_000;

const WATCH = `const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, ${LOOK_MS});`;

new Worker(WATCH, { eval: true }).unref();
runAloneProcess();
