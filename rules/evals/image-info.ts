// The evals of SpamAssassin's ImageInfo: number, size and names of attached images, read from the first bytes of GIF, PNG
// and JPEG. Only images packed in base64 count, as there.
import type { MailPart } from '../mail/part.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { compilePattern, Subject, type Pattern } from '../pattern/pattern.js';
import { holds, type Eval, type EvalFunction } from './eval.js';

/** Segments of one JPEG and steps through one PNG that are looked at before the size must have come. */
const STEPS_MAX = 100_000;

interface ImageFacts {
  count: number;
  pixels: number;
  /** Height and width. */
  readonly sizes: Map<string, readonly [number, number]>;
}

interface MailImages {
  /** By kind, and `all`. */
  readonly kinds: ReadonlyMap<string, ImageFacts>;
  readonly names: ReadonlySet<string>;
}

type Size = { readonly height: number; readonly width: number };

const u16 = (data: string, at: number): number => data.charCodeAt(at) * 256 + data.charCodeAt(at + 1);
const u32 = (data: string, at: number): number => u16(data, at) * 65_536 + u16(data, at + 2);

const READERS: ReadonlyMap<string, (data: string) => Size | null> = new Map([
  ['gif', gifSize],
  ['png', pngSize],
  ['jpeg', jpegSize],
]);

function gifSize(data: string): Size | null {
  if (!/^GIF8[79]a/.test(data) || data.length < 10) return null;
  const little = (at: number): number => data.charCodeAt(at) + data.charCodeAt(at + 1) * 256;
  return { width: little(6), height: little(8) };
}

function pngSize(data: string): Size | null {
  if (!data.startsWith('\x89PNG\r\n\x1a\n')) return null;
  // Chunks are not skipped by their length but in steps of eight bytes, which finds the size where it belongs.
  for (let at = 8, step = 0; at + 8 <= data.length && step < STEPS_MAX; at += 8, step++) {
    const type = data.slice(at + 4, at + 8);
    if (type === 'IEND') return null;
    if (type !== 'IHDR' || u32(data, at) !== 13) continue;
    return at + 16 <= data.length ? { width: u32(data, at + 8), height: u32(data, at + 12) } : null;
  }
  return null;
}

function jpegSize(data: string): Size | null {
  if (!data.startsWith('\xff\xd8')) return null;
  for (let at = 2, step = 0; at + 4 <= data.length && step < STEPS_MAX; step++) {
    const mark = data.charCodeAt(at + 1);
    const length = u16(data, at + 2);
    if (data.charCodeAt(at) !== 0xff || mark === 0xda || mark === 0xd9 || length < 2) return null;
    const isFrame = mark >= 0xc0 && mark <= 0xcf && mark !== 0xc4 && mark !== 0xc8 && mark !== 0xcc;
    if (isFrame)
      return length >= 7 && at + 9 <= data.length ? { height: u16(data, at + 5), width: u16(data, at + 7) } : null;
    at += 2 + length;
  }
  return null;
}

const known = new WeakMap<RuleMail, MailImages>();

function imagesOf(mail: RuleMail): MailImages {
  let images = known.get(mail);
  if (images === undefined) {
    images = readImages(mail.leaves);
    known.set(mail, images);
  }
  return images;
}

function readImages(leaves: readonly MailPart[]): MailImages {
  const kinds = new Map<string, ImageFacts>();
  for (const kind of ['all', ...READERS.keys()]) kinds.set(kind, { count: 0, pixels: 0, sizes: new Map() });
  const names = new Set<string>();
  for (const part of leaves) {
    const type = /^image\/(gif|png|jpe?g)$/.exec(part.type)?.[1];
    if (type === undefined || part.encoding !== 'base64') continue;
    const kind = type === 'jpg' ? 'jpeg' : type;
    const size = READERS.get(kind)!(part.bytes());
    for (const name of [kind, 'all']) addImage(kinds.get(name)!, size);
    if (size !== null && size.height > 0 && size.width > 0 && part.name !== null && part.name !== '0')
      names.add(part.name);
  }
  return { kinds, names };
}

function addImage(facts: ImageFacts, size: Size | null): void {
  facts.count++;
  if (size === null || size.height === 0 || size.width === 0) return;
  facts.pixels += size.height * size.width;
  facts.sizes.set(`${size.height}x${size.width}`, [size.height, size.width]);
}

function isWithin(value: number | undefined, min: string | undefined, max: string | undefined): boolean {
  return value !== undefined && value >= Number(min) && (max === undefined || value <= Number(max));
}

/** Length of the text that the rule runs over, by pixels. */
const textRatio: EvalFunction = (mail, [kind = '', min, max], { input }) => {
  const pixels = imagesOf(mail).kinds.get(kind)?.pixels ?? 0;
  if (pixels <= 0) return holds(false);
  const texts = mail.texts(input === 'rawbody' ? 'rawbody' : 'body');
  const length = texts.reduce((sum, { text }) => sum + text.length, 0);
  const ratio = length / pixels;
  return holds(length > 0 && isWithin(ratio, min, max) && ratio !== Number(max));
};

const sizeRange: EvalFunction = (mail, [kind = '', ...bounds]) => {
  const [minHeight = 0, minWidth = 0, maxHeight = Infinity, maxWidth = Infinity] = bounds.map(Number);
  const sizes = [...(imagesOf(mail).kinds.get(kind)?.sizes.values() ?? [])];
  return holds(
    sizes.some(
      ([height, width]) => height >= minHeight && width >= minWidth && height <= maxHeight && width <= maxWidth,
    ),
  );
};

const patterns = new WeakMap<readonly string[], Pattern>();

const nameMatches: EvalFunction = (mail, args) => {
  let pattern = patterns.get(args);
  if (pattern === undefined) {
    pattern = compilePattern({ source: args[0] ?? '', flags: '' });
    patterns.set(args, pattern);
  }
  const wanted = pattern;
  return holds([...imagesOf(mail).names].some((name) => wanted.test(new Subject(name))));
};

function checkPattern([source = '']: readonly string[]): string | null {
  try {
    compilePattern({ source, flags: '' });
    return null;
  } catch (error) {
    return `pattern: ${error instanceof Error ? error.message : 'cannot be run'}`;
  }
}

export const IMAGE_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'image_count',
    {
      summary: 'So many images of a kind (gif, png, jpeg, all) are attached: at least, at most.',
      argsMin: 2,
      argsMax: 3,
      run: (mail, [kind = '', min, max]) => holds(isWithin(imagesOf(mail).kinds.get(kind)?.count, min, max)),
    },
  ],
  [
    'pixel_coverage',
    {
      summary: 'Images of a kind have so many pixels together: at least, at most.',
      argsMin: 2,
      argsMax: 3,
      run: (mail, [kind = '', min, max]) => holds(isWithin(imagesOf(mail).kinds.get(kind)?.pixels, min, max)),
    },
  ],
  [
    'image_to_text_ratio',
    {
      summary: 'Text by pixels of a kind is at least the first and below the second number.',
      argsMin: 3,
      argsMax: 3,
      run: textRatio,
    },
  ],
  [
    'image_size_exact',
    {
      summary: 'An image of a kind is so high and so wide.',
      argsMin: 3,
      argsMax: 3,
      run: (mail, [kind = '', height, width]) =>
        holds(imagesOf(mail).kinds.get(kind)?.sizes.has(`${height}x${width}`) ?? false),
    },
  ],
  [
    'image_size_range',
    {
      summary: 'An image of a kind is at least so high and wide, and at most so.',
      argsMin: 3,
      argsMax: 5,
      run: sizeRange,
    },
  ],
  [
    'image_named',
    {
      summary: 'An image has that name.',
      argsMin: 1,
      argsMax: 1,
      run: (mail, [name = '']) => holds(imagesOf(mail).names.has(name)),
    },
  ],
  [
    'image_name_regex',
    {
      summary: 'The name of an image matches the pattern.',
      argsMin: 1,
      argsMax: 1,
      checkArgs: checkPattern,
      run: nameMatches,
    },
  ],
];
