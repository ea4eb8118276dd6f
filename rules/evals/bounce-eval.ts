// Evals on bounces, of SpamAssassin's plugin VBounce: whether the mail that comes back went out through a server of ours.
import { addressListOf } from '../mail/address-list.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, type Eval, type EvalResult } from './eval.js';

const LIST = 'welcomelist_bounce_relays';
const RECEIVED = /^[> ]*Received:/i;
/** Lines of a body that are looked at, and the longest one, bytes. */
const LINES_MAX = 20_000;
const LINE_MAX = 16_384;

function relaysListed(mail: RuleMail): EvalResult {
  return holds((mail.settings.addressLists.get(LIST)?.size ?? 0) > 0);
}

function throughOwnRelay(mail: RuleMail): EvalResult {
  const globs = mail.settings.addressLists.get(LIST);
  if (globs === undefined || globs.size === 0) return holds(false);
  const list = addressListOf(globs);
  const namesOwn = (line: string) => words(line.slice(0, LINE_MAX)).some((word) => list.has(word));
  if (mail.texts('body').some(({ text }) => RECEIVED.test(text.slice(0, LINE_MAX)) && namesOwn(text)))
    return holds(true);
  if (!/Received:/i.test(mail.parsed.bodyText)) return holds(false);
  return holds(quotedFields(mail.parsed.bodyText).some((field) => RECEIVED.test(field) && namesOwn(field)));
}

/** Words with a dot inside, blanks on both sides. */
function words(line: string): string[] {
  return line
    .split(/[ \t\n\r\f\v]+/)
    .slice(1, -1)
    .filter((word) => /.\../.test(word));
}

/** Fields quoted in a body, from the first Received on, folds undone. */
function quotedFields(body: string): string[] {
  const fields: string[] = [];
  for (const line of body.split('\n').slice(0, LINES_MAX)) {
    if (fields.length === 0 && !RECEIVED.test(line)) continue;
    if (/^[ \t\r\f\v]/.test(line) && fields.length > 0) fields.push((fields.pop()! + line).slice(0, LINE_MAX));
    else fields.push(line);
  }
  return fields;
}

const OWN: Eval = {
  summary: 'What came back holds a Received field of a relay on `welcomelist_bounce_relays`.',
  argsMin: 0,
  argsMax: 0,
  run: throughOwnRelay,
};

export const BOUNCE_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'have_any_bounce_relays',
    { summary: 'There is a `welcomelist_bounce_relays`.', argsMin: 0, argsMax: 0, run: relaysListed },
  ],
  ['check_welcomelist_bounce_relays', OWN],
  ['check_whitelist_bounce_relays', OWN],
];
