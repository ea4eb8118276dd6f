// Run by the tests of the state, several at once: adds one to each of some counters many times over and tells each count
// that was acknowledged. Arguments: the built folder state/, options as JSON, a count of changes (0: until it is killed).
const [folder, given, changes] = process.argv.slice(2);
const { openState } = await import(new URL('open.js', folder).href);
const { systemClock } = await import(new URL('../outside/clock.js', folder).href);
const options = JSON.parse(given);
const state = await openState(options, { clock: systemClock, alert: () => undefined });
const table = { name: 'counters', entriesMax: 1_000, read: (kept) => kept };
const more = (old) => {
  const count = (old?.count ?? 0) + 1;
  return { kind: 'write', value: { count }, ttlMs: 3_600_000, result: count };
};
const COUNTERS = 3;
const AT_ONCE = 8;
const REFUSED_PAUSE_MS = 5;
let left = Number(changes) === 0 ? Infinity : Number(changes);
let turn = 0;
let refused = 0;

const out = (line) => process.stdout.write(`${line}\n`);
out('ready');
await new Promise((resolve) => process.stdin.once('data', resolve));

async function work() {
  while (left > 0) {
    left -= 1;
    const key = `c${(turn += 1) % COUNTERS}`;
    try {
      out(`${key} ${await state.update(table, key, more)}`);
    } catch (error) {
      refused += 1;
      out(`refused ${refused}`);
      if (refused === 1) process.stderr.write(`${error.stack}\n`);
      // Refusals come at once: the event loop must get its turn.
      await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
    }
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
await state.close();
out(`refused ${refused}`);
process.exit(0);
