// How an engine fails: one error with a code. A failure of the engine is never an answer about the mail.

/**
 * - `unreachable`: no connection came about
 * - `timeout`: no whole answer in time
 * - `closed`: the connection broke before the answer was whole
 * - `garbage`: an answer that is none of the protocol's
 * - `engine`: the engine itself reported an error
 * - `aborted`: we gave up, since the message's scan was called off
 */
export type EngineErrorCode = 'unreachable' | 'timeout' | 'closed' | 'garbage' | 'engine' | 'aborted';

export class EngineError extends Error {
  override readonly name = 'EngineError';
  constructor(
    readonly code: EngineErrorCode,
    detail: string,
  ) {
    super(`antivirus engine: ${detail}`);
  }
}

/** An EngineError for whatever was thrown. */
export function asEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError('engine', error instanceof Error ? error.message : String(error));
}
