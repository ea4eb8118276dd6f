// The keys of a section that listens for another program on this host or a private network: where, and who may use it.
import { Type } from 'typebox';

const ADDRESSES_MAX = 16;

/** `initial` is the address by default. */
export function listenKeys(initial: string) {
  return {
    listen: Type.Array(Type.String({ pattern: '^(unix:/.+|inet:.+:[0-9]+|fd:[0-9]+)$', maxLength: 300 }), {
      default: [initial],
      minItems: 1,
      maxItems: ADDRESSES_MAX,
      description:
        'Addresses to listen on: `unix:/path`, `inet:host:port`, `inet:[::1]:port`, or `fd:number` for a socket handed in. The protocol has no authentication: keep it on loopback or a UNIX socket.',
    }),
    socketMode: Type.String({
      default: '0660',
      pattern: '^0?[0-7]{3}$',
      description: 'Permissions of a UNIX socket, octal.',
    }),
    socketGroup: Type.String({
      default: '',
      maxLength: 64,
      description: 'Group (name or number) that owns a UNIX socket, such as `postfix`; empty leaves the process group.',
    }),
  };
}
