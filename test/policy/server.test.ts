// The policy server on raw sockets: requests in any pieces, many connections, peers that do not speak the protocol.
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CONTINUE, type EnvelopeAnswer } from '../../pipeline/answer.js';
import type { PolicyQuery } from '../../policy/query.js';
import { ATTRIBUTES_MAX } from '../../policy/request.js';
import type { PolicyServer } from '../../policy/server.js';
import { connectClient, requestText, startServer } from './client.js';

const open: PolicyServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

type Given = Parameters<typeof startServer>;

async function start(...given: Given) {
  const started = await startServer(...given);
  open.push(started.server);
  return started;
}

/** A server whose answers name the recipient. */
const echo = (query: PolicyQuery): EnvelopeAnswer => ({
  kind: 'reject',
  reply: { code: 550, enhanced: '5.7.1', text: query.rcptTo?.address ?? 'none' },
});

describe('requests and answers', () => {
  it('answers two requests of one write in order', async () => {
    const { port } = await start(echo);
    const client = await connectClient(port);
    client.write(requestText({ recipient: 'one@house.test' }) + requestText({ recipient: 'two@house.test' }));
    expect(await client.answers(2)).toEqual(['action=550 5.7.1 one@house.test', 'action=550 5.7.1 two@house.test']);
    client.end();
  });

  it('answers in order though the first takes longer', async () => {
    let let1: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (let1 = resolve));
    const { port } = await start(async (query) => {
      if (query.rcptTo?.address === 'one@house.test') await first;
      else let1();
      return echo(query);
    });
    const [one, two] = [await connectClient(port), await connectClient(port)];
    one.write(requestText({ recipient: 'one@house.test' }) + requestText({ recipient: 'next@house.test' }));
    two.write(requestText({ recipient: 'two@house.test' }));
    expect(await one.answers(2)).toEqual(['action=550 5.7.1 one@house.test', 'action=550 5.7.1 next@house.test']);
    one.end();
    two.end();
  });

  it('takes a request torn at every byte', async () => {
    const { port } = await start(echo);
    const client = await connectClient(port);
    client.socket.setNoDelay(true);
    const bytes = Buffer.from(requestText());
    for (let at = 1; at < bytes.length; at += 1) {
      client.write(bytes.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      client.write(bytes.subarray(at));
      expect(await client.answers(1)).toEqual(['action=550 5.7.1 b@house.test']);
    }
    client.end();
  });

  it('ignores attributes it does not know, and keeps what follows an equals sign', async () => {
    const { port } = await start(echo);
    const client = await connectClient(port);
    client.write(`x_new=1\nmail_version=9\n${requestText({ recipient: 'a=b=c@house.test' })}`);
    expect(await client.answers(1)).toEqual(['action=550 5.7.1 a=b=c@house.test']);
    client.end();
  });

  it('answers a peer that half-closes after its request', async () => {
    const { port } = await start(echo);
    const client = await connectClient(port);
    client.socket.end(requestText());
    expect(await client.answers(1)).toHaveLength(1);
    await client.closed;
  });

  it('lets steps pass that it does not know', async () => {
    const { port } = await start(echo);
    const client = await connectClient(port);
    client.write(requestText({ protocol_state: 'XYZZY' }));
    expect(await client.answers(1)).toEqual(['action=DUNNO']);
    client.end();
  });

  it('keeps 300 idle connections, each answered when it speaks', async () => {
    const { server, port } = await start(() => CONTINUE);
    const clients = await Promise.all(Array.from({ length: 300 }, () => connectClient(port)));
    await expect.poll(() => server.stats().connections).toBe(300);
    for (const client of clients) client.write(requestText());
    const answers = await Promise.all(clients.map((client) => client.answers(1)));
    expect(answers.every(([answer]) => answer === 'action=DUNNO')).toBe(true);
    for (const client of clients) client.end();
    await expect.poll(() => server.stats().connections).toBe(0);
  });

  it('writes one line, whatever the text holds', async () => {
    const text = `a\r\nb\u0000ü${'x'.repeat(2_000)}`;
    const { port } = await start(() => ({ kind: 'tempfail', reply: { code: 450, enhanced: '4.7.1', text } }), {
      tempfail: 'at-once',
    });
    const client = await connectClient(port);
    client.write(requestText());
    const [answer = ''] = await client.answers(1);
    expect(answer).toMatch(/^action=450 4\.7\.1 a\?\?b\?\?x+$/);
    expect(answer.length).toBeLessThanOrEqual(4 + 400 + 'action='.length);
    client.end();
  });

  it('says temporary refusals so that a final one may follow, but ends a session at once', async () => {
    const codes = [451, 421];
    const { port } = await start(() => ({
      kind: 'tempfail',
      reply: { code: codes.shift() ?? 0, enhanced: '4.7.1', text: 'later' },
    }));
    const client = await connectClient(port);
    client.write(requestText() + requestText());
    expect(await client.answers(2)).toEqual(['action=DEFER_IF_PERMIT 4.7.1 later', 'action=421 4.7.1 later']);
    client.end();
  });
});

describe('peers that break the protocol', () => {
  it.each([
    ['no kind of request', requestText().replace('request=smtpd_access_policy\n', '')],
    ['another kind of request', requestText({ request: 'junk' })],
    ['a line without a name', '=x\n\n'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['an empty line alone', '\n'],
    ['a megabyte without a newline', 'x'.repeat(1_048_576)],
    ['a value over the limit', requestText({ helo_name: 'x'.repeat(20_000) })],
    ['many long values', Array.from({ length: 9 }, (_, index) => `n${index}=${'x'.repeat(8_000)}\n`).join('')],
    ['many attributes', Array.from({ length: ATTRIBUTES_MAX + 1 }, (_, index) => `n${index}=\n`).join('')],
    ['a flood of requests', requestText().repeat(100)],
  ])('closes on %s', async (_, data) => {
    let asked = 0;
    const { server, port } = await start(async () => {
      asked += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return CONTINUE;
    });
    const client = await connectClient(port);
    client.write(data);
    await client.closed;
    expect(server.stats().protocolErrors).toBe(1);
    expect(asked).toBeLessThanOrEqual(16);
    client.end();
  });

  it('goes on for others', async () => {
    const { port } = await start(echo);
    const [bad, good] = [await connectClient(port), await connectClient(port)];
    bad.write('junk\n\n');
    await bad.closed;
    good.write(requestText());
    expect(await good.answers(1)).toHaveLength(1);
    bad.end();
    good.end();
  });

  it('takes names that stand in every object', async () => {
    const { port } = await start(echo);
    const client = await connectClient(port);
    client.write(`__proto__=1\nconstructor=2\ntoString=3\n${requestText()}`);
    expect(await client.answers(1)).toEqual(['action=550 5.7.1 b@house.test']);
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
    client.end();
  });

  it('ends connections that stop in the middle, or say nothing at all', async () => {
    const { server, port } = await start(echo, { requestTimeoutMs: 60, idleTimeoutMs: 60 });
    const [half, silent] = [await connectClient(port), await connectClient(port)];
    half.write('request=smtpd_acc');
    await Promise.all([half.closed, silent.closed]);
    await expect.poll(() => server.stats().connections).toBe(0);
  });

  it('gives the whole request its time, not each byte of it', async () => {
    const { server, port } = await start(echo, { requestTimeoutMs: 80 });
    const client = await connectClient(port);
    const drip = setInterval(() => client.write('a'), 10);
    await client.closed;
    clearInterval(drip);
    expect(server.stats()).toMatchObject({ answers: 0 });
    client.end();
  });

  it('keeps nothing of 2,000 connections that came and went, torn or whole', async () => {
    const { server, port } = await start(echo);
    for (let round = 0; round < 20; round += 1) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => connectClient(port)));
      clients.forEach((client, index) => {
        client.write(requestText().slice(0, index % 3 === 0 ? 50 : undefined));
        if (index % 2 === 0) client.socket.resetAndDestroy();
        else client.end();
      });
    }
    await expect.poll(() => server.stats().connections, { timeout: 20_000 }).toBe(0);
    expect(server.stats()).toMatchObject({ accepted: 2_000, refused: 0 });
  });

  it('closes connections over the cap at once', async () => {
    const { server, port } = await start(echo, { connectionsMax: 2 });
    const kept = [await connectClient(port), await connectClient(port)];
    await expect.poll(() => server.stats().connections).toBe(2);
    const over = await connectClient(port);
    await over.closed;
    expect(server.stats().refused).toBe(1);
    for (const client of kept) {
      client.write(requestText());
      expect(await client.answers(1)).toHaveLength(1);
      client.end();
    }
  });
});

describe('a UNIX socket', () => {
  it('is open to its group alone, and gone when the server is', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'weir-policy-'));
    const path = join(directory, 'policy.sock');
    const { server } = await start(echo, { listen: [`unix:${path}`] });
    expect(server.addresses).toEqual([`unix:${path}`]);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    const client = net.connect(path);
    client.write(requestText());
    const [chunk] = (await once(client, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('action=550 5.7.1 b@house.test\n\n');
    client.destroy();
    await server.close(0);
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await rm(directory, { recursive: true });
  });

  it('is refused where something else lies, and nothing stays open', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'weir-policy-'));
    const path = join(directory, 'file');
    await writeFile(path, 'x');
    await expect(startServer(echo, { listen: ['inet:127.0.0.1:0', `unix:${path}`] })).rejects.toThrow('not a socket');
    await rm(directory, { recursive: true });
  });
});

describe('trouble', () => {
  const fail = (): never => {
    throw new Error('store down');
  };
  const never = (): Promise<EnvelopeAnswer> => new Promise(() => undefined);
  it.each([
    ['a handler that fails', fail],
    ['a handler that never answers', never],
  ])('closes without an answer, by default, on %s', async (_, handler) => {
    const { server, port } = await start(handler, { answerTimeoutMs: 50 });
    const client = await connectClient(port);
    client.write(requestText());
    expect(await client.answers(1)).toEqual([]);
    expect(server.stats().troubles).toBe(1);
    client.end();
  });

  it('has no opinion where the settings say so, and goes on', async () => {
    const { server, port } = await start(fail, { onTrouble: 'dunno' });
    const client = await connectClient(port);
    client.write(requestText() + requestText());
    expect(await client.answers(2)).toEqual(['action=DUNNO', 'action=DUNNO']);
    expect(server.stats().troubles).toBe(2);
    client.end();
  });

  it('tells the handler when the peer is gone', async () => {
    let signal: AbortSignal | null = null;
    const { port } = await start((_, _peer, given) => {
      signal = given;
      return never();
    });
    const client = await connectClient(port);
    client.write(requestText());
    await expect.poll(() => signal !== null).toBe(true);
    client.socket.resetAndDestroy();
    await expect.poll(() => signal?.aborted).toBe(true);
  });

  it('gives the answers it owes before it goes', async () => {
    let answer: ((answer: EnvelopeAnswer) => void) | null = null;
    const { server, port } = await start(() => new Promise((resolve) => (answer = resolve)));
    const [owed, idle] = [await connectClient(port), await connectClient(port)];
    owed.write(requestText());
    await expect.poll(() => server.stats().connections === 2 && answer !== null).toBe(true);
    const closing = server.close(10_000);
    await idle.closed;
    idle.end();
    (answer as unknown as (answer: EnvelopeAnswer) => void)(CONTINUE);
    expect(await owed.answers(1)).toEqual(['action=DUNNO']);
    await owed.closed;
    owed.end();
    await closing;
  });
});
