// What one version of the settings makes of the gateway: stages at work, thresholds, directions. Built whole or not at
// all; swapped between messages; closed when the last message that used it is answered.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Configuration } from '../config/load.js';
import type { Connection } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { Countries } from '../outside/countries.js';
import { createPipeline, specTable, type Pipeline, type Scan, type ScanJob } from '../pipeline/run.js';
import { pipelineSection, verdictSection, type PipelineSettings, type VerdictSettings } from '../pipeline/settings.js';
import type { Outside, StageModule } from '../pipeline/stage.js';
import { behindRelay, createDirections, type Directions } from './direction.js';
import { forwardingSection, type ForwardingSettings } from './forward-settings.js';
import { encapsulationSection, marksSection } from './mark-settings.js';
import type { MarkSettings } from './marks.js';
import { noticesSection, type NoticesSettings } from './notice-settings.js';
import { NO_SEALING, type buildSealing, type Sealing } from './seal.js';
import { directionsSection, type DirectionsSettings } from './settings.js';
import type { FindingSpecs } from './wording.js';

const POSTCONF_TIMEOUT_MS = 5_000;
const POSTCONF_OUTPUT_MAX_BYTES = 1_048_576;
const POSTCONF_DOMAIN_PARAMETERS = [
  'mydestination',
  'virtual_mailbox_domains',
  'virtual_alias_domains',
  'relay_domains',
];

export interface InForce {
  readonly version: string;
  readonly verdict: VerdictSettings;
  readonly marks: MarkSettings;
  readonly notices: NoticesSettings;
  readonly forwarding: ForwardingSettings;
  readonly sealing: Sealing;
  readonly directions: Directions;
  /** The connection with the client that counts, behind trusted relays too, and its country. */
  client(connection: Connection, message: Message): Connection;
  /** The same before there is content: behind a trusted relay nothing is known of the client yet. */
  clientSoFar(connection: Connection): Connection;
  /** `pipeline`, as far as it bounds what happens before the content. */
  readonly early: Pick<PipelineSettings, 'earlyTimeLimitMs' | 'refuseAtRcpt'>;
  readonly specs: FindingSpecs;
  readonly pipeline: Pipeline;
  readonly scan: Scan;
  /** Marks a message as using these settings until the returned function is called. */
  enter(): () => void;
  /** Resolves when no message uses them any more and the stages are closed. */
  retire(): Promise<void>;
}

/**
 * Builds the settings in force. `guard` may wrap the scan; what only judges needs no `makeSealing`. Throws when a stage
 * cannot be made, a network is no network, a file of domains or the sealing key cannot be read or `postconf` fails: the
 * settings before stay in force then.
 */
export async function buildInForce(
  configuration: Configuration,
  modules: readonly StageModule[],
  outside: Outside,
  guard: (scan: Scan) => Scan = (scan) => scan,
  makeSealing: typeof buildSealing = () => NO_SEALING,
): Promise<InForce> {
  const directionSettings = configuration.section(directionsSection);
  const directions = createDirections(directionSettings, await readOwnDomains(directionSettings));
  const sealing = makeSealing(configuration, (code, raised, detail) => outside.alert(code, raised, detail));
  const verdict = configuration.section(verdictSection);
  const pipeline = await createPipeline(modules, configuration, outside);
  let active = 0;
  let whenIdle: (() => void) | null = null;
  return {
    version: configuration.version,
    verdict,
    marks: {
      headers: verdict.headers,
      marks: configuration.section(marksSection),
      encapsulation: configuration.section(encapsulationSection),
    },
    notices: configuration.section(noticesSection),
    forwarding: configuration.section(forwardingSection),
    sealing,
    directions,
    client: (connection, message) => withCountry(directions.client(connection, message), outside.countries),
    clientSoFar: (connection) =>
      directions.isRelayed(connection) ? behindRelay(connection, null) : withCountry(connection, outside.countries),
    early: configuration.section(pipelineSection),
    specs: specTable(modules),
    pipeline,
    // Guarded outside: suspects are known by the mail as it came.
    scan: guard((job) => pipeline.scan(underMainNames(job, directions))),
    enter() {
      active += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        active -= 1;
        if (active === 0) whenIdle?.();
      };
    },
    async retire() {
      if (active > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
      await pipeline.close();
    },
  };
}

function withCountry(connection: Connection, countries: Countries | null): Connection {
  const { clientAddress } = connection;
  const country = clientAddress === null ? null : (countries?.countryOf(clientAddress) ?? null);
  return country === connection.country ? connection : { ...connection, country };
}

/** Settings are looked up by the recipients' main names. */
function underMainNames(job: ScanJob, directions: Directions): ScanJob {
  const { transaction } = job;
  const rcptTo = directions.underMainNames(transaction.rcptTo);
  return rcptTo === transaction.rcptTo ? job : { ...job, transaction: { ...transaction, rcptTo } };
}

/** Own domains of the settings, of their file, and of Postfix, as far as set. */
export async function readOwnDomains(settings: DirectionsSettings): Promise<readonly string[]> {
  const domains = [...settings.ownDomains];
  if (settings.ownDomainsFile !== '') {
    const text = await readFile(settings.ownDomainsFile, 'utf8');
    for (const line of text.split('\n')) {
      const domain = line.split('#')[0]?.trim() ?? '';
      if (domain !== '') domains.push(domain);
    }
  }
  if (settings.ownDomainsFromPostfix) domains.push(...(await readPostfixDomains()));
  return domains;
}

/** Plain names in Postfix's domain parameters; look-up tables (`type:name`) are not opened. */
async function readPostfixDomains(): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('postconf', ['-xh', ...POSTCONF_DOMAIN_PARAMETERS], {
    timeout: POSTCONF_TIMEOUT_MS,
    maxBuffer: POSTCONF_OUTPUT_MAX_BYTES,
  });
  return stdout.split(/[\s,]+/).filter((word) => word !== '' && !/[:/$]/.test(word));
}
