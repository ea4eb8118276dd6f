// Real signed mail: what we make of its signatures, up to the key that nobody can look up any more, is what mailauth makes
// of them. Nothing is looked up; nothing of the mail is kept.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseMessage } from '../../../message/parse.js';
import type { DkimFacts } from '../../../filters/authentication/facts.js';
import { DATA } from '../../message/data.js';
import { verify } from './signing.js';

const require = createRequire(import.meta.url);
interface MailauthResult {
  readonly results: readonly { readonly status: { readonly result: string; readonly comment?: string } }[];
}
const { dkimVerify } = require('mailauth/lib/dkim/verify.js') as {
  dkimVerify(mail: Buffer, options: object): Promise<MailauthResult>;
};

/** Every so manieth message of the folder is looked at. */
const STEP = 3;
const SIGNED_MIN = 300;

/** Both sides' verdicts in the same words: what the body is, or that the signature cannot be read. */
function wordOf(facts: DkimFacts): string {
  if (facts.result === 'fail') return 'body';
  if (facts.problem?.includes('no key') === true || facts.problem?.includes('name of the key') === true) return 'key';
  return facts.problem?.includes('rsa-sha1') === true ? 'weak' : 'syntax';
}

function wordOfMailauth({ result, comment = '' }: MailauthResult['results'][number]['status']): string {
  if (result === 'policy') return 'weak';
  if (result === 'fail') return 'body';
  return comment === 'no key' ? 'key' : 'syntax';
}

describe.skipIf(DATA === null)('real mail', () => {
  test('its signatures are read and its bodies hashed as mailauth does', { timeout: 300_000 }, async () => {
    const folder = join(DATA as string, 'mail');
    const paths = readFileSync(join(folder, 'manifest.tsv'), 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => line.split('\t').at(-1) ?? [])
      .filter((path, index) => path !== '' && index % STEP === 0);
    const noKey = () => Promise.reject(Object.assign(new Error('no key'), { code: 'ENOTFOUND' }));
    const apart = new Map<string, number>();
    const words = new Map<string, number>();
    let signed = 0;
    for (const path of paths) {
      const mail = readFileSync(join(folder, path));
      const message = parseMessage(mail);
      if (message.headersNamed('dkim-signature').length === 0) continue;
      signed++;
      const ours = (await verify(mail, {})).slice(0, 10).map(wordOf);
      const verdicts = (await dkimVerify(mail, { resolver: noKey, strict: true })).results
        .slice(0, 10)
        .map(({ status }) => wordOfMailauth(status));
      // An rsa-sha1 signature is read no further here; mailauth hashes its body first.
      const theirs = verdicts.map((word, index) => (ours[index] === 'weak' && word === 'body' ? 'weak' : word));
      for (const word of ours) words.set(word, (words.get(word) ?? 0) + 1);
      if (ours.join() !== theirs.join()) {
        const pair = `${ours.join()} / ${theirs.join()}`;
        apart.set(pair, (apart.get(pair) ?? 0) + 1);
      }
    }
    expect(signed).toBeGreaterThan(SIGNED_MIN);
    expect([...apart]).toEqual([]);
    expect(Math.min(words.get('body') ?? 0, words.get('key') ?? 0)).toBeGreaterThan(SIGNED_MIN / 10);
  });
});
