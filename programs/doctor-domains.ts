// What `weir doctor` says of our own domains: whether they publish SPF and DMARC, without which mail forged in our name
// passes here as elsewhere. Looks up a bounded number of names; never throws.
import type { Configuration } from '../config/load.js';
import { authenticationStage } from '../filters/authentication/stage.js';
import { checkOwnDomain } from '../filters/authentication/own-domain.js';
import { readOwnDomains } from '../gateway/in-force.js';
import { directionsSection } from '../gateway/settings.js';
import type { Resolver } from '../outside/resolver.js';
import { stageSection } from '../pipeline/stage-section.js';
import { line, type DoctorLine } from './doctor-checks.js';
import { openWorld } from './world.js';

/** Domains looked at; a doctor is no survey. */
export const DOMAINS_MAX = 20;
const LOOKUPS_MS = 10_000;

/** Two lines a domain; none while authentication is off or nothing may be looked up. */
export async function checkDomains(configuration: Configuration): Promise<readonly DoctorLine[]> {
  const isOn = configuration.section(stageSection(authenticationStage.spec))['enabled'] === true;
  if (!isOn) return [];
  const world = openWorld(() => undefined);
  try {
    const { resolver } = world.outside(configuration);
    return resolver === null ? [] : await checkAll(configuration, resolver);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [line('own domains', 'warn', reason, 'see the settings of directions')];
  } finally {
    world.close();
  }
}

async function checkAll(configuration: Configuration, resolver: Resolver): Promise<readonly DoctorLine[]> {
  const names = (await readOwnDomains(configuration.section(directionsSection))).filter(
    (name) => !name.startsWith('*.'),
  );
  const looked = [...new Set(names)].slice(0, DOMAINS_MAX);
  const signal = AbortSignal.timeout(LOOKUPS_MS);
  const checks = await Promise.all(looked.map((name) => checkOwnDomain(name, resolver, signal)));
  const lines = checks
    .flat()
    .map(({ name, state, detail }) =>
      line('own domains', state, `${name} ${detail}`, 'publish it in the DNS of that domain'),
    );
  const left = new Set(names).size - looked.length;
  return left > 0 ? [...lines, line('own domains', 'ok', `${left} more were not looked at`)] : lines;
}
