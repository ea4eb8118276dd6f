// The listener in master.cf that takes clients from Weir's front listener: every option with its reason and cost, and the
// check of a running Postfix against it. Port 25 is Weir's then; nobody but Weir may reach the listener behind.
import type { CheckLine } from './postfix-check.js';
import type { FrontSite } from './postfix-lines.js';
import type { ListenerOption } from './postfix-listener.js';
import { inetOf, servicePort } from './postfix-names.js';
import type { PostfixFacts, PostfixService } from './postfix-read.js';
import { isLoopbackList } from './postfix-values.js';

/** The options of the listener behind. */
export function frontOptions(): readonly ListenerOption[] {
  return [
    {
      name: 'syslog_name',
      value: 'postfix/weir-front',
      why: 'what came through the front listener can be told apart in the log',
      cost: 'it looks like any other in the log',
      accepts: () => true,
    },
    {
      name: 'smtpd_upstream_proxy_protocol',
      value: 'haproxy',
      why: "Weir says before each connection whose it is, so that the client's own address counts everywhere",
      cost: 'every client seems to be this machine: an open relay where 127.0.0.1 is in mynetworks',
      accepts: (found) => found === 'haproxy',
    },
  ];
}

/** The listener as master.cf names it: `name type`, such as `127.0.0.1:10025 inet`. */
export function nameFront({ upstream }: FrontSite): { readonly name: string; readonly type: 'inet' | 'unix' } {
  const inet = inetOf(upstream);
  if (inet === null) return { name: upstream.slice(upstream.lastIndexOf('/') + 1), type: 'unix' };
  return { name: `${inet.host.includes(':') ? `[${inet.host}]` : inet.host}:${inet.port}`, type: 'inet' };
}

/** The lines for master.cf. */
export function printFront(front: FrontSite): readonly string[] {
  const { name, type } = nameFront(front);
  const options = frontOptions();
  return [
    `# Clients connect to Weir (${front.listen.join(', ')}), which hands those that pass to this listener. Weir needs the port`,
    '# to itself: comment out the line "smtp inet n - y - - smtpd" (and with postscreen "smtp inet ... postscreen" and',
    '# "smtpd pass ... smtpd"). Listeners for your own users (submission, smtps) stay as they are.',
    ...options.map((option) => `#   ${option.name}: ${option.why}.`),
    `${name} ${type} n - y - - smtpd`,
    ...options.map((option) => `  -o ${option.name}=${option.value}`),
    '',
  ];
}

/** The listener is there, closed to others and told to expect PROXY headers; nothing else of Postfix's holds Weir's ports. */
export function checkFront(front: FrontSite, facts: PostfixFacts): readonly CheckLine[] {
  return [...checkPorts(front, facts), ...checkPostscreen(facts), ...checkBehind(front, facts)];
}

function checkPorts(front: FrontSite, facts: PostfixFacts): CheckLine[] {
  const ports = new Set(front.listen.map((address) => inetOf(address)?.port));
  const taken = facts.services.filter(({ type, name }) => {
    const port = servicePort(name);
    return type === 'inet' && port !== null && ports.has(port);
  });
  const subject = `port ${[...ports].join(', ')} left to Weir`;
  if (taken.length === 0) return [{ state: 'ok', subject, cost: '' }];
  return taken.map(({ name, program }) => ({
    state: 'differs',
    subject: `master.cf ${name} inet ${program}`,
    cost: 'it holds a port of the front listener: whichever starts later cannot; comment the line out',
  }));
}

function checkPostscreen(facts: PostfixFacts): CheckLine[] {
  return facts.services
    .filter(({ program }) => program === 'postscreen')
    .map(({ name, type }) => ({
      state: 'differs',
      subject: `master.cf ${name} ${type} postscreen`,
      cost: "Weir's front listener takes its place: behind it postscreen would test Weir, not the clients",
    }));
}

function checkBehind(front: FrontSite, facts: PostfixFacts): CheckLine[] {
  const wanted = nameFront(front);
  const service = facts.services.find((candidate) => isBehind(front, candidate));
  if (service === undefined)
    return [
      {
        state: 'missing',
        subject: `master.cf ${wanted.name} ${wanted.type} smtpd`,
        cost: 'Weir has nobody to hand clients to: all of them are told to try again later',
      },
    ];
  return [...checkBinding(service), ...frontOptions().map((option) => checkOption(service, option, facts))];
}

function isBehind(front: FrontSite, { type, program, name }: PostfixService): boolean {
  const wanted = nameFront(front);
  if (program !== 'smtpd' || type !== wanted.type) return false;
  return name === wanted.name || (type === 'inet' && servicePort(name) === inetOf(front.upstream)?.port);
}

function checkBinding({ name, type }: PostfixService): CheckLine[] {
  if (type !== 'inet') return [];
  const colon = name.lastIndexOf(':');
  const host = colon < 0 ? '' : name.slice(0, colon);
  const bound = host === 'localhost' || isLoopbackList(host);
  return [
    {
      state: bound ? 'ok' : 'differs',
      subject: `master.cf ${name} inet smtpd is bound to ${bound ? 'loopback' : host === '' ? 'every interface' : host}`,
      cost: bound
        ? ''
        : 'whoever else reaches it can claim to be any client: bind it to loopback or a network of your own',
    },
  ];
}

function checkOption(service: PostfixService, option: ListenerOption, facts: PostfixFacts): CheckLine {
  const found = service.options.get(option.name) ?? facts.main.get(option.name) ?? '';
  const subject = `  -o ${option.name} = ${found}`;
  if (option.accepts(found)) return { state: 'ok', subject, cost: '' };
  return { state: found === '' ? 'missing' : 'differs', subject, cost: `wanted ${option.value}: ${option.cost}` };
}

/** main.cf names the check reads. */
export const FRONT_NAMES: readonly string[] = frontOptions().map(({ name }) => name);
