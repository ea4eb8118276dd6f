// Where a reference in HTML leads: joined with the base address as SpamAssassin does it (RFC 3986 §5.2, with its own leniency
// for missing schemes). Pure text, linear.

interface Pieces {
  readonly scheme: string | null;
  readonly authority: string | null;
  readonly path: string;
  readonly query: string | null;
  readonly fragment: string | null;
}

const PIECES = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#([^\n]*))?/;

function split(uri: string): Pieces {
  const [, scheme = null, authority = null, path = '', query = null, fragment = null] = PIECES.exec(uri)!;
  return { scheme, authority, path, query, fragment };
}

/** The target of `reference` seen from `base`, which is empty when there is none. */
export function resolveTarget(base: string, reference: string): string {
  const from = split(base);
  const to = split(reference);
  const scheme = to.scheme !== null && to.scheme === from.scheme ? null : to.scheme;
  if (scheme !== null || to.authority !== null) {
    const target = { ...to, path: withoutDots(to.path) };
    return join({ ...target, scheme: scheme ?? from.scheme });
  }
  let { path, query } = to;
  if (path === '') {
    path = from.path;
    query ??= from.query;
  } else path = withoutDots(path.startsWith('/') ? path : merge(from, path));
  return join({ scheme: from.scheme, authority: from.authority, path, query, fragment: to.fragment });
}

function join({ scheme, authority, path, query, fragment }: Pieces): string {
  let uri = '';
  if (scheme !== null && scheme !== '' && scheme !== '0') uri = `${scheme}:`;
  else if (authority !== null) {
    if (/^www\d*\./i.test(authority)) uri = 'http:';
    else if (/^ftp\d*\./i.test(authority)) uri = 'ftp:';
  }
  if (authority !== null) uri += `//${authority}`;
  uri += path;
  if (query !== null) uri += `?${query}`;
  return fragment === null ? uri : `${uri}#${fragment}`;
}

function merge(base: Pieces, path: string): string {
  if (base.authority !== null && (base.path === '' || base.path === '0')) return `/${path}`;
  return base.path.slice(0, base.path.lastIndexOf('/') + 1) + path;
}

function withoutDots(path: string): string {
  if (!path.includes('.') && path !== '0') return path;
  const kept: string[] = [];
  let rest = path.replace(/^\.\.?\//, '/');
  if (rest === '0') return '';
  for (let at = 0; at < rest.length;) {
    const slash = rest.indexOf('/', at + 1);
    const end = slash < 0 ? rest.length : slash;
    const segment = rest.slice(at, end);
    at = end;
    if (segment !== '/.' && segment !== '/..') {
      kept.push(segment);
      continue;
    }
    if (segment === '/..') kept.pop();
    if (at >= rest.length) kept.push('/');
  }
  rest = kept.join('');
  return rest;
}
