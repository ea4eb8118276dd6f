// dev stand-in, replaced before commit
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/load.js';
import type { TextLog } from '../logs/text-log.js';
import type { LogWriter } from '../logs/event.js';
import type { Quarantine } from '../quarantine/quarantine.js';
import type { Outbox } from '../outbox/outbox.js';
import type { ControlMethods } from './control.js';
import { storageSection } from './storage-settings.js';

export interface ProcessStores {
  readonly log: LogWriter;
  readonly quarantine: Quarantine;
  readonly outbox: Outbox;
  alert(code: string, raised: boolean, detail: string): void;
  hasRoom(): boolean;
  /** Admin only. */
  startWork(): void;
  stopWork(): Promise<void>;
  readonly methods: ControlMethods;
  close(): Promise<void>;
}
export async function openProcessStores(configuration: Configuration, text: TextLog): Promise<ProcessStores> {
  const { dir } = configuration.section(storageSection);
  mkdirSync(dir, { recursive: true });
  const note = (kind: string, value: object): void =>
    appendFileSync(join(dir, `${kind}.jsonl`), `${JSON.stringify(value)}\n`);
  let n = 0;
  return {
    log: { write: async (event) => note('log', event) },
    quarantine: {
      add: async (entry: { content: Buffer }) => {
        const id = `${process.pid}-${(n += 1)}`;
        writeFileSync(join(dir, `q-${id}`), entry.content);
        note('quarantine', { ...entry, content: undefined, id });
        return id;
      },
    } as unknown as Quarantine,
    outbox: {
      prepare: async () => [],
      commit: async () => undefined,
      cancel: async () => undefined,
    } as unknown as Outbox,
    alert: (code, raised, detail) => {
      text.warn({ code, raised, detail }, 'alert');
      note('alert', { code, raised, detail });
    },
    hasRoom: () => true,
    startWork: () => undefined,
    stopWork: async () => undefined,
    methods: {},
    close: async () => undefined,
  };
}
