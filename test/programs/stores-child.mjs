// Run by stores.test.ts and killed by it: opens the stores and works them from several sides at once, telling on standard
// output each thing that was acknowledged. Arguments: the built programs/stores.js, settings as JSON, a name for its mail.
import { performance } from 'node:perf_hooks';

const [modulePath, settings, name] = process.argv.slice(2);
const { openStores } = await import(modulePath);
const { createTextLog } = await import(new URL('../logs/text-log.js', modulePath).href);
const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };
const quiet = { write: () => undefined };
const stores = await openStores({ ...JSON.parse(settings), clock, logger: createTextLog('test', 'error', quiet) });
await stores.startWork();
let count = 0;

const tell = (kind, id) => process.stdout.write(`${kind} ${id}\n`);

async function work(step) {
  for (;;) {
    try {
      await step(`${name}-${(count += 1)}`);
    } catch (error) {
      tell('refused', error.code ?? error.message);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

const event = (id) => ({
  kind: 'session',
  id,
  time: Date.now(),
  sessionId: 's',
  step: 'data',
  clientAddress: '192.0.2.1',
  clientName: null,
  helo: null,
  login: null,
  mailFrom: 'a@x.example',
  rcptTo: 'b@x.example',
  category: 'policy',
  event: 'x'.repeat(200),
  findings: [],
});

const held = (id) => ({
  time: Date.now(),
  category: 'spam',
  mailFrom: 'a@x.example',
  headerFrom: '',
  subject: id,
  messageId: null,
  reason: 'r',
  score: 9,
  logId: id,
  rcptTo: [`${id}@x.example`],
  content: Buffer.from(`Subject: ${id}\r\n\r\nheld\r\n`),
});

const item = (id) => ({
  kind: 'copy',
  mailFrom: 'a@x.example',
  rcptTo: [`${id}@x.example`],
  about: id,
  notBefore: 0,
  content: Buffer.from(`Subject: ${id}\r\n\r\ncopy\r\n`),
});

for (let writer = 0; writer < 3; writer += 1)
  void work(async (id) => {
    await stores.log.write(event(id));
    tell('log', id);
  });
void work(async (id) => {
  const entry = await stores.quarantine.add(held(`q-${id}`));
  tell('held', entry);
  if (Number(id.split('-').at(-1)) % 2 === 0) for (const to of await stores.quarantine.release(entry)) tell('sent', to);
});
void work(async (id) => {
  const ids = await stores.outbox.prepare([item(`c-${id}`)]);
  await stores.outbox.commit(ids);
  tell('sent', `c-${id}@x.example`);
});
