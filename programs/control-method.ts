// One method of the control socket: its parameters come from outside and are checked before anything runs.
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** Rejects with what is wrong with the parameters, in place of running. */
export function method<Schema extends TSchema>(
  schema: Schema,
  run: (params: Static<Schema>) => Promise<unknown>,
): (params: unknown) => Promise<unknown> {
  return async (params) => {
    if (Value.Check(schema, params)) return run(params);
    const [first] = Value.Errors(schema, params);
    throw new Error(`bad parameters: ${first?.instancePath ?? ''} ${first?.message ?? ''}`);
  };
}
