// What the world offers the stages of one process: the clock, one resolver that outlives reloads, one country database,
// alerts. Takes settings as they come into force; must be closed, since its sockets keep a process alive.
import type { Configuration } from '../config/load.js';
import type { AlertCode } from '../logs/alerts.js';
import { systemClock } from '../outside/clock.js';
import type { Countries } from '../outside/countries.js';
import { countryFileStamp, openCountries, type CountryDatabase } from '../outside/country-database.js';
import { createResolver, type DnsResolver, type ResolverOptions } from '../outside/dns-resolver.js';
import type { Outside } from '../pipeline/stage.js';
import type { State } from '../state/state.js';
import { countriesSection, countryFile } from './countries-settings.js';
import { resolverOptions, resolverSection } from './resolver-settings.js';

const RESOLVER_ALERT: AlertCode = 'resolver-failing';
const COUNTRIES_ALERT: AlertCode = 'countries-unreadable';
/** Raised while the database in use holds damaged records. */
const DAMAGED_ALERT: AlertCode = 'countries-damaged';
/** How long messages that began before look-ups were switched off may still look something up, ms. */
export const RESOLVER_LINGER_MS = 60_000;

export type Alert = Outside['alert'];

export interface World {
  /**
   * For stages made under these settings; nothing changes for those at work. Throws when settings that come later name a
   * country database that cannot be opened; at the start of a process that is an alert, and countries are unknown.
   */
  outside(configuration: Configuration): Outside;
  /** The settings are in force from now on. */
  take(configuration: Configuration): void;
  /** Null while nothing is looked up. */
  readonly resolver: DnsResolver | null;
  close(): void;
}

/** The world of a process that runs under settings. `state` is its opener's to close. */
export function openWorld(alert: Alert, state: State | null = null): World {
  return new ProcessWorld(alert, state);
}

/** The world of a command: look-ups go to that server, or nowhere. Throws when it is no address. */
export function openCommandWorld(alert: Alert, server: string | undefined): World {
  return new ProcessWorld(alert, null, server ?? null);
}

class ProcessWorld implements World {
  private current: DnsResolver | null = null;
  private countries: CountryDatabase | null = null;
  private started = false;
  /** Switched off, and used by messages that began before. */
  private readonly lingering = new Set<DnsResolver>();

  /** `only`: the server of the command line, null for none at all. */
  constructor(
    private readonly alert: Alert,
    private readonly state: State | null,
    private readonly only?: string | null,
  ) {}

  get resolver(): DnsResolver | null {
    return this.current;
  }

  outside(configuration: Configuration): Outside {
    const options = this.optionsOf(configuration);
    const countries = this.countriesOf(configuration);
    if (options !== null) this.current ??= this.open(options);
    this.started = true;
    return {
      clock: systemClock,
      resolver: options === null ? null : this.current,
      countries,
      state: this.state,
      alert: this.alert,
    };
  }

  take(configuration: Configuration): void {
    const options = this.optionsOf(configuration);
    if (options !== null) this.current?.take(options);
    else if (this.current !== null) this.let(this.current);
  }

  close(): void {
    for (const resolver of this.lingering) resolver.close();
    this.current?.close();
  }

  /** Opened anew only when the file is another one, or has changed. */
  private countriesOf(configuration: Configuration): Countries | null {
    const settings = configuration.section(countriesSection);
    if (!settings.enabled) return null;
    const file = countryFile(settings);
    const stamp = countryFileStamp(file);
    if (this.countries !== null && this.countries.stamp === stamp) return this.countries;
    try {
      this.countries = openCountries(file, (detail) => this.alert(DAMAGED_ALERT, true, detail));
      this.alert(COUNTRIES_ALERT, false, this.countries.file);
      this.alert(DAMAGED_ALERT, false, this.countries.file);
    } catch (error) {
      if (this.started) throw error;
      this.alert(COUNTRIES_ALERT, true, error instanceof Error ? error.message : String(error));
    }
    return this.countries;
  }

  private open(options: ResolverOptions): DnsResolver {
    const resolver: DnsResolver = createResolver(options, {
      clock: systemClock,
      onSilent: (silent, detail) => {
        if (resolver === this.current) this.alert(RESOLVER_ALERT, silent, detail);
      },
    });
    return resolver;
  }

  /** Switched off: messages in hand may finish with it, then it is closed. */
  private let(resolver: DnsResolver): void {
    this.current = null;
    this.lingering.add(resolver);
    this.alert(RESOLVER_ALERT, false, 'look-ups are switched off');
    setTimeout(() => {
      this.lingering.delete(resolver);
      resolver.close();
    }, RESOLVER_LINGER_MS).unref();
  }

  private optionsOf(configuration: Configuration): ResolverOptions | null {
    const settings = configuration.section(resolverSection);
    if (this.only === null) return null;
    if (this.only !== undefined) return { ...resolverOptions(settings), servers: [this.only] };
    return settings.enabled ? resolverOptions(settings) : null;
  }
}
