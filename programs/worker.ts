// A scan worker: takes connections on the listeners it was given, judges messages through the gateway, and swaps its
// settings between two messages. It keeps no state of its own that a kill could lose.
import { setFlagsFromString } from 'node:v8';
import { STAGES } from '../filters/index.js';
import { createGateway, type Gateway } from '../gateway/gateway.js';
import { buildInForce, type InForce } from '../gateway/in-force.js';
import { buildSealing } from '../gateway/seal.js';
import type { Configuration } from '../config/load.js';
import { logSection } from '../logs/settings.js';
import { createTextLog, type TextLog } from '../logs/text-log.js';
import { createMilterServer, type MilterServer } from '../milter/server.js';
import { MILTER_SECTION } from '../milter/settings.js';
import { systemClock } from '../outside/clock.js';
import { pipelineSection } from '../pipeline/settings.js';
import type { Scan } from '../pipeline/run.js';
import { createGuard, type Guard } from './guard.js';
import { LifeFile } from './in-flight.js';
import { descriptorAddresses } from './listening.js';
import type { OrderChannel } from './order-channel.js';
import { createPolicyPart, type PolicyPart } from './policy-part.js';
import { Prepared } from './prepared.js';
import { exitInOrder, playPart, watchBugs } from './process-entry.js';
import type { Order, SettingsText, StartOrder } from './process-messages.js';
import { openProcessStores, type ProcessStores } from './process-stores.js';
import { processesSection } from './processes-settings.js';
import { scanAlone } from './scan-alone.js';
import { parseSettings, settingsText } from './settings.js';
import { VERSION } from './version.js';
import { openWorld, type World } from './world.js';

/** What a suspect may take beyond `pipeline.timeLimitMs` when it is scanned alone, ms. */
export const ALONE_MARGIN_MS = 10_000;

interface Taken {
  readonly configuration: Configuration;
  readonly inForce: InForce;
}

class Worker {
  private readonly prepared = new Prepared<Taken>();
  private ending: Promise<void> | null = null;

  private constructor(
    private current: Taken,
    private readonly world: World,
    private readonly guard: Guard,
    private readonly life: LifeFile,
    private readonly stores: ProcessStores,
    private readonly text: TextLog,
    private readonly channel: OrderChannel,
    private readonly server: MilterServer,
    private readonly gateway: Gateway,
    private readonly policy: PolicyPart,
  ) {}

  /** Starts and says `ready`. Rejects when settings, stores, stages or listeners cannot be had. */
  static async start(order: StartOrder, channel: OrderChannel): Promise<Worker> {
    const configuration = parseSettings(order);
    const text = createTextLog('worker', configuration.section(logSection).level);
    watchBugs(text);
    let server: MilterServer | null = null;
    const life = new LifeFile(order.life, () => ({ connections: server?.stats().connections ?? 0 }));
    const stores = await openProcessStores(configuration, text);
    const opened = stores.stores;
    const world = openWorld((code, raised, detail) => opened.alerts.alert(code, raised, detail), await opened.state());
    const guard = createGuard({
      life,
      aloneMax: () => worker.settings().aloneMax,
      scanAlone: async (transaction, session, signal) => {
        const early = await gateway.before(transaction, session, signal);
        return scanAlone({ transaction, early }, worker.aloneOptions(), signal);
      },
      onCleared: (identity) => {
        text.info({ identity }, 'a suspect message survived alone: cleared');
        channel.say({ kind: 'cleared', identity });
      },
      onCondemned: (identity, { queueId, connection }, reason) => {
        text.error({ identity, queueId, session: connection.id, reason }, 'message is unprocessable');
        channel.say({ kind: 'condemned', detail: `queue id ${queueId ?? 'unknown'}: ${reason}` });
      },
    });
    guard.setSuspects(order.suspects);
    const inForce = await buildInForce(
      configuration,
      STAGES,
      world.outside(configuration),
      (scan) => guard.scan(scan),
      buildSealing,
    );
    const gateway = createGateway({
      current: () => worker.current.inForce,
      log: guard.standIns.log(opened.log),
      quarantine: guard.standIns.quarantine(opened.quarantine),
      outbox: opened.outbox,
      clock: systemClock,
      text,
      alert: (code, raised, detail) => opened.alerts.alert(code, raised, detail),
      hasRoom: () => stores.hasRoom(),
      version: `weir/${VERSION}`,
    });
    const milter = {
      ...configuration.section(MILTER_SECTION),
      listen: descriptorAddresses(order.listeners, 'milter'),
    };
    server = createMilterServer(milter, guard.handler(gateway), {
      onHandlerError: (connection, error) =>
        text.error({ err: error, session: connection?.id }, 'milter handler failed'),
      onListenerError: (address, error) => text.error({ err: error, address }, 'listener failed'),
      onRefused: (reason) => text.warn({ reason }, 'connection refused: over its cap'),
    });
    const policy = createPolicyPart(configuration, order.listeners, gateway, text);
    const worker = new Worker(
      { configuration, inForce },
      ...([world, guard, life, stores, text, channel, server, gateway, policy] as const),
    );
    await server.listen();
    await policy.listen();
    channel.say({ kind: 'ready', version: configuration.version });
    return worker;
  }

  obey(order: Order): void {
    switch (order.kind) {
      case 'prepare':
        void this.prepare(order.id, order);
        break;
      case 'commit':
        this.commit(order.id);
        break;
      case 'cancel':
        this.cancel(order.id);
        break;
      case 'suspects':
        this.guard.setSuspects(order.identities);
        break;
      case 'drain':
      case 'stop':
        void this.end(order.graceMs, order.kind === 'drain');
        break;
      default:
        this.text.error({ order: order.kind }, 'order is not for a worker');
    }
  }

  settings() {
    return this.current.configuration.section(processesSection);
  }

  /** Ends the process: with code 0 once everything is answered and closed. */
  end(graceMs = this.settings().graceMs, drain = false): Promise<void> {
    if (this.ending !== null && !drain) void this.server.close(graceMs);
    this.ending ??= exitInOrder(this.text, () => this.close(graceMs, drain));
    return this.ending;
  }

  private aloneOptions() {
    const { configuration } = this.current;
    const { watchdogMs, aloneHeapMaxMb } = this.settings();
    return {
      settings: settingsText(configuration),
      stallMs: watchdogMs,
      timeLimitMs: configuration.section(pipelineSection).timeLimitMs + ALONE_MARGIN_MS,
      heapMaxMb: aloneHeapMaxMb,
    };
  }

  private async prepare(id: number, settings: SettingsText): Promise<void> {
    const guarded = (scan: Scan): Scan => this.guard.scan(scan);
    const objection = await this.prepared.prepare(id, async () => {
      const configuration = parseSettings(settings);
      const outside = this.world.outside(configuration);
      return { configuration, inForce: await buildInForce(configuration, STAGES, outside, guarded, buildSealing) };
    });
    this.channel.say({ kind: 'prepared', id, objection });
  }

  private commit(id: number): void {
    const next = this.prepared.take(id);
    if (next === undefined) return;
    const old = this.current;
    this.current = next;
    this.world.take(next.configuration);
    this.retire(old);
    this.text.info({ version: next.configuration.version }, 'settings taken');
  }

  private cancel(id: number): void {
    const next = this.prepared.take(id);
    if (next !== undefined) this.retire(next);
  }

  private retire({ inForce }: Taken): void {
    inForce.retire().catch((error: unknown) => this.text.error({ err: error }, 'stages could not be closed'));
  }

  private async close(graceMs: number, drain: boolean): Promise<void> {
    // Draining lets open sessions come to their own end; closing ends those that wait between two messages.
    const milter = drain ? this.server.drain(graceMs) : this.server.close(graceMs);
    await Promise.all([milter, this.policy.close(graceMs)]);
    await this.gateway.close();
    await this.current.inForce.retire();
    this.world.close();
    await this.stores.close();
    this.life.close();
  }
}

/**
 * V8 lets the old generation grow by a tenth between two full collections, and counts every buffer of mail towards it:
 * that would be a full collection every few hundred messages. So it may grow by this much, percent.
 */
const HEAP_GROWTH_PERCENT = 300;

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
const end = playPart((order, channel) => Worker.start(order, channel));
process.on('SIGTERM', end);
