// A section of the configuration: a name, one sentence, and a schema whose every key carries type, default, bounds and
// one sentence. Sections are declared beside the code they steer; this folder knows none of them.
import { Type, type TObject, type TProperties } from 'typebox';

/** `description` is the one sentence for docs and sample; every property has its own `description` and `default`. */
export interface Section<Schema extends TObject = TObject> {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
}

/** Declares a section. Unknown keys are refused by the schema itself. */
export function section<Properties extends TProperties>(
  name: string,
  description: string,
  properties: Properties,
): Section<TObject<Properties>> {
  return { name, description, schema: Type.Object(properties, { additionalProperties: false }) };
}
