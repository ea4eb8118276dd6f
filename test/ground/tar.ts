// Tar archives byte by byte, for those that no tar program would make: hostile names, links, damaged headers.

const BLOCK_BYTES = 512;

export interface TarEntry {
  readonly name: string;
  readonly content?: Buffer | string;
  /** Type letter of POSIX ustar; `0`, a plain file, unless told otherwise. */
  readonly type?: string;
  readonly link?: string;
  readonly prefix?: string;
  /** What the header says in place of the true size. */
  readonly size?: number;
  /** Whether the header's sum is wrong. */
  readonly damaged?: boolean;
}

/** An archive with its end mark, or without. */
export function makeTar(entries: readonly TarEntry[], whole = true): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), Buffer.alloc(whole ? BLOCK_BYTES * 2 : 0)]);
}

function entryBlocks(entry: TarEntry): readonly Buffer[] {
  const content = Buffer.from(entry.content ?? '');
  const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return [header(entry, content.length), content, padding];
}

function header({ name, type = '0', link = '', prefix = '', size, damaged }: TarEntry, length: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  block.write(name, 0, 100, 'latin1');
  block.write(
    `0000644\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size ?? length, 11)}\0${octal(1_700_000_000, 11)}\0`,
    100,
  );
  block.write('        ', 148);
  block.write(type, 156, 1);
  block.write(link, 157, 100, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  block.write(prefix, 345, 155, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(damaged === true ? sum + 1 : sum, 6)}\0 `, 148);
  return block;
}
