// The admin process: answers the control socket, sends the outbox, keeps logs and quarantine within their bounds, and
// records alerts. It judges no mail, and mail flows while it is away.
import { setPriority } from 'node:os';
import type { Configuration } from '../config/load.js';
import { logSection } from '../logs/settings.js';
import { createTextLog, type TextLog } from '../logs/text-log.js';
import { controlSocketPath, serveControl, type ControlServer } from './control.js';
import { LifeFile } from './in-flight.js';
import type { OrderChannel } from './order-channel.js';
import { startOwnAddressCheck, type OwnAddressCheck } from './own-addresses.js';
import { startRuleUpdates, type RuleUpdates } from './channels/daily.js';
import { Prepared } from './prepared.js';
import { exitInOrder, playPart, watchBugs } from './process-entry.js';
import type { Order, ReloadResult, SettingsText, StartOrder } from './process-messages.js';
import { openStoresOf } from './process-stores.js';
import { parseSettings } from './settings.js';
import { storageSection } from './storage-settings.js';
import { storeControlMethods } from './store-methods.js';
import type { Stores } from './stores.js';

/** Indexing and housekeeping give way to the scanning of mail and to the MTA. */
const NICENESS = 5;

class Admin {
  private ending: Promise<void> | null = null;
  private readonly prepared = new Prepared<Configuration>();
  private ownAddresses: OwnAddressCheck;
  private readonly ruleUpdates: RuleUpdates;

  private constructor(
    private readonly life: LifeFile,
    private readonly stores: Stores,
    private readonly control: ControlServer,
    private readonly text: TextLog,
    private readonly channel: OrderChannel,
    configuration: Configuration,
  ) {
    this.ownAddresses = this.checkOwnAddresses(configuration);
    this.ruleUpdates = startRuleUpdates({
      configuration,
      alert: (code, raised, detail) => stores.alerts.alert(code, raised, detail),
      log: text,
      reload: async () => (await channel.ask('reload')) as ReloadResult,
    });
  }

  /** Starts and says `ready`. Rejects when settings or stores are no good, or the control socket is taken. */
  static async start(order: StartOrder, channel: OrderChannel): Promise<Admin> {
    const configuration = parseSettings(order);
    const text = createTextLog('admin', configuration.section(logSection).level);
    watchBugs(text);
    setPriority(NICENESS);
    const life = new LifeFile(order.life, () => ({ connections: 0 }));
    const stores = await openStoresOf(configuration, text);
    let admin: Admin | null = null;
    const control = await serveControl(controlSocketPath(configuration.section(storageSection).dir), {
      ...storeControlMethods(stores),
      alerts: () => stores.alerts.list(),
      status: () => channel.ask('status'),
      reload: () => channel.ask('reload'),
      'rules.update': (params) =>
        admin === null ? Promise.reject(new Error('the server is just starting')) : admin.ruleUpdates.order(params),
      ownAddresses: () => Promise.resolve(admin?.ownAddresses.last() ?? null),
    });
    admin = new Admin(life, stores, control, text, channel, configuration);
    await stores.startWork();
    channel.say({ kind: 'ready', version: configuration.version });
    return admin;
  }

  obey(order: Order): void {
    switch (order.kind) {
      case 'alert':
        this.stores.alerts.alert(order.code, order.raised, order.detail);
        break;
      case 'prepare':
        void this.prepare(order.id, order);
        break;
      case 'commit':
        this.commit(order.id);
        break;
      case 'cancel':
        this.prepared.take(order.id);
        break;
      case 'suspects':
        // Sections that this process reads at its start change with its restart, which the supervisor sees to.
        break;
      case 'drain':
      case 'stop':
        void this.end();
        break;
      default:
        this.text.error({ order: order.kind }, 'order is not for the admin process');
    }
  }

  private async prepare(id: number, settings: SettingsText): Promise<void> {
    const objection = await this.prepared.prepare(id, () => parseSettings(settings));
    this.channel.say({ kind: 'prepared', id, objection });
  }

  private commit(id: number): void {
    const configuration = this.prepared.take(id);
    if (configuration === undefined) return;
    this.ruleUpdates.take(configuration);
    const { ownAddresses } = this;
    ownAddresses.stop();
    this.ownAddresses = this.checkOwnAddresses(configuration, ownAddresses);
  }

  private checkOwnAddresses(configuration: Configuration, before?: OwnAddressCheck): OwnAddressCheck {
    return startOwnAddressCheck(
      configuration,
      (code, raised, detail) => this.stores.alerts.alert(code, raised, detail),
      (error) => this.text.error({ err: error }, 'own addresses could not be checked'),
      before?.last(),
    );
  }

  /** Ends the process: callers first, then the work behind the stores, then the stores. */
  end(): Promise<void> {
    this.ending ??= exitInOrder(this.text, async () => {
      this.ownAddresses.stop();
      await this.ruleUpdates.stop();
      await this.control.close();
      await this.stores.close();
      this.life.close();
    });
    return this.ending;
  }
}

playPart((order, channel) => Admin.start(order, channel));
// A service manager that ends all processes at once: this one outlasts the workers, and goes on the supervisor's order.
process.on('SIGTERM', () => undefined);
