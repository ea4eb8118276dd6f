// Which part of a host name was registered, by the public suffix list. The list takes 40 ms to load, so it is loaded
// when it is first asked: a command that asks nothing of it starts without.
import { createRequire } from 'node:module';
import type * as Tldts from 'tldts';

type Library = typeof Tldts;

const load = createRequire(import.meta.url);
let library: Library | null = null;

const list = (): Library => (library ??= load('tldts') as Library);

/** What the list says of a host name: suffix, registered domain, and where they stand in it. */
export const parseHost: Library['parse'] = (host, options) => list().parse(host, options);

/** The registered domain of a host name, or null for addresses and bare suffixes. */
export const getDomain: Library['getDomain'] = (host, options) => list().getDomain(host, options);
