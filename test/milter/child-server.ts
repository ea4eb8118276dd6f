// A milter server in a process of its own, from the build: its memory and descriptors are its own. Takes the built
// server's address, settings, how many descriptors to use up first and how long a verdict takes; answers over IPC.
import { openSync, readdirSync } from 'node:fs';
import type * as Built from '../../milter/server.js';
import type { MilterSettings } from '../../milter/settings.js';

interface Order {
  readonly module: string;
  readonly settings: MilterSettings;
  readonly hog: number;
  readonly delayMs: number;
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
const { createMilterServer } = (await import(order.module)) as typeof Built;
const hogged = Array.from({ length: order.hog }, () => openSync('/dev/null', 'r'));
const fates = { sent: 0, lost: 0 };
let errors = 0;
const server = createMilterServer(
  order.settings,
  {
    onMessage: async () => {
      if (order.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, order.delayMs));
      return { answer: { kind: 'accept', edits: [] }, settled: (fate) => void (fates[fate] += 1) };
    },
  },
  { onHandlerError: () => void (errors += 1) },
);
await server.listen();
process.on('message', (asked) => {
  const cpu = process.cpuUsage();
  const light = { cpuMs: (cpu.user + cpu.system) / 1000, fates, errors, stats: server.stats() };
  if (asked === 'stats') return void process.send?.(light);
  // Without a free descriptor none of these can be had.
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const descriptors = readdirSync('/proc/self/fd').length - hogged.length;
  process.send?.({ ...light, rss, heapUsed, external, descriptors });
});
process.on('SIGTERM', () => void server.close(10_000).then(() => process.exit(0)));
process.on('disconnect', () => process.exit(0));
process.send?.({ address: server.addresses[0] });
