// Settings of a message's journey: who is inside, and which notices are sent.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';

const NETWORKS_MAX = 10_000;
const names = (description: string, initial: readonly string[] = []) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 320 }), {
    default: [...initial],
    maxItems: NETWORKS_MAX,
    description,
  });

export const directionsSection = section('directions', 'Who is who: tells received from sent from internal mail.', {
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
});

const NOTICE_TEXT_MAX = 10_000;

export const noticesSection = section(
  'notices',
  'Messages that tell people what was held. All carry the null sender.',
  {
    recipientOnVirus: Type.Boolean({
      default: false,
      description: 'Tell the recipient when a virus was held or dropped.',
    }),
    recipientOnAttachment: Type.Boolean({
      default: true,
      description: 'Tell the recipient when a message was held for its attachment.',
    }),
    senderOnHeld: Type.Boolean({
      default: false,
      description: 'Tell a sender who logged in here when their message was held; strangers are never written to.',
    }),
    from: Type.String({
      default: 'Mail filter <postmaster@localhost>',
      minLength: 3,
      maxLength: 320,
      pattern: '^[ -~]+$',
      description: 'From field of notices.',
    }),
    subject: Type.String({
      default: 'Message held: {subject}',
      maxLength: 400,
      description: 'Subject of a notice. Fields: {subject} {sender} {recipient} {reason} {id} {time}.',
    }),
    text: Type.String({
      default:
        'A message for you was not delivered, because it may be harmful.\n\n' +
        'From:     {sender}\nTo:       {recipient}\nSubject:  {subject}\nTime:     {time}\nReason:   {reason}\n\n' +
        'It is kept under the number {id}. Ask your mail administrator if you need it.\n',
      maxLength: NOTICE_TEXT_MAX,
      description: 'Text of a notice. Fields: {subject} {sender} {recipient} {reason} {id} {time}.',
    }),
    perRecipientPerHour: Type.Integer({
      default: 10,
      minimum: 0,
      maximum: 10_000,
      description: 'Most notices one address gets in an hour, counted per worker; further ones are only logged.',
    }),
  },
);

export type DirectionsSettings = Static<typeof directionsSection.schema>;
export type NoticesSettings = Static<typeof noticesSection.schema>;
