// Two connections joined: whatever comes from one goes to the other as it is, no faster than that one takes it, with the
// end of either direction told on. Holds no more than what two sockets hold; ends both when one breaks.
import type { Socket } from 'node:net';

/** Joins both; `leaving` is called when the first is closed, `over` when both are. The function given back cuts them off. */
export function splice(client: Socket, mta: Socket, leaving: () => void, over: () => void): () => void {
  let open = 2;
  const closed = (other: Socket): void => {
    open -= 1;
    if (open === 0) return over();
    leaving();
    leave(other);
  };
  client.once('close', () => closed(mta));
  mta.once('close', () => closed(client));
  forward(client, mta);
  forward(mta, client);
  return () => {
    client.destroy();
    mta.destroy();
  };
}

/** One direction. */
function forward(from: Socket, to: Socket): void {
  from.on('data', (bytes: Buffer) => {
    if (!to.write(bytes)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.once('end', () => to.end());
  from.resume();
}

/** What was read from the side that is gone still goes out; nothing more is read. */
function leave(socket: Socket): void {
  if (socket.writableEnded || socket.destroyed) socket.destroy();
  else socket.destroySoon();
}
