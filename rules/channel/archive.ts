// What a channel's archive brings: the rule files in it, unpacked in memory within bounds, made into what `sa-update`
// would have installed without plugins allowed. Nothing else of an archive is taken.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ATTACHED_FILE_MAX_BYTES } from '../../config/attached.js';
import { COMPATIBLE_VERSION_NUMBER } from '../language/features.js';
import { ArchiveError, readTar } from './tar.js';

/** Largest archive, packed and unpacked, bytes. */
export const ARCHIVE_MAX_BYTES = 16 * 1_024 * 1_024;
export const UNPACKED_MAX_BYTES = 48 * 1_024 * 1_024;
/** Most rule files. */
const RULE_FILES_MAX = 500;
const RULE_SUFFIX = '.cf';

/** A rule file of a release: its name, and its bytes as latin1. */
export interface ReleaseFile {
  readonly name: string;
  readonly text: string;
}

/** What was in an archive. */
export interface ArchiveContent {
  readonly files: readonly ReleaseFile[];
  /** Names of what is not taken, `.pre` files among it: without plugins allowed they have no effect. */
  readonly left: readonly string[];
}

/** Unpacks a `.tar.gz`. Throws `ArchiveError` when it is damaged, too large, or holds what no rule set holds. */
export async function readArchive(packed: Buffer): Promise<ArchiveContent> {
  const entries = readTar(await unpack(packed));
  const rules = entries.filter(({ name }) => name.endsWith(RULE_SUFFIX));
  if (rules.length === 0) throw new ArchiveError(`no ${RULE_SUFFIX} file`);
  if (rules.length > RULE_FILES_MAX) throw new ArchiveError(`more than ${RULE_FILES_MAX} rule files`);
  const large = rules.find(({ content }) => content.length > ATTACHED_FILE_MAX_BYTES);
  if (large !== undefined) throw new ArchiveError(`${large.name} is larger than ${ATTACHED_FILE_MAX_BYTES} bytes`);
  return {
    files: rules.map(({ name, content }) => ({ name, text: makeTame(content.toString('latin1')) })),
    left: entries.filter(({ name }) => !name.endsWith(RULE_SUFFIX)).map(({ name }) => name),
  };
}

async function unpack(packed: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: UNPACKED_MAX_BYTES });
  } catch (error) {
    if (error instanceof RangeError) throw new ArchiveError(`larger than ${UNPACKED_MAX_BYTES} bytes unpacked`);
    throw new ArchiveError(`it cannot be unpacked (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** Words that load code or name programs and servers: their lines have no effect when they come from a channel. */
const NEVER_TAKEN: ReadonlySet<string> = new Set([
  'loadplugin',
  'tryplugin',
  'dcc_path',
  'dcc_options',
  'pyzor_path',
  'pyzor_options',
  'extracttext_external',
  'dns_server',
]);
const NEVER_TAKEN_ENDS = /(?:_modules?|_factory)$/;

/** What stands for `@@NAME@@` in a channel's files; other names are no business of rules. */
const MACROS: ReadonlyMap<string, string> = new Map([
  ['@@VERSION@@', COMPATIBLE_VERSION_NUMBER.toFixed(6)],
  ['@@CONTACT_ADDRESS@@', 'the administrator of that system'],
]);

/** Lines stay where they are, so that what is told of a line holds for the file of the channel. */
function makeTame(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const [word = ''] = /^[^\s]+/.exec(line.trimStart()) ?? [];
      if (NEVER_TAKEN.has(word) || NEVER_TAKEN_ENDS.test(word)) return `# not taken from a channel: ${line}`;
      return line.includes('@@') ? [...MACROS].reduce((one, [name, value]) => one.replaceAll(name, value), line) : line;
    })
    .join('\n');
}
