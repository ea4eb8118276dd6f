// A gateway of invented stages with everything it writes kept for looking at, and one SMTP session played to it by its
// hooks, as the milter server would.
import { parseConfiguration } from '../../config/load.js';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { buildInForce, type InForce } from '../../gateway/in-force.js';
import { forwardingSection } from '../../gateway/forward-settings.js';
import { encapsulationSection, marksSection } from '../../gateway/mark-settings.js';
import { noticesSection } from '../../gateway/notice-settings.js';
import { sealingSection } from '../../gateway/sealing-settings.js';
import { directionsSection } from '../../gateway/settings.js';
import type { LogEvent, MessageEvent, SessionEvent } from '../../logs/event.js';
import type { Connection, EnvelopeAddress } from '../../message/envelope.js';
import { systemClock } from '../../outside/clock.js';
import type { EnvelopeAnswer } from '../../pipeline/answer.js';
import { pipelineSection, verdictSection } from '../../pipeline/settings.js';
import { stageSection } from '../../pipeline/stage-section.js';
import type { StageModule } from '../../pipeline/stage.js';
import { envelopeAddress, makeConnection, makeTransaction } from '../ground/transaction.js';

const MAIL = 'From: a@outside.test\r\nSubject: hello\r\n\r\nbody\r\n';

export interface House {
  readonly gateway: Gateway;
  readonly events: readonly LogEvent[];
  readonly alerts: readonly string[];
  /** Stages of other settings from now on. */
  reload(modules: readonly StageModule[], yaml?: string): Promise<void>;
  /** Set to make the log fail. */
  readonly log: { broken: boolean };
}

export async function makeInForce(modules: readonly StageModule[], yaml = ''): Promise<InForce> {
  const sections = [
    ...[pipelineSection, verdictSection, directionsSection, marksSection, encapsulationSection],
    ...[sealingSection, noticesSection, forwardingSection],
    ...modules.map(({ spec }) => stageSection(spec)),
  ];
  const loaded = parseConfiguration(sections, yaml, 'test.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return buildInForce(loaded.configuration, modules, {
    clock: systemClock,
    resolver: null,
    countries: null,
    state: null,
    alert: () => undefined,
  });
}

export async function makeHouse(modules: readonly StageModule[], yaml = ''): Promise<House> {
  let current = await makeInForce(modules, yaml);
  const events: LogEvent[] = [];
  const alerts: string[] = [];
  const log = { broken: false };
  const gateway = createGateway({
    current: () => current,
    log: {
      write: async (event) => {
        if (log.broken) throw new Error('disk full');
        events.push(event);
      },
    },
    quarantine: { add: async () => 'E1' } as never,
    outbox: {
      prepare: async () => [],
      commit: async () => undefined,
      cancel: async () => undefined,
    } as never,
    clock: systemClock,
    text: { info: () => undefined, error: () => undefined },
    alert: (code, raised, detail) => void alerts.push(`${raised ? 'raised' : 'cleared'} ${code}: ${detail}`),
    hasRoom: () => true,
    version: 'weir/test',
  });
  return {
    ...{ gateway, events, alerts, log },
    reload: async (next, text = '') => void (current = await makeInForce(next, text)),
  };
}

export const sessionsIn = ({ events }: House): readonly SessionEvent[] =>
  events.flatMap((event) => (event.kind === 'session' ? [event] : []));
export const messagesIn = ({ events }: House): readonly MessageEvent[] =>
  events.flatMap((event) => (event.kind === 'message' ? [event] : []));

/** One client's session. */
export class Dialog {
  readonly session = {};
  readonly signal = new AbortController().signal;
  #connection: Connection;
  #mailFrom: EnvelopeAddress = envelopeAddress('');
  #accepted: EnvelopeAddress[] = [];

  constructor(
    private readonly house: House,
    connection: Partial<Connection> = {},
    private login: string | null = null,
  ) {
    this.#connection = makeConnection({ helo: null, ...connection });
  }

  async connect(): Promise<EnvelopeAnswer> {
    return this.house.gateway.onConnect({ session: this.session, connection: this.#connection }, this.signal);
  }

  async helo(name: string): Promise<EnvelopeAnswer> {
    this.greeted(name);
    return this.house.gateway.onHelo({ session: this.session, connection: this.#connection }, this.signal);
  }

  /** A greeting nobody was told of. */
  greeted(name: string): void {
    this.#connection = { ...this.#connection, helo: name };
  }

  /** From the next MAIL on. */
  loggedIn(login: string): void {
    this.login = login;
  }

  async mail(address: string): Promise<EnvelopeAnswer> {
    this.from(address);
    return this.house.gateway.onMail({ ...this.#sender() }, this.signal);
  }

  /** A MAIL nobody was told of. */
  from(address: string): void {
    this.#mailFrom = envelopeAddress(address);
    this.#accepted = [];
  }

  async rcpt(address: string): Promise<EnvelopeAnswer> {
    const rcptTo = envelopeAddress(address);
    const answer = await this.house.gateway.onRcpt(
      { ...this.#sender(), rcptTo, accepted: this.#accepted },
      this.signal,
    );
    if (answer.kind === 'continue') this.#accepted.push(rcptTo);
    return answer;
  }

  /** A recipient nobody was told of. */
  to(address: string): void {
    this.#accepted.push(envelopeAddress(address));
  }

  async refused(address: string, status: string): Promise<void> {
    const event = { ...this.#sender(), rcptTo: envelopeAddress(address), accepted: this.#accepted, status };
    await this.house.gateway.onRefusedRcpt(event, this.signal);
  }

  message(content = MAIL, withSession = true) {
    const transaction = {
      ...makeTransaction(content, { login: this.login }),
      connection: this.#connection,
      mailFrom: this.#mailFrom,
      rcptTo: this.#accepted,
    };
    return this.house.gateway.onMessage(transaction, this.signal, withSession ? this.session : undefined);
  }

  end(): void {
    this.house.gateway.onEnd({ session: this.session, connection: this.#connection });
  }

  #sender() {
    return { session: this.session, connection: this.#connection, login: this.login, mailFrom: this.#mailFrom };
  }
}
