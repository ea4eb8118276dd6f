// `weir access test`: which rules would match a client, a sender, a recipient, and what follows. Reads the rules as the
// server does; changes and counts nothing.
import type { Command } from 'commander';
import { AccessBook } from '../../filters/access/book.js';
import { globalWord, scopedWord, sparedBy } from '../../filters/access/resolve.js';
import { showRule, type AccessRule } from '../../filters/access/rule.js';
import { pinnedRules, type AccessSettings } from '../../filters/access/settings.js';
import { canonicalAddress, canonicalIp } from '../../filters/access/subject.js';
import { joinTables, RuleTable, type Subject } from '../../filters/access/table.js';
import { systemClock } from '../../outside/clock.js';
import { accessDirOf } from '../process-stores.js';
import { readSettings } from '../settings.js';
import { STORE_EXIT } from '../store-access.js';
import { exitWith } from '../store-options.js';
import { visible } from '../table.js';

/** Adds `access test`. */
export function addTest(program: Command, access: Command): void {
  access
    .command('test')
    .description('Say which rules match a client, a sender and a recipient, and what follows.')
    .argument('[ip]', 'address of the client')
    .argument('[sender]', 'MAIL FROM, <> for the null sender')
    .argument('[recipient]', 'RCPT TO')
    .option('--authenticated', 'as if SPF or DKIM vouched for the sender')
    .addHelpText(
      'after',
      `
An argument that is empty ('') or - is left open.

Examples:
  weir access test 192.0.2.7
  weir access test 192.0.2.7 ann@partner.example bob@example.org
  weir access test - ann@partner.example --authenticated

Exit codes: 0 some rule matches; 1 none does; 64 wrong use; 70 something failed; 78 bad configuration.`,
    )
    .action((ip = '', sender = '', recipient = '', options: { authenticated?: boolean } = {}) =>
      exitWith(() =>
        testSubject(program, [ip, sender, recipient] as readonly string[], options.authenticated === true),
      ),
    );
}

async function testSubject(program: Command, words: readonly string[], isVouched: boolean): Promise<number> {
  const [ip = null, sender = null, recipient = null] = words.map((word) => (word === '' || word === '-' ? null : word));
  const client = ip === null ? null : canonicalIp(ip);
  if (ip !== null && client === null) {
    process.stderr.write(`weir access test: ${visible(ip)} is no IP address (- leaves it open)\n`);
    return STORE_EXIT.usage;
  }
  const address = (text: string | null): string | null => (text === null ? null : canonicalAddress(text));
  return tell(
    await rulesThatMatch(program, { client, sender: address(sender), recipient: address(recipient) }),
    isVouched,
  );
}

async function rulesThatMatch(program: Command, subject: Subject) {
  const configuration = readSettings(program.opts<{ config?: string }>().config);
  const pinned = pinnedRules(configuration.section({ name: 'access' } as never) as AccessSettings);
  const book = await AccessBook.open({
    dir: accessDirOf(configuration),
    clock: systemClock,
    make: false,
    onTrouble: (_, detail) => process.stderr.write(`weir access test: ${visible(detail)}\n`),
  });
  try {
    return joinTables([new RuleTable(pinned), await book.current()]).match(subject, Date.now());
  } finally {
    await book.close();
  }
}

function tell(matches: Awaited<ReturnType<typeof rulesThatMatch>>, isVouched: boolean): number {
  const vouched = isVouched ? 'yes' : 'no';
  const all = [...matches.global, ...matches.domain, ...matches.user];
  const word = globalWord(matches.global, vouched);
  const scoped = scopedWord(matches, vouched);
  const line = (text: string): boolean => process.stdout.write(`${visible(text)}\n`);
  if (all.length === 0) line('No rule matches.');
  for (const rule of all) line(`matches  ${showRule(rule)}${whose(rule)}`);
  for (const rule of word.allow) line(`holds    ${showRule(rule)}: spares ${sparedBy(rule).join(', ') || 'nothing'}`);
  if (word.block !== null) line(`holds    ${showRule(word.block)}`);
  if (scoped?.rule.effect === 'allow') line(`holds    ${showRule(scoped.rule)}: spares spam score and greylisting`);
  else if (scoped !== null) line(`holds    ${showRule(scoped.rule)}: adds access.blockPoints to the spam score`);
  const waiting = isVouched ? [] : all.filter(({ authenticated }) => authenticated);
  for (const rule of waiting) line(`waits    ${showRule(rule)}: for SPF or DKIM to vouch for the sender`);
  return all.length === 0 ? STORE_EXIT.nothing : STORE_EXIT.done;
}

const whose = ({ scope }: AccessRule): string => (scope === 'global' ? '' : ` [${scope}]`);
