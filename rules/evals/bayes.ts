// The eval on what was learned (Bayes): reads the probability handed in with the message; without one it never holds.
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, numbersOnly, type Eval, type EvalResult } from './eval.js';

function bayes({ facts }: RuleMail, [from = '0', to = '1']: readonly string[]): EvalResult {
  const probability = facts?.bayes ?? null;
  if (probability === null) return holds(false);
  return holds((Number(from) === 0 || probability > Number(from)) && probability <= Number(to));
}

export const BAYES_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'check_bayes',
    {
      summary: 'What was learned gives a probability of spam above the first and up to the second number.',
      argsMin: 2,
      argsMax: 2,
      checkArgs: numbersOnly,
      run: bayes,
    },
  ],
];
