// What `weir doctor` says of DNS: whether each server answers, and how fast. One line a server; never throws.
import type { Configuration } from '../config/load.js';
import { systemClock } from '../outside/clock.js';
import { checkServers, type ServerCheck } from '../outside/dns-check.js';
import { line, type DoctorLine } from './doctor-checks.js';
import { resolverOptions, resolverSection } from './resolver-settings.js';

/** An answer that takes longer is worth a word, ms: a message needs several, some one after the other. */
export const SLOW_ANSWER_MS = 500;

/** Asks every server of the settings. */
export async function checkResolver(configuration: Configuration): Promise<readonly DoctorLine[]> {
  const settings = configuration.section(resolverSection);
  if (!settings.enabled) {
    const advice = 'set resolver.enabled: authentication and lists know nothing without it';
    return [line('resolver', 'warn', 'switched off: nothing is looked up', advice)];
  }
  const checks = await checkServers(resolverOptions(settings), systemClock);
  const isDead = checks.every(({ answeredMs }) => answeredMs === null);
  return checks.map((check) => describe(check, isDead));
}

function describe({ address, answeredMs, objection }: ServerCheck, isDead: boolean): DoctorLine {
  const where = 'correct resolver.servers or /etc/resolv.conf';
  if (answeredMs === null) {
    return line(
      'resolver',
      isDead ? 'fail' : 'warn',
      `${address}: ${objection ?? 'no answer'}`,
      `start it, or ${where}`,
    );
  }
  const took = `${address} answers in ${String(answeredMs)} ms`;
  if (objection !== null)
    return line('resolver', 'warn', `${took}, but ${objection}`, `let it resolve for this host, or ${where}`);
  return line('resolver', answeredMs > SLOW_ANSWER_MS ? 'warn' : 'ok', took, `find out why it is slow, or ${where}`);
}
