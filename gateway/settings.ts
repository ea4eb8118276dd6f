// Settings of a message's journey: who is inside. Those of what a verdict does stand in files of their own beside this.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';
import { checkDomainNames } from './domain-names.js';

const NETWORKS_MAX = 10_000;
/** Further names of one domain. */
const ALIASES_MAX = 1_000;
const names = (description: string, initial: readonly string[] = []) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 320 }), {
    default: [...initial],
    maxItems: NETWORKS_MAX,
    description,
  });

const domainName = (description: string) =>
  Type.String({ minLength: 1, maxLength: 253, pattern: '^[^\\s@*]+$', description });

const domainAliases = Type.Array(
  Type.Object(
    {
      domain: domainName('Main name, under which settings speak of the domain.'),
      names: Type.Array(domainName('Further name.'), {
        minItems: 1,
        maxItems: ALIASES_MAX,
        description: 'Its further names.',
      }),
    },
    { additionalProperties: false },
  ),
  {
    default: [],
    maxItems: NETWORKS_MAX,
    examples: [[{ domain: 'example.org', names: ['example.com', 'example.net'] }]],
    description:
      'Domains with further names: mail to such a name is judged by the settings of the main name. Where the main name is ours, so are they.',
  },
);

const directionsKeys = {
  ownDomains: names('Domains whose mail is delivered here; `*.example.org` takes subdomains in.'),
  ownDomainsFile: Type.String({
    default: '',
    maxLength: 4_096,
    description: 'A file with one own domain a line; empty = none.',
  }),
  ownDomainsFromPostfix: Type.Boolean({
    default: false,
    description:
      'Also take mydestination, virtual_mailbox_domains, virtual_alias_domains and relay_domains from `postconf` at start and reload.',
  }),
  ownNetworks: names('Networks whose clients are inside, as addresses or CIDR.', ['127.0.0.0/8', '::1/128']),
  trustedRelays: names(
    'Servers that hand us mail from outside; behind them the client is taken from the Received line they wrote.',
  ),
  submissionDaemons: names('Listener names ({daemon_name}) whose clients are inside.', ['ORIGINATING']),
  domainAliases,
};

export const directionsSection = section(
  'directions',
  'Who is who: tells received from sent from internal mail.',
  directionsKeys,
  (settings) => checkDomainNames(settings.domainAliases),
);

export type DirectionsSettings = Static<typeof directionsSection.schema>;
