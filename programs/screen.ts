// The process of the front listener: takes connections on the sockets it was given, tests clients and hands them to the
// mail server, and takes new settings without letting go of anybody. One process, so that its counts are exact; what must
// outlive it (who has passed) is in the state.
import type { AttachedFiles } from '../config/attached.js';
import type { Configuration } from '../config/load.js';
import { RefusalLog } from '../gateway/refusal-log.js';
import { logSection } from '../logs/settings.js';
import { createTextLog, type TextLog } from '../logs/text-log.js';
import { systemClock } from '../outside/clock.js';
import type { Resolver } from '../outside/resolver.js';
import type { ScreenEvent } from '../screen/event.js';
import { createScreen, type Screen } from '../screen/screen.js';
import { SCREEN_SECTION, whyNoDeepTests, type ScreenSettings } from '../screen/settings.js';
import { LifeFile } from './in-flight.js';
import { descriptorAddresses } from './listening.js';
import type { OrderChannel } from './order-channel.js';
import { Prepared } from './prepared.js';
import { exitInOrder, playPart, watchBugs } from './process-entry.js';
import type { HandedListener, Order, StartOrder } from './process-messages.js';
import { openProcessStores, type ProcessStores } from './process-stores.js';
import { processesSection } from './processes-settings.js';
import { openScreenAccess, type ScreenAccess } from './screen-access.js';
import { screenEntry, screenLine } from './screen-log.js';
import { parseSettings } from './settings.js';
import { openWorld, type World } from './world.js';

/** What every look-up gives while nothing may be looked up. */
const NO_RESOLVER: Resolver = {
  lookup: () => Promise.resolve({ status: 'refused', detail: 'look-ups are switched off (resolver.enabled)' }),
};

interface Parts {
  readonly screen: Screen;
  readonly world: World;
  readonly access: ScreenAccess;
  readonly life: LifeFile;
  readonly stores: ProcessStores;
  readonly refusals: RefusalLog;
}

class ScreenProcess {
  private readonly prepared = new Prepared<Configuration>();
  private ending: Promise<void> | null = null;

  private constructor(
    private readonly parts: Parts,
    private current: Configuration,
    private readonly text: TextLog,
    private readonly channel: OrderChannel,
    private readonly listeners: readonly HandedListener[],
  ) {}

  /** Starts and says `ready`. Rejects when settings, stores or listeners cannot be had. */
  static async start(order: StartOrder, channel: OrderChannel): Promise<ScreenProcess> {
    const configuration = parseSettings(order);
    const text = createTextLog('screen', configuration.section(logSection).level);
    watchBugs(text);
    let screen: Screen | null = null;
    const life = new LifeFile(order.life, () => ({ connections: screen?.stats().connections ?? 0 }));
    const stores = await openProcessStores(configuration, text);
    const { alerts, log } = stores.stores;
    const alert = alerts.alert.bind(alerts);
    const world = openWorld(alert, await stores.stores.state());
    const { state } = world.outside(configuration);
    const access = await openScreenAccess(configuration, alert);
    const refusals = new RefusalLog({ log, clock: systemClock, text });
    const write = (event: ScreenEvent): void => {
      const { level, text: line } = screenLine(event);
      text[level](line);
      const entry = screenEntry(event);
      if (entry !== null) refusals.note(entry);
    };
    screen = createScreen(settingsOf(configuration, order.listeners), {
      clock: systemClock,
      resolver: { lookup: (type, name, options) => (world.resolver ?? NO_RESOLVER).lookup(type, name, options) },
      state,
      files: filesOf(configuration),
      access: (address) => access.wordOn(address),
      log: write,
      alert,
    });
    await screen.listen();
    const part = new ScreenProcess(
      { screen, world, access, life, stores, refusals },
      configuration,
      text,
      channel,
      order.listeners,
    );
    part.tellDeepTests();
    channel.say({ kind: 'ready', version: configuration.version });
    return part;
  }

  obey(order: Order): void {
    switch (order.kind) {
      case 'prepare':
        void this.prepare(order);
        break;
      case 'commit':
        this.commit(order.id);
        break;
      case 'cancel':
        this.prepared.take(order.id);
        break;
      case 'suspects':
        break;
      case 'drain':
      case 'stop':
        void this.end(order.graceMs);
        break;
      default:
        this.text.error({ order: order.kind }, 'order is not for the front listener');
    }
  }

  /** Ends the process: with code 0 once everybody is gone or cut off. A second call may shorten the grace. */
  end(graceMs = this.current.section(processesSection).graceMs): Promise<void> {
    const closed = this.parts.screen.close(graceMs);
    this.ending ??= exitInOrder(this.text, async () => {
      await closed;
      await this.parts.refusals.close();
      await this.parts.access.close();
      this.parts.world.close();
      await this.parts.stores.close();
      this.parts.life.close();
    });
    return this.ending;
  }

  private async prepare(order: Extract<Order, { kind: 'prepare' }>): Promise<void> {
    const objection = await this.prepared.prepare(order.id, () => {
      const configuration = parseSettings(order);
      this.parts.world.outside(configuration);
      return configuration;
    });
    this.channel.say({ kind: 'prepared', id: order.id, objection });
  }

  private commit(id: number): void {
    const next = this.prepared.take(id);
    if (next === undefined) return;
    this.current = next;
    this.parts.world.take(next);
    this.parts.access.take(next);
    this.parts.screen.take(settingsOf(next, this.listeners), filesOf(next));
    this.tellDeepTests();
    this.text.info({ version: next.version }, 'settings taken');
  }

  private tellDeepTests(): void {
    const why = whyNoDeepTests(this.current.section(SCREEN_SECTION));
    if (why !== null) this.text.warn(why);
  }
}

/** The settings with the sockets that were handed in. */
function settingsOf(configuration: Configuration, listeners: readonly HandedListener[]): ScreenSettings {
  return {
    ...configuration.section(SCREEN_SECTION),
    listen: descriptorAddresses(listeners, 'screen'),
    listenProxied: descriptorAddresses(listeners, 'screen-proxied'),
  };
}

function filesOf(configuration: Configuration): AttachedFiles {
  return configuration.attached;
}

const end = playPart((order, channel) => ScreenProcess.start(order, channel));
process.on('SIGTERM', end);
