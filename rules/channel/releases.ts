// The releases of a channel on disk: each in a directory of its own, one of them in force by a link, the one before it
// kept. A change is written whole beside what is there and put in force by one rename, so that whatever ends this process
// leaves the old release or the new one. Files belong to whom the directory above belongs.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Type, type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { newIdentifier } from '../../outside/identifier.js';
import { giveLinkTo, giveTo, makeDirectory, ownerAbove } from '../../outside/ownership.js';
import type { ReleaseFile } from './archive.js';

const CHANNELS = 'channels';
const CURRENT = 'current';
const PREVIOUS = 'previous';
const FACTS_FILE = 'release.json';
const STATE_FILE = 'state.json';
const LIST_FILE = 'mirrors.txt';
const TEXT_MAX = 4_000;

const text = Type.String({ maxLength: TEXT_MAX });
const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

const releaseFacts = Type.Object({
  version: count,
  /** ms since the epoch. */
  installedAt: count,
  mirror: text,
  /** Of the archive. */
  sha256: text,
  /** Fingerprint of the key that signed, and when by its own account; null where nobody need have. */
  signer: orNull(text),
  signedAt: orNull(count),
  files: count,
  rules: count,
  /** Lines made comments since they were wrong. */
  leftOut: count,
});
/** What is known of an installed release. */
export type ReleaseFacts = Static<typeof releaseFacts>;

const channelState = Type.Object({
  /** When the channel was last asked, and when that last went well, ms since the epoch. */
  lookedAt: orNull(count),
  succeededAt: orNull(count),
  /** What went wrong at the last look; '' when nothing did. */
  failure: text,
  /** Version that was taken back: it is not taken again by itself. */
  passedOver: orNull(count),
});
/** What is known of a channel's looks. */
export type ChannelState = Static<typeof channelState>;

const NOTHING_YET: ChannelState = { lookedAt: null, succeededAt: null, failure: '', passedOver: null };

/** Where all channels lie below the directory of rules. */
export const channelsDirectory = (rulesDir: string): string => join(rulesDir, CHANNELS);
/** Where the rule files in force of one channel are read. */
export const releaseDirectory = (rulesDir: string, channel: string): string =>
  join(channelsDirectory(rulesDir), channel, CURRENT);

/** One channel on disk. Its methods throw what the system does; readers give null for what is not there or damaged. */
export class ChannelReleases {
  readonly directory: string;

  constructor(rulesDir: string, channel: string) {
    this.directory = join(channelsDirectory(rulesDir), channel);
  }

  /** The release in force. */
  current(): ReleaseFacts | null {
    return this.factsOf(CURRENT);
  }

  /** Version in force, by the name of its directory: known even where its record is damaged. */
  currentVersion(): number | null {
    const version = /^(\d{1,15})-/.exec(this.target(CURRENT) ?? '')?.[1];
    return version === undefined ? null : Number(version);
  }

  /** The release that was in force before. */
  previous(): ReleaseFacts | null {
    const [now, before] = [this.target(CURRENT), this.target(PREVIOUS)];
    return now === before ? null : this.factsOf(PREVIOUS);
  }

  /** Names of the rule files in force. */
  fileNames(): readonly string[] {
    const path = join(this.directory, CURRENT);
    return existsSync(path) ? readdirSync(path).filter((name) => name !== FACTS_FILE) : [];
  }

  state(): ChannelState {
    return readJson(join(this.directory, STATE_FILE), channelState) ?? NOTHING_YET;
  }

  /** Keeps what changed of the state. */
  note(change: Partial<ChannelState>): void {
    const state = { ...this.state(), ...change };
    this.keep(STATE_FILE, JSON.stringify({ ...state, failure: state.failure.slice(0, TEXT_MAX) }));
  }

  /** The list of mirrors that was good last. */
  mirrorList(): string | null {
    const path = join(this.directory, LIST_FILE);
    return existsSync(path) ? readFileSync(path, 'latin1') : null;
  }

  keepMirrorList(list: string): void {
    this.keep(LIST_FILE, list);
  }

  /** Writes a release beside the others, in force for nobody, and gives its name. */
  stage(files: readonly ReleaseFile[], facts: ReleaseFacts): string {
    const owner = ownerAbove(this.directory);
    const name = `${String(facts.version)}-${newIdentifier(facts.installedAt)}`;
    const path = join(this.directory, name);
    makeDirectory(owner, path);
    const all = [...files, { name: FACTS_FILE, text: JSON.stringify(facts) }];
    for (const file of all) {
      writeWhole(join(path, file.name), file.text);
      giveTo(owner, join(path, file.name));
    }
    syncDirectory(path);
    syncDirectory(this.directory);
    return name;
  }

  /** Puts a staged release in force by one rename; calling what is given back puts things as they were. */
  swap(name: string): () => void {
    const now = this.target(CURRENT);
    const before = this.target(PREVIOUS);
    if (now !== null) this.link(PREVIOUS, now);
    this.link(CURRENT, name);
    return () => {
      this.link(CURRENT, now);
      this.link(PREVIOUS, before);
    };
  }

  /** Lets the release in force and the one before it change places. Null when there is none before it. */
  swapBack(): (() => void) | null {
    const before = this.target(PREVIOUS);
    return before === null || this.previous() === null ? null : this.swap(before);
  }

  /** Removes what no link names: older releases, and what an update left that did not come to its end. */
  tidy(): void {
    if (!existsSync(this.directory)) return;
    const kept = new Set([CURRENT, PREVIOUS, STATE_FILE, LIST_FILE, this.target(CURRENT), this.target(PREVIOUS)]);
    for (const name of readdirSync(this.directory))
      if (!kept.has(name)) rmSync(join(this.directory, name), { recursive: true, force: true });
  }

  private keep(name: string, content: string): void {
    const owner = ownerAbove(this.directory);
    makeDirectory(owner, this.directory);
    const path = join(this.directory, name);
    writeWhole(`${path}.new`, content);
    giveTo(owner, `${path}.new`);
    renameSync(`${path}.new`, path);
  }

  private factsOf(link: string): ReleaseFacts | null {
    return readJson(join(this.directory, link, FACTS_FILE), releaseFacts);
  }

  private target(link: string): string | null {
    try {
      return readlinkSync(join(this.directory, link));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  private link(link: string, target: string | null): void {
    const path = join(this.directory, link);
    if (target === null) rmSync(path, { force: true });
    else {
      rmSync(`${path}.new`, { force: true });
      symlinkSync(target, `${path}.new`);
      giveLinkTo(ownerAbove(this.directory), `${path}.new`);
      renameSync(`${path}.new`, path);
    }
    syncDirectory(this.directory);
  }
}

function readJson<Schema extends TSchema>(path: string, schema: Schema): Static<Schema> | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Value.Check(schema, value) ? value : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Bytes as latin1, on the disk when it returns. */
function writeWhole(path: string, content: string): void {
  writeFileSync(path, content, { encoding: 'latin1', mode: 0o600, flush: true });
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
