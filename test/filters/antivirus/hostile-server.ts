// A server in clamd's place that misbehaves as told, for what the real one cannot be made to do on demand.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface HostileServer {
  readonly server: string;
  /** Connections made to it so far, and those still open. */
  readonly connections: () => number;
  readonly open: () => number;
  /** Reads on whatever was not read, so that connections which the client has left are seen to end. */
  drain(): void;
  close(): Promise<void>;
}

/** Listens on loopback and hands each connection to `behave`. */
export async function startHostileServer(behave: (socket: Socket, nth: number) => void): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    behave(socket, connections);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server: `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    open: () => sockets.size,
    drain: () => {
      for (const socket of sockets) socket.resume();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Ways to misbehave, by name. Each is told apart from an answer only by care. */
export const MISBEHAVIOURS: Readonly<Record<string, (socket: Socket) => void>> = {
  'says nothing': () => undefined,
  'never reads': (socket) => void socket.pause(),
  'closes at once': (socket) => socket.destroy(),
  'closes politely without a word': (socket) => socket.on('data', () => socket.end()),
  'resets in mid-stream': (socket) => socket.once('data', () => socket.resetAndDestroy()),
  'stops in mid-answer': (socket) => socket.once('data', () => socket.end('stream: O')),
  'answers without its end': (socket) => socket.once('data', () => socket.end('stream: OK')),
  'hangs in mid-answer': (socket) => socket.once('data', () => socket.write('stream: OK')),
  'says OK of something else': (socket) => socket.once('data', () => socket.end('ERROR: everything is not: OK\0')),
  'says OK and more': (socket) => socket.once('data', () => socket.end('stream: OK\0stream: Evil FOUND\0')),
  'speaks HTTP': (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n')),
  'sends random bytes': (socket) => socket.once('data', () => socket.end(Buffer.from('9f3a00ff7f', 'hex'))),
  'reports an error': (socket) => socket.once('data', () => socket.end("stream: Can't allocate memory ERROR\0")),
  'finds a virus without a name': (socket) => socket.once('data', () => socket.end('stream:  FOUND\0')),
  'answers PONG': (socket) => socket.once('data', () => socket.end('PONG\0')),
  'talks without end': (socket) => {
    socket.once('data', () => {
      const chatter = setInterval(() => socket.write('x'.repeat(1_000)), 5);
      socket.on('close', () => clearInterval(chatter));
    });
  },
};
