// The `policy` section of the configuration: where Postfix's policy requests are taken, and every limit and wait.
import { Type, type Static } from 'typebox';
import { listenKeys } from '../config/listen-keys.js';
import { section } from '../config/section.js';

const MS_MAX = 86_400_000;

export const POLICY_SECTION = section(
  'policy',
  'The policy server for Postfix (check_policy_service): what is decided before the content, without the milter.',
  {
    enabled: Type.Boolean({ default: false, description: 'Whether policy requests are answered.' }),
    ...listenKeys('inet:127.0.0.1:11335'),
    onTrouble: Type.Union([Type.Literal('close'), Type.Literal('dunno')], {
      default: 'close',
      description:
        'What Postfix gets when there is no answer in time: `close` ends the connection, and Postfix acts by its `smtpd_policy_service_default_action`; `dunno` lets the recipient pass.',
    }),
    tempfail: Type.Union([Type.Literal('defer-if-permit'), Type.Literal('at-once')], {
      default: 'defer-if-permit',
      description:
        'How a temporary refusal is said: `defer-if-permit` lets restrictions that come later refuse for good, `at-once` ends it with our own code.',
    }),
    connectionsMax: Type.Integer({
      default: 4_096,
      minimum: 1,
      maximum: 1_000_000,
      description: 'Most connections per worker; each smtpd process of Postfix keeps one. Further ones are closed.',
    }),
    idleTimeoutMs: Type.Integer({
      default: 1_200_000,
      minimum: 50,
      maximum: MS_MAX,
      description: 'Longest silence between two requests; Postfix itself ends a connection after 300 to 1000 s.',
    }),
    requestTimeoutMs: Type.Integer({
      default: 10_000,
      minimum: 50,
      maximum: MS_MAX,
      description: 'Longest time for one request to arrive whole once it has begun, and for an answer to be taken.',
    }),
    answerTimeoutMs: Type.Integer({
      default: 20_000,
      minimum: 50,
      maximum: 90_000,
      description: 'Longest time for an answer, then `onTrouble`; keep it under the 100 s of Postfix.',
    }),
    messagesMax: Type.Integer({
      default: 10_000,
      minimum: 10,
      maximum: 1_000_000,
      description: 'Most messages per worker between their first and last request; over it the oldest is forgotten.',
    }),
  },
);

export type PolicySettings = Static<typeof POLICY_SECTION.schema>;
