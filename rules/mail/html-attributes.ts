// The attributes of one HTML tag, kept as written until one is asked for: most never are.
import type { DecodedText } from './charset.js';
import { decodeEntities } from './html-entities.js';

/** Attributes of one tag; of equal names the first counts. Values are decoded when asked for. */
export class Attributes {
  readonly names: string[] = [];
  private readonly raws: string[] = [];

  constructor(private readonly wide: boolean) {}

  add(name: string, raw: string): void {
    this.names.push(name);
    this.raws.push(raw);
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  get(name: string): DecodedText | null {
    const index = this.names.indexOf(name);
    return index < 0 ? null : this.at(index);
  }

  /** The value of the attribute at that place. */
  at(index: number): DecodedText {
    return decodeEntities(this.raws[index]!, this.wide, false);
  }
}

/** Of a tag without any. */
export const NO_ATTRIBUTES = new Attributes(false);
