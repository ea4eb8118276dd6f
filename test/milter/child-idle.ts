// Holds many negotiated, idle milter connections open in a process of its own, so that the descriptors of both ends do
// not add up in one. Says `{ open, closed }` when all have been tried, and again when asked.
import { connect } from 'node:net';

const order = JSON.parse(process.argv[2] ?? '') as { readonly port: number; readonly count: number };
const OPTNEG = Buffer.from([0, 0, 0, 13, 0x4f, 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x10, 0, 0]);
const PARALLEL = 100;
let open = 0;
let closed = 0;
let started = 0;

function holdOne(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(order.port, '127.0.0.1', () => void socket.write(OPTNEG));
    let counted = false;
    socket.once('data', () => {
      counted = true;
      open += 1;
      resolve();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (counted) open -= 1;
      closed += 1;
      resolve();
    });
  });
}

async function lane(): Promise<void> {
  while (started < order.count) {
    started += 1;
    await holdOne();
  }
}

await Promise.all(Array.from({ length: PARALLEL }, lane));
process.send?.({ open, closed });
process.on('message', () => void process.send?.({ open, closed }));
process.on('disconnect', () => process.exit(0));
