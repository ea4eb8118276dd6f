// Compares what a Postfix says of itself with what Weir needs, line by line: ok, differs or missing, each with its cost.
// Pure: facts in, lines out; what must be tried on the machine itself is in postfix-reach.ts.
import { checkFront, FRONT_NAMES } from './postfix-front.js';
import { mainLines, type FrontSite, type PostfixSite } from './postfix-lines.js';
import { nameListener, releaseOptions, type ListenerOption } from './postfix-listener.js';
import { checkPolicy, POLICY_NAMES } from './postfix-policy.js';
import type { PostfixFacts, PostfixService } from './postfix-read.js';
import { isLoopbackList, splitList } from './postfix-values.js';

/** One line of the check. `cost` is '' where all is well. */
export interface CheckLine {
  readonly state: 'ok' | 'differs' | 'missing';
  /** What was looked at, with the value found where there is one. */
  readonly subject: string;
  /** What to change and what it costs to leave it. */
  readonly cost: string;
}

/** main.cf names beyond the lines themselves that the check reads. */
const ALSO_READ = [
  'inet_interfaces',
  'queue_directory',
  'mail_owner',
  'setgid_group',
  'message_size_limit',
  'default_process_limit',
];
const FILTERED_PROGRAMS: ReadonlySet<string> = new Set(['smtpd', 'qmqpd']);

/** Every main.cf name the check wants to know. */
export function namesToRead(site: PostfixSite): readonly string[] {
  return [
    ...new Set([
      ...ALSO_READ,
      ...mainLines(site).map((line) => line.name),
      ...releaseOptions().map((option) => option.name),
      ...FRONT_NAMES,
      ...POLICY_NAMES,
    ]),
  ];
}

/** All that can be told from the settings. */
export function checkPostfix(site: PostfixSite, facts: PostfixFacts): readonly CheckLine[] {
  return [
    checkRunning(facts),
    ...mainLines(site).map((line) =>
      checkSetting(line.name, line, facts.main.get(line.name), facts.set.has(line.name)),
    ),
    ...checkPolicy(site, facts.main),
    ...checkCapacity(site, facts),
    ...checkOtherListeners(site, facts),
    ...checkReleaseListener(site, facts),
    ...(site.front === null ? [] : checkFront(site.front, facts)),
    ...(site.front === null ? [] : [checkHandoffs(site.front, facts)]),
  ];
}

/** Weir opens no more connections at once than Postfix may have processes for. */
function checkHandoffs(front: FrontSite, facts: PostfixFacts): CheckLine {
  const found = facts.main.get('default_process_limit') ?? '';
  const fits = Number(found) >= front.handoffsMax;
  return {
    state: fits ? 'ok' : 'differs',
    subject: `default_process_limit = ${found} for up to ${front.handoffsMax} clients handed over at once`,
    cost: fits
      ? ''
      : 'good clients wait for a process, at worst until they give up: raise it, or lower screen.handoffsMax',
  };
}

function checkRunning(facts: PostfixFacts): CheckLine {
  const subject = `Postfix ${facts.version}, ${facts.running ? 'running' : 'not running'}`;
  if (facts.running) return { state: 'ok', subject, cost: '' };
  return {
    state: 'missing',
    subject,
    cost: 'no mail is taken (or this user may not see whether it runs: try as root)',
  };
}

interface Wanted {
  readonly value: string;
  readonly cost: string;
  readonly since?: string;
  readonly accepts: (found: string) => boolean;
}

function checkSetting(name: string, wanted: Wanted, found: string | undefined, isSet: boolean): CheckLine {
  if (found === undefined) {
    if (wanted.accepts(''))
      return { state: 'ok', subject: `${name}: not known to this Postfix, and not needed`, cost: '' };
    const since = wanted.since === undefined ? '' : ` (known since ${wanted.since})`;
    return { state: 'missing', subject: `${name}: not known to this Postfix${since}`, cost: wanted.cost };
  }
  const subject = `${name} = ${found}`;
  if (wanted.accepts(found)) return { state: 'ok', subject, cost: '' };
  return { state: isSet ? 'differs' : 'missing', subject, cost: `wanted ${name} = ${wanted.value}: ${wanted.cost}` };
}

/** Limits of the two sides that must fit each other. */
function checkCapacity(site: PostfixSite, facts: PostfixFacts): CheckLine[] {
  const size = Number(facts.main.get('message_size_limit') ?? 'NaN');
  const processes = Number(facts.main.get('default_process_limit') ?? 'NaN');
  const sizeFits = size > 0 && size <= site.messageMaxBytes;
  const processesFit = processes > 0 && processes <= site.connectionsMax;
  return [
    {
      state: sizeFits ? 'ok' : 'differs',
      subject: `message_size_limit = ${facts.main.get('message_size_limit') ?? ''}`,
      cost: sizeFits
        ? ''
        : `Weir takes ${site.messageMaxBytes} bytes whole: a larger mail is not scanned whole, and its policy decides`,
    },
    {
      state: processesFit ? 'ok' : 'differs',
      subject: `default_process_limit = ${facts.main.get('default_process_limit') ?? ''}`,
      cost: processesFit
        ? ''
        : `Weir takes ${site.connectionsMax} connections: further mail is put off when all are in use`,
    },
  ];
}

/** Every other listener must be filtered: an override in master.cf is easily forgotten. */
function checkOtherListeners(site: PostfixSite, facts: PostfixFacts): CheckLine[] {
  const [wanted] = mainLines(site);
  const others = facts.services.filter(
    (service) => FILTERED_PROGRAMS.has(service.program) && !isReleaseListener(site, service),
  );
  return others.map((service) => {
    const subject = `master.cf ${service.name} ${service.type} ${service.program}`;
    const milters = service.options.get('smtpd_milters');
    const overrides = splitList(service.options.get('receive_override_options') ?? '');
    const skips = overrides.includes('no_milters') || (milters !== undefined && wanted?.accepts(milters) === false);
    if (!skips) return { state: 'ok', subject, cost: '' };
    const open = isLoopback(service.name, facts) ? '' : ', and it can be reached from other machines';
    return { state: 'differs', subject, cost: `mail that comes in there is not shown to Weir${open}` };
  });
}

/** The re-injection listener: there, bound to this machine alone, and every option in force. */
function checkReleaseListener(site: PostfixSite, facts: PostfixFacts): CheckLine[] {
  const name = nameListener(site);
  const service = facts.services.find((candidate) => isReleaseListener(site, candidate));
  if (service === undefined) {
    return [
      {
        state: 'missing',
        subject: `master.cf ${name} inet smtpd`,
        cost: 'released mail cannot leave: it waits in the outbox until it expires',
      },
    ];
  }
  const bound = isLoopback(service.name, facts);
  const binding: CheckLine = {
    state: bound ? 'ok' : 'differs',
    subject: `master.cf ${service.name} inet smtpd is bound to ${bound ? 'loopback' : 'every interface'}`,
    cost: bound ? '' : `wanted ${name}: other machines can hand in mail that nobody filters`,
  };
  return [binding, ...releaseOptions().map((option) => checkOption(service, option, facts))];
}

function checkOption(service: PostfixService, option: ListenerOption, facts: PostfixFacts): CheckLine {
  const own = service.options.get(option.name);
  const line = checkSetting(option.name, option, own ?? facts.main.get(option.name), own !== undefined);
  return { ...line, subject: `  -o ${line.subject}` };
}

/** Whether master.cf's service is the one Weir sends to: the same port, and an address that covers ours. */
function isReleaseListener(site: PostfixSite, service: PostfixService): boolean {
  if (service.type !== 'inet' || service.program !== 'smtpd') return false;
  return (
    service.name === nameListener(site) ||
    service.name.slice(service.name.lastIndexOf(':') + 1) === String(site.releasePort)
  );
}

/** Whether an inet service listens on loopback alone; without an address it listens where inet_interfaces says. */
function isLoopback(name: string, facts: PostfixFacts): boolean {
  const colon = name.lastIndexOf(':');
  const host = colon < 0 ? '' : name.slice(0, colon);
  if (host !== '') return host === 'localhost' || isLoopbackList(host);
  const interfaces = splitList(facts.main.get('inet_interfaces') ?? 'all');
  return interfaces.every(
    (entry) =>
      entry === 'loopback-only' || entry === 'localhost' || isLoopbackList(entry.includes(':') ? `[${entry}]` : entry),
  );
}
