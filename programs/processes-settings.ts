// The `processes` section: how many scan workers there are, how long they may stand still or take to finish, whom they
// run as, and how messages that were in flight when a worker died are treated.
import { availableParallelism } from 'node:os';
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';

export const processesSection = section(
  'processes',
  'The supervisor and the processes it keeps: scan workers that share the listeners, and one admin process.',
  {
    workers: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 256,
      description: 'Scan workers; 0 starts one per processor core.',
    }),
    watchdogMs: Type.Integer({
      default: 20_000,
      minimum: 1_000,
      maximum: 600_000,
      description: 'A process whose event loop stands still for longer is killed and replaced.',
    }),
    readyMs: Type.Integer({
      default: 30_000,
      minimum: 1_000,
      maximum: 600_000,
      description: 'A new process that is not ready within this time is killed and counts as crashed.',
    }),
    graceMs: Type.Integer({
      default: 30_000,
      minimum: 0,
      maximum: 600_000,
      description: 'How long a process may take at a stop or restart to answer the messages it has in hand.',
    }),
    aloneMax: Type.Integer({
      default: 2,
      minimum: 1,
      maximum: 64,
      description: 'Suspect messages one worker scans alone at the same time; others wait for their turn.',
    }),
    aloneHeapMaxMb: Type.Integer({
      default: 1_024,
      minimum: 64,
      maximum: 65_536,
      description: 'JavaScript heap a suspect message may use while it is scanned alone, in megabytes.',
    }),
    suspectsMax: Type.Integer({
      default: 1_000,
      minimum: 1,
      maximum: 100_000,
      description: 'Suspects remembered; beyond that the oldest is forgotten.',
    }),
    suspectHours: Type.Integer({
      default: 24,
      minimum: 1,
      maximum: 720,
      description: 'How long a message stays suspect after a process died with it in hand.',
    }),
    watchFiles: Type.Boolean({
      default: true,
      description:
        'Whether the configuration file and the files it names are watched: a change is taken like a reload, a bad one refused.',
    }),
    user: Type.String({
      default: '',
      maxLength: 64,
      description: 'User to run as when started by root; empty keeps the user that started it.',
    }),
    group: Type.String({
      default: '',
      maxLength: 64,
      description: "Group to run as when started by root; empty takes the user's own group.",
    }),
  },
);

export type ProcessesSettings = Static<typeof processesSection.schema>;

/** Scan workers these settings ask for. */
export function workerCount(settings: Pick<ProcessesSettings, 'workers'>): number {
  return settings.workers === 0 ? availableParallelism() : settings.workers;
}
