// Our own evals on HTML texts: what they are made of, and what they hide from their reader.
import type { Text } from '../../../message/message.js';
import { safe } from '../../bytes.js';
import type { RuleMail } from '../../mail/rule-mail.js';
import { holds, NO, numbersOnly, type Eval, type EvalResult } from '../eval.js';

/** Hidden text below this length says nothing: preview lines of newsletters are about as long. */
const HIDDEN_LENGTH_MIN = 200;

function letters(text: string): number {
  return text.replace(/\s+/g, '').length;
}

/** Images, and visible text of at least `from` and less than `to` characters without blanks. */
function imagesAlone(mail: RuleMail, [from = '0', to = '0']: readonly string[]): EvalResult {
  if (!mail.html().some(({ inside }) => inside.has('img'))) return NO;
  const length = htmlTexts(mail).reduce((sum, text) => sum + letters(text.visible), 0);
  return holds(length >= Number(from) && length < Number(to));
}

function htmlTexts(mail: RuleMail): readonly Text[] {
  return mail.message.texts.filter(({ kind }) => kind === 'html');
}

/** Hidden text is at least `percent` of all text of the HTML. */
function hiddenText(mail: RuleMail, [percent = '50']: readonly string[]): EvalResult {
  let hidden = 0;
  let visible = 0;
  for (const text of htmlTexts(mail)) {
    hidden += letters(text.hidden);
    visible += letters(text.visible);
  }
  if (hidden < HIDDEN_LENGTH_MIN || hidden < (Number(percent) / 100) * (hidden + visible)) return NO;
  return { count: 1, evidence: `${Math.round((100 * hidden) / (hidden + visible))} % hidden` };
}

function wordsSplit(mail: RuleMail, [least = '1']: readonly string[]): EvalResult {
  const count = mail.html().reduce((sum, html) => sum + html.wordsSplit, 0);
  return holds(count >= Number(least));
}

function passwordForm(mail: RuleMail): EvalResult {
  return holds(mail.html().some((html) => html.passwordFields > 0));
}

function formElsewhere(mail: RuleMail): EvalResult {
  for (const { formActions } of mail.html()) {
    const action = formActions.find((target) => /^(?:https?:)?\/\//i.test(target));
    if (action !== undefined)
      return { count: 1, evidence: safe(action.replace(/^[^/]*\/\//, '').split(/[/?#]/, 1)[0]!) };
  }
  return NO;
}

/** Visible text of the whole message, in characters without blanks, is less than `max`. */
function shortText(mail: RuleMail, [max = '0']: readonly string[]): EvalResult {
  const length = mail.message.texts.reduce((longest, text) => Math.max(longest, letters(text.visible)), 0);
  return holds(length < Number(max));
}

export const HTML_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'check_images_alone',
    {
      summary:
        'HTML with images whose visible text has at least the first and less than the second number of characters.',
      argsMin: 2,
      argsMax: 2,
      checkArgs: numbersOnly,
      run: imagesAlone,
    },
  ],
  [
    'check_hidden_text',
    {
      summary: 'At least that many percent of the HTML text is hidden from its reader.',
      argsMin: 1,
      argsMax: 1,
      checkArgs: numbersOnly,
      run: hiddenText,
    },
  ],
  [
    'check_words_split',
    {
      summary: 'HTML comments stand inside words, at least that often.',
      argsMin: 1,
      argsMax: 1,
      checkArgs: numbersOnly,
      run: wordsSplit,
    },
  ],
  [
    'check_password_form',
    { summary: 'HTML asks for a password in the mail itself.', argsMin: 0, argsMax: 0, run: passwordForm },
  ],
  [
    'check_form_elsewhere',
    { summary: 'An HTML form sends what is typed to a web server.', argsMin: 0, argsMax: 0, run: formElsewhere },
  ],
  [
    'check_text_shorter',
    {
      summary: 'The longest text has fewer visible characters than that.',
      argsMin: 1,
      argsMax: 1,
      checkArgs: numbersOnly,
      run: shortText,
    },
  ],
];
