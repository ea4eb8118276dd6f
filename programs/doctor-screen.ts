// What `weir doctor` looks at for the front listener: whether it takes clients, whether the mail server behind takes them
// with a PROXY header, why deep tests are off, and whether descriptors suffice. Looks and connects; changes nothing.
import net from 'node:net';
import type { Configuration } from '../config/load.js';
import { parseListenAddress } from '../outside/listen-address.js';
import { openFilesLimit } from '../outside/open-files.js';
import { writeProxyV1, writeProxyV2, type ProxyEnds } from '../outside/proxy-header.js';
import { DEEP_TESTS, isWanted, SCREEN_SECTION, whyNoDeepTests, type ScreenSettings } from '../screen/settings.js';
import { line, reasonOf, type DoctorLine } from './doctor-checks.js';
import type { ServerStatus } from './process-messages.js';

/** Longest wait for a greeting, ms. */
const GREETING_MS = 10_000;
/** A mail server that waits for a header says nothing meanwhile, ms. */
const HEADERLESS_MS = 500;
const GREETING_MAX_BYTES = 4_096;
/** What one client takes: its connection, and the one to the mail server. */
const DESCRIPTORS_PER_CLIENT = 2;

/** Whom the probe claims to be: this machine. */
const PROBE: ProxyEnds = { clientAddress: '127.0.0.1', clientPort: 1, serverAddress: '127.0.0.1', serverPort: 25 };

/** The lines; none where the front listener is off. */
export async function checkScreen(
  configuration: Configuration,
  status: ServerStatus | null,
): Promise<readonly DoctorLine[]> {
  const settings = configuration.section(SCREEN_SECTION);
  if (!settings.enabled) return [];
  return [
    checkProcess(status),
    await checkUpstream(settings),
    ...checkDeepTests(settings),
    checkDescriptors(settings),
    ...checkLists(settings),
  ];
}

function checkProcess(status: ServerStatus | null): DoctorLine {
  const mine = status?.processes.find(({ role, state }) => role === 'screen' && state === 'ready');
  if (mine === undefined)
    return line(
      'screen',
      'fail',
      'the front listener is not there: no client is taken',
      'the log of weir serve has the reason',
    );
  return line('screen', 'ok', `process ${mine.pid}, ${mine.connections} clients now`);
}

/** Does what the front listener does for each client, and reads the greeting. */
async function checkUpstream({ upstream, proxyVersion }: ScreenSettings): Promise<DoctorLine> {
  try {
    const greeting = await greet(upstream, proxyVersion);
    if (greeting.startsWith('220')) return line('screen', 'ok', `${upstream} takes clients with a PROXY header`);
    return line(
      'screen',
      'fail',
      `${upstream} answers: ${greeting}`,
      'its smtpd needs smtpd_upstream_proxy_protocol=haproxy: weir postfix check',
    );
  } catch (error) {
    return line(
      'screen',
      'fail',
      `${upstream}: ${reasonOf(error)}`,
      'every client gets 421: weir postfix prints the lines',
    );
  }
}

/** The greeting that follows a PROXY header; rejects where it comes without one. */
function greet(upstream: string, version: ScreenSettings['proxyVersion']): Promise<string> {
  const address = parseListenAddress(upstream);
  if (address.kind === 'fd') return Promise.reject(new Error('not tried'));
  const target = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  const header = version === 'v1' ? writeProxyV1(PROBE) : writeProxyV2(PROBE);
  return new Promise((resolve, reject) => {
    const socket = net.connect(target);
    let said = '';
    let isHeaderSent = false;
    const settle = (act: () => void): void => {
      socket.destroy();
      act();
    };
    socket.setTimeout(GREETING_MS, () => settle(() => reject(new Error('no greeting in time'))));
    socket.once('error', (error) => settle(() => reject(error)));
    socket.once('end', () => settle(() => reject(new Error('the connection was closed without a greeting'))));
    socket.once('connect', () => {
      setTimeout(() => {
        isHeaderSent = true;
        if (said === '') socket.write(header);
        else settle(() => reject(new Error('it greets before it has heard a PROXY header')));
      }, HEADERLESS_MS);
    });
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      const end = said.indexOf('\r\n');
      if ((end < 0 && said.length < GREETING_MAX_BYTES) || !isHeaderSent) return;
      socket.write('QUIT\r\n');
      settle(() => resolve(said.slice(0, Math.max(end, 0))));
    });
  });
}

function checkDeepTests(settings: ScreenSettings): readonly DoctorLine[] {
  const why = whyNoDeepTests(settings);
  if (why !== null) return [line('screen', 'warn', why, 'name certificate and key of the mail server')];
  const on = DEEP_TESTS.filter((test) => isWanted(settings, test));
  const detail =
    on.length === 0
      ? 'deep tests are off: clients are tested before the greeting alone'
      : `deep tests: ${on.join(', ')}`;
  return [line('screen', 'ok', detail)];
}

/** The bound of this process is that of the server only where both run under one service; it is said as what it is. */
function checkDescriptors({ connectionsMax }: ScreenSettings): DoctorLine {
  const limit = openFilesLimit();
  const wanted = connectionsMax * DESCRIPTORS_PER_CLIENT;
  const detail = `${connectionsMax} clients at most need ${wanted} descriptors, the limit here is ${limit ?? 'unlimited'}`;
  const isEnough = limit === null || limit >= wanted;
  return line(
    'screen',
    isEnough ? 'ok' : 'warn',
    detail,
    'LimitNOFILE= of the service, or a smaller screen.connectionsMax',
  );
}

function checkLists({ dnsblSites, dnsblThreshold }: ScreenSettings): readonly DoctorLine[] {
  const sites = dnsblSites.map(({ list, name }) => name ?? list.split('=')[0]);
  const detail =
    sites.length === 0 ? 'asks no DNS list' : `asks ${sites.join(', ')}; refuses from ${dnsblThreshold} on`;
  return [line('screen', 'ok', detail)];
}
