// Conditional blocks of a rule file (`if`, `ifplugin` … `endif`), which are refused whole.

/** Conditional blocks are not taken: what stands in one must not run unconditionally, so the whole is refused at once. */
export class ConditionalBlocks {
  private depth = 0;
  private startedAt = 0;

  constructor(private readonly refuse: (line: number, reason: string) => void) {}

  /** Whether the line belongs to a block, and is done with. */
  takes(content: string, line: number): boolean {
    const word = content.split(/[\s(]/, 1)[0]!.toLowerCase();
    if (word === 'if' || word === 'ifplugin') {
      if (this.depth++ === 0) this.startedAt = line;
    } else if (word === 'endif' && this.depth > 0) {
      if (--this.depth === 0)
        this.refuse(
          this.startedAt,
          `conditional block, lines ${this.startedAt} to ${line}: not supported, left out whole`,
        );
      return true;
    }
    return this.depth > 0;
  }

  end(): void {
    if (this.depth > 0)
      this.refuse(this.startedAt, 'conditional block without "endif": left out to the end of the file');
  }
}
