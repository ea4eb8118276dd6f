// A client of clamd on the hot path: one connection per command, content by INSTREAM, over TCP or a UNIX socket. Gives
// the exact reply or throws an EngineError; it never leaves a socket behind and never takes silence for an answer.
import { connect, type Socket } from 'node:net';
import { EngineError } from './engine-error.js';
import { readScanReply, readVersion, type EngineVersion, type ScanReply } from './reply.js';
import type { ServerAddress } from './server-address.js';

/** Longest reply taken, bytes; clamd's are below 300. */
const REPLY_MAX_BYTES = 4_096;

/** Longest chunk a length prefix announces, bytes: far below its 32 bits, and few enough calls for any mail. */
const CHUNK_MAX_BYTES = 8 * 1024 * 1024;

const INSTREAM = Buffer.from('zINSTREAM\0');
const END_OF_STREAM = Buffer.alloc(4);

/** How long one command may take, and what calls it off. */
export interface AskLimits {
  readonly connectTimeoutMs: number;
  /** Whole command, connecting included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** From this size on a connection that breaks in mid-content is likelier clamd's size limit than its death, bytes. */
const LARGE_BYTES = 1_048_576;

/** Scans one content. Throws EngineError when there is no clear answer. */
export async function scanByStream(server: ServerAddress, content: Buffer, limits: AskLimits): Promise<ScanReply> {
  try {
    return readScanReply(await ask(server, [INSTREAM, ...chunksOf(content), END_OF_STREAM], limits));
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'closed' || content.length < LARGE_BYTES) throw error;
    // clamd hangs up as it refuses, and its words are lost when we are still writing.
    throw new EngineError('closed', `connection broke on ${content.length} bytes: over StreamMaxLength of clamd.conf?`);
  }
}

/** Engine and signatures. Throws EngineError. */
export async function askVersion(server: ServerAddress, limits: AskLimits): Promise<EngineVersion> {
  return readVersion(await ask(server, [Buffer.from('zVERSION\0')], limits));
}

/** Resolves when clamd answers PONG. Throws EngineError. */
export async function ping(server: ServerAddress, limits: AskLimits): Promise<void> {
  const reply = await ask(server, [Buffer.from('zPING\0')], limits);
  if (reply !== 'PONG')
    throw new EngineError('garbage', `not an answer to PING: ${JSON.stringify(reply.slice(0, 80))}`);
}

function chunksOf(content: Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < content.length; offset += CHUNK_MAX_BYTES) {
    const chunk = content.subarray(offset, offset + CHUNK_MAX_BYTES);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    chunks.push(length, chunk);
  }
  return chunks;
}

/** Sends a command and gives the reply up to its NUL. */
function ask(server: ServerAddress, command: readonly Buffer[], limits: AskLimits): Promise<string> {
  if (limits.signal.aborted) return Promise.reject(new EngineError('aborted', 'called off'));
  if (limits.timeoutMs <= 0) return Promise.reject(new EngineError('timeout', 'no time left to ask clamd'));
  return new Promise((resolve, reject) => {
    const socket = connect({ ...server, noDelay: true });
    const reply = new ReplyBuffer();
    let connected = false;
    const finish = (outcome: string | EngineError) => {
      clearTimeout(timer);
      clearTimeout(connectTimer);
      limits.signal.removeEventListener('abort', onAbort);
      socket.destroy();
      if (typeof outcome === 'string') resolve(outcome);
      else reject(outcome);
    };
    const onAbort = () => finish(new EngineError('aborted', 'called off'));
    const timer = setTimeout(
      () => finish(new EngineError('timeout', `no answer within ${Math.round(limits.timeoutMs)} ms`)),
      limits.timeoutMs,
    );
    const connectTimer = setTimeout(
      () => finish(new EngineError('unreachable', `no connection within ${limits.connectTimeoutMs} ms`)),
      limits.connectTimeoutMs,
    );
    limits.signal.addEventListener('abort', onAbort);
    socket.on('connect', () => {
      connected = true;
      clearTimeout(connectTimer);
    });
    socket.on('data', (bytes: Buffer) => {
      const outcome = reply.take(bytes);
      if (outcome !== null) finish(outcome);
    });
    // After `finish` these may still fire; a settled promise ignores them.
    socket.on('error', (error) =>
      finish(
        connected
          ? new EngineError('closed', `connection broke: ${error.message}`)
          : new EngineError('unreachable', error.message),
      ),
    );
    socket.on('close', () => finish(new EngineError('closed', `connection closed ${reply.state()}`)));
    writeAll(socket, command);
  });
}

/** One system call where the kernel takes it at once; buffers are queued by reference, not copied. */
function writeAll(socket: Socket, chunks: readonly Buffer[]): void {
  socket.cork();
  for (const chunk of chunks) socket.write(chunk);
  socket.uncork();
}

/** Gathers a reply until its NUL, bounded. */
class ReplyBuffer {
  #bytes = Buffer.alloc(0);

  /** The whole reply, an error when it cannot be one, or null while it is unfinished. */
  take(bytes: Buffer): string | EngineError | null {
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(0, REPLY_MAX_BYTES + 1)]);
    const end = this.#bytes.indexOf(0);
    if (end >= 0 && end < this.#bytes.length - 1)
      return new EngineError('garbage', 'bytes after the end of the answer');
    if (end >= 0) return this.#bytes.toString('latin1', 0, end);
    if (this.#bytes.length > REPLY_MAX_BYTES) return new EngineError('garbage', `answer over ${REPLY_MAX_BYTES} bytes`);
    return null;
  }

  state(): string {
    return this.#bytes.length === 0 ? 'without an answer' : 'in mid-answer';
  }
}
