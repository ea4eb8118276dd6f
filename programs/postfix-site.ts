// From Weir's settings to what Postfix must know of it.
import type { Configuration } from '../config/load.js';
import { MILTER_SECTION } from '../milter/settings.js';
import { outboxSection } from '../outbox/settings.js';
import { POLICY_SECTION } from '../policy/settings.js';
import { SCREEN_SECTION } from '../screen/settings.js';
import type { PostfixSite } from './postfix-lines.js';

/** The site these settings describe; a UNIX socket is named before a TCP one, since it is faster and closed to others. */
export function readSite(settings: Configuration, queueDirectory: string): PostfixSite {
  const milter = settings.section(MILTER_SECTION);
  const outbox = settings.section(outboxSection);
  const screen = settings.section(SCREEN_SECTION);
  const policy = settings.section(POLICY_SECTION);
  const front = {
    listen: [...screen.listen, ...screen.listenProxied],
    upstream: screen.upstream,
    handoffsMax: screen.handoffsMax,
  };
  return {
    milter: preferSocket(milter.listen),
    releaseHost: outbox.host,
    releasePort: outbox.port,
    queueDirectory,
    socketGroup: milter.socketGroup,
    messageMaxBytes: milter.messageSizeMaxBytes,
    connectionsMax: milter.connectionsMax,
    front: screen.enabled ? front : null,
    policy: policy.enabled ? preferSocket(policy.listen) : null,
  };
}

function preferSocket(listen: readonly string[]): string {
  return listen.find((address) => address.startsWith('unix:')) ?? listen[0] ?? '';
}
