// The `state` section: where Weir keeps what it remembers between connections, in a file of its own or in Redis.
import { Type, type Static } from 'typebox';
import type { AttachedFiles } from '../config/attached.js';
import { section, type Objection, type Section, type SectionFile } from '../config/section.js';
import type { RedisAddress, RedisStoreOptions } from './redis.js';

const PORT = 6_379;
const DB_MAX = 1_000_000;
const PATH_MAX_CHARS = 4_096;

const path = (description: string) => Type.String({ default: '', maxLength: PATH_MAX_CHARS, description });

const declared = section(
  'state',
  'What is remembered between connections (greylisting, rates, blocks): where it is kept.',
  {
    kind: Type.Union([Type.Literal('embedded'), Type.Literal('redis')], {
      default: 'embedded',
      description:
        'embedded = a file in `storage.dir`, for one node; redis = a Redis server, which several nodes share.',
    }),
    url: Type.String({
      default: 'redis://127.0.0.1:6379/0',
      maxLength: PATH_MAX_CHARS,
      examples: ['redis://127.0.0.1:6379/0', 'rediss://weir@redis.example.org:6380/2', 'unix:/run/redis/redis.sock'],
      description:
        'Where Redis is: redis://[user@]host[:port][/database], rediss:// for TLS, or unix:/path[?db=database].',
    }),
    passwordFile: path('File whose first line is the password for Redis; empty when there is none.'),
    authorityFile: path('File with the certificates (PEM) that may vouch for Redis; empty takes those of the system.'),
    prefix: Type.String({
      default: 'weir',
      pattern: '^[A-Za-z0-9_-]{1,32}$',
      description: 'First part of every key in Redis; nodes with the same one share everything.',
    }),
    timeLimitMs: Type.Integer({
      default: 2_000,
      minimum: 50,
      maximum: 60_000,
      description: 'Longest wait for one answer of the store; then it counts as away until it takes writes again.',
    }),
  },
);

export type StateSettings = Static<typeof declared.schema>;

export const stateSection: Section<(typeof declared)['schema']> = {
  ...declared,
  files: (settings): readonly SectionFile[] =>
    settings.kind === 'embedded'
      ? []
      : (['passwordFile', 'authorityFile'] as const)
          .filter((key) => settings[key] !== '')
          .map((key) => ({ path: settings[key], suffix: '', key: [key], required: true })),
  check: (settings): readonly Objection[] => {
    if (settings.kind === 'embedded' || parseRedisUrl(settings.url) !== null) return [];
    return [
      { path: ['url'], expected: 'redis://[user@]host[:port][/database], rediss://… or unix:/path, no password' },
    ];
  },
};

/** What a URL says, or null when it is none. A password in it is none: it would be seen in the settings. */
export function parseRedisUrl(text: string): RedisAddress | null {
  const unix = /^unix:(\/[^?\0]+)(?:\?db=(\d{1,7}))?$/.exec(text);
  if (unix !== null)
    return { host: '', port: 0, path: unix[1] ?? '', db: Number(unix[2] ?? 0), username: null, isTls: false };
  if (!/^rediss?:\/\/[^/]/.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const db = /^(?:\/(\d{1,7})?)?$/.exec(url.pathname);
  if (db === null || url.password !== '' || url.search !== '' || url.hash !== '' || url.hostname === '') return null;
  if (Number(db[1] ?? 0) > DB_MAX || !/^[A-Za-z0-9._~-]*$/.test(url.username)) return null;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? PORT : Number(url.port),
    path: null,
    db: Number(db[1] ?? 0),
    username: url.username === '' ? null : url.username,
    isTls: url.protocol === 'rediss:',
  };
}

/** How to reach Redis under these settings; null where it is not used. Throws when a file cannot be read. */
export function redisOptions(settings: StateSettings, files: AttachedFiles): RedisStoreOptions | null {
  const address = settings.kind === 'redis' ? parseRedisUrl(settings.url) : null;
  if (address === null) return null;
  const { prefix, timeLimitMs } = settings;
  const password = textOf(settings.passwordFile, files)?.split(/\r?\n/, 1)[0] ?? null;
  return { address, password, authorities: textOf(settings.authorityFile, files), prefix, timeLimitMs };
}

function textOf(file: string, files: AttachedFiles): string | null {
  if (file === '') return null;
  const bytes = files.read({ path: file, suffix: '' }).map(({ text }) => text);
  return Buffer.from(bytes.join(''), 'latin1').toString();
}
