// Collects rendered text: white space collapsed as HTML has it, line breaks where elements ask for them. Holds strings,
// judges nothing.

/** Collects text, collapsing white space. */
export class TextBuilder {
  readonly pieces: string[] = [];
  length = 0;
  /** The last character was white space, or nothing was written. */
  #blank = true;

  text(chars: string, pre: boolean): void {
    let out = pre ? chars : chars.replace(/[ \t\n\r\f\u00a0]+/g, ' ');
    if (this.#blank && !pre && out.startsWith(' ')) out = out.slice(1);
    if (out !== '') this.#push(out, /[ \n]$/.test(out));
  }

  /** A line break, at most `max` in a row. */
  newline(): void {
    if (this.length === 0 || this.pieces.at(-1) === '\n') return;
    this.#push('\n', true);
  }

  /** A line break that always counts. */
  breakLine(): void {
    this.#push('\n', true);
  }

  space(): void {
    if (!this.#blank) this.#push(' ', true);
  }

  #push(piece: string, blank: boolean): void {
    this.pieces.push(piece);
    this.length += piece.length;
    this.#blank = blank;
  }

  toString(): string {
    return this.pieces.join('');
  }
}
