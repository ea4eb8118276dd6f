// Evals on HTML texts: what they are made of, and what they hide from their reader.
import { safe } from '../bytes.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, NO, numbersOnly, type Eval, type EvalResult } from './eval.js';

/** Hidden text below this length says nothing: preview lines of newsletters are about as long. */
const HIDDEN_LENGTH_MIN = 200;

function letters(text: string): number {
  return text.replace(/\s+/g, '').length;
}

/** No text part but HTML. */
function htmlOnly(inputs: RuleMail): EvalResult {
  const { texts } = inputs.message;
  return holds(texts.some(({ kind }) => kind === 'html') && !texts.some(({ kind }) => kind === 'plain'));
}

/** Images, and visible text of at least `from` and less than `to` characters without blanks. */
function imageOnly(inputs: RuleMail, [from = '0', to = '0']: readonly string[]): EvalResult {
  const html = inputs.html();
  if (!html.some(({ rendered }) => rendered.tags.has('img'))) return NO;
  const length = html.reduce((sum, { text }) => sum + letters(text.visible), 0);
  return holds(length >= Number(from) && length < Number(to));
}

function tagExists(inputs: RuleMail, [tag = '']: readonly string[]): EvalResult {
  const count = inputs.html().reduce((sum, { rendered }) => sum + (rendered.tags.get(tag.toLowerCase()) ?? 0), 0);
  return { count };
}

/** Hidden text is at least `percent` of all text of the HTML. */
function hiddenText(inputs: RuleMail, [percent = '50']: readonly string[]): EvalResult {
  let hidden = 0;
  let visible = 0;
  for (const { text } of inputs.html()) {
    hidden += letters(text.hidden);
    visible += letters(text.visible);
  }
  if (hidden < HIDDEN_LENGTH_MIN || hidden < (Number(percent) / 100) * (hidden + visible)) return NO;
  return { count: 1, evidence: `${Math.round((100 * hidden) / (hidden + visible))} % hidden` };
}

function wordsSplit(inputs: RuleMail, [least = '1']: readonly string[]): EvalResult {
  const count = inputs.html().reduce((sum, { rendered }) => sum + rendered.wordsSplit, 0);
  return holds(count >= Number(least));
}

function passwordForm(inputs: RuleMail): EvalResult {
  return holds(inputs.html().some(({ rendered }) => rendered.passwordFields > 0));
}

function formElsewhere(inputs: RuleMail): EvalResult {
  for (const { rendered } of inputs.html()) {
    const action = rendered.formActions.find((target) => /^(?:https?:)?\/\//i.test(target));
    if (action !== undefined)
      return { count: 1, evidence: safe(action.replace(/^[^/]*\/\//, '').split(/[/?#]/, 1)[0]!) };
  }
  return NO;
}

/** Visible text of the whole message, in characters without blanks, is less than `max`. */
function shortText(inputs: RuleMail, [max = '0']: readonly string[]): EvalResult {
  const length = inputs.message.texts.reduce((longest, text) => Math.max(longest, letters(text.visible)), 0);
  return holds(length < Number(max));
}

export const HTML_EVALS: readonly (readonly [string, Eval])[] = [
  ['check_for_mime_html_only', { summary: 'The only text is HTML.', argsMin: 0, argsMax: 0, run: htmlOnly }],
  [
    'html_image_only',
    {
      summary:
        'HTML with images whose visible text has at least the first and less than the second number of characters.',
      argsMin: 2,
      argsMax: 2,
      checkArgs: numbersOnly,
      run: imageOnly,
    },
  ],
  ['html_tag_exists', { summary: 'HTML holds the tag named.', argsMin: 1, argsMax: 1, run: tagExists }],
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
