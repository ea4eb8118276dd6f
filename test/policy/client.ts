// A policy client on a raw socket, as smtpd is one, and worse ones; and requests as Postfix writes them.
import net from 'node:net';
import { Value } from 'typebox/value';
import type { PolicyHandler } from '../../policy/handler.js';
import { createPolicyServer, type PolicyHooks, type PolicyServer } from '../../policy/server.js';
import { POLICY_SECTION, type PolicySettings } from '../../policy/settings.js';

/** Attributes in the order in which Postfix 3.7 sends them. */
export function requestText(fields: Readonly<Record<string, string>> = {}): string {
  const attributes: Record<string, string> = {
    request: 'smtpd_access_policy',
    protocol_state: 'RCPT',
    protocol_name: 'ESMTP',
    client_address: '192.0.2.7',
    client_name: 'mx.away.test',
    client_port: '40000',
    reverse_client_name: 'mx.away.test',
    server_address: '198.51.100.1',
    server_port: '25',
    helo_name: 'mx.away.test',
    sender: 'a@away.test',
    recipient: 'b@house.test',
    recipient_count: '0',
    queue_id: '',
    instance: '1c2.5f.3a.0',
    size: '0',
    etrn_domain: '',
    stress: '',
    sasl_method: '',
    sasl_username: '',
    sasl_sender: '',
    ccert_subject: '',
    ccert_issuer: '',
    ccert_fingerprint: '',
    ccert_pubkey_fingerprint: '',
    encryption_protocol: '',
    encryption_cipher: '',
    encryption_keysize: '0',
    policy_context: '',
    ...fields,
  };
  return `${Object.entries(attributes)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}\n`;
}

export const policySettings = (fields: Partial<PolicySettings> = {}): PolicySettings => ({
  ...(Value.Default(POLICY_SECTION.schema, {}) as PolicySettings),
  listen: ['inet:127.0.0.1:0'],
  ...fields,
});

/** Starts a server of the test on a port of its own. */
export async function startServer(
  handler: PolicyHandler['onQuery'],
  settings: Partial<PolicySettings> = {},
  hooks: PolicyHooks = {},
): Promise<{ readonly server: PolicyServer; readonly port: number }> {
  const server = createPolicyServer(policySettings(settings), { onQuery: handler }, hooks);
  await server.listen();
  return { server, port: Number(server.addresses[0]?.split(':').at(-1)) };
}

export interface PolicyClient {
  readonly socket: net.Socket;
  write(data: string | Buffer): void;
  /** The next `count` answers, without their empty line; fewer when the connection ended before. */
  answers(count: number): Promise<readonly string[]>;
  /** Resolves when the server has closed. */
  readonly closed: Promise<void>;
  end(): void;
}

export async function connectClient(port: number): Promise<PolicyClient> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let text = '';
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const one of waiting.splice(0)) one();
  };
  let isOver = false;
  const closed = new Promise<void>((resolve) => {
    const over = (): void => {
      isOver = true;
      wake();
      resolve();
    };
    socket.on('end', over);
    socket.on('close', over);
  });
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    wake();
  });
  return {
    socket,
    closed,
    write: (data) => void socket.write(data),
    end: () => void socket.destroy(),
    answers: async (count) => {
      for (;;) {
        const parts = text.split('\n\n');
        if (parts.length > count || isOver) {
          const taken = parts.slice(0, Math.min(count, parts.length - 1));
          text = parts.slice(taken.length).join('\n\n');
          return taken;
        }
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}
