// The lines that `weir postfix` prints, as settings for a private Postfix: what the journeys run is exactly what an
// administrator is told to write.
import { mainLines, type PostfixSite } from '../../programs/postfix-lines.js';
import { releaseOptions } from '../../programs/postfix-listener.js';
import type { PostfixListener } from './postfix.js';

/** A site for tests: a milter address and a release port, the rest roomy. */
export function makeSite(milter: string, releasePort: number, queueDirectory: string): PostfixSite {
  const roomy = { messageMaxBytes: 67_108_864, connectionsMax: 16_384 };
  return {
    milter,
    releaseHost: '127.0.0.1',
    releasePort,
    queueDirectory,
    socketGroup: 'postfix',
    front: null,
    policy: null,
    ...roomy,
  };
}

/** main.cf as printed. */
export function siteMain(site: PostfixSite): Record<string, string> {
  return Object.fromEntries(mainLines(site).map((line) => [line.name, line.value]));
}

/** The re-injection listener as printed. */
export function siteListener(site: PostfixSite): PostfixListener & { readonly options: Record<string, string> } {
  return {
    address: `${site.releaseHost}:${site.releasePort}`,
    options: Object.fromEntries(releaseOptions().map((option) => [option.name, option.value])),
  };
}
