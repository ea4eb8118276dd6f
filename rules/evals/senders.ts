// All addresses that a message gives for its sender and for its recipients, as lists of addresses are asked about them.
import { isFqdnValid } from '../mail/registry.js';
import type { RuleMail } from '../mail/rule-mail.js';

const SENDER_FIELDS = ['From', 'Envelope-Sender', 'Resent-Sender', 'X-Envelope-From', 'EnvelopeFrom'];
const RECIPIENT_FIELDS = [
  'To',
  'Apparently-To',
  'Delivered-To',
  'Envelope-Recipients',
  'Apparently-Resent-To',
  'X-Envelope-To',
  'Envelope-To',
  'X-Delivered-To',
  'X-Original-To',
  'X-Rcpt-To',
  'X-Real-To',
  'Cc',
];
/** Received fields that may name the recipient. */
const RECEIVED_WITH_RECIPIENT = 3;
/** Addresses kept of one message. */
const ADDRESSES_MAX = 1_000;

const SENDERS = new WeakMap<RuleMail, readonly string[]>();
const RECIPIENTS = new WeakMap<RuleMail, readonly string[]>();

/** Addresses of the sender, each once; a Resent-From takes the place of all others. */
export function allSenders(mail: RuleMail): readonly string[] {
  let found = SENDERS.get(mail);
  if (found === undefined) {
    const resent = mail.headers.values('Resent-From:first:addr');
    const given = SENDER_FIELDS.flatMap((name) => mail.headers.values(`${name}:addr`))
      .filter((address) => address !== '')
      .map((address) => address.replace(/\.+/g, '.'));
    found = [...new Set(resent.length > 0 ? resent : given)].slice(0, ADDRESSES_MAX);
    SENDERS.set(mail, found);
  }
  return found;
}

/** Addresses of the recipients, each once; Resent-To and Resent-Cc take the place of all others. */
export function allRecipients(mail: RuleMail): readonly string[] {
  let found = RECIPIENTS.get(mail);
  if (found === undefined) {
    const { headers } = mail;
    const resent = [...headers.values('Resent-To:first:addr'), ...headers.values('Resent-Cc:first:addr')];
    const given = RECIPIENT_FIELDS.flatMap((name) => headers.values(`${name}:addr`));
    found = [...new Set(resent.length > 0 ? resent : [...receivedFor(mail), ...given])].slice(0, ADDRESSES_MAX);
    RECIPIENTS.set(mail, found);
  }
  return found;
}

/** Recipients that the newest Received fields name. */
function receivedFor(mail: RuleMail): string[] {
  return mail.headers
    .values('Received')
    .slice(0, RECEIVED_WITH_RECIPIENT)
    .flatMap((line) => {
      const found = / for <?([^ <>;]+@([^ <>;@]+))>?;/.exec(line);
      return found !== null && isFqdnValid(found[2]!) ? [found[1]!] : [];
    });
}
