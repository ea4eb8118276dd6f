// `weir access add`: one new rule, checked, in force at once; what is risky about it is said.
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { makeRule, showRule, warningsOf, type RuleWish } from '../../filters/access/rule.js';
import { STORE_EXIT, withStores } from '../store-access.js';
import { exitHelp, exitWith, given } from '../store-options.js';
import { visible } from '../table.js';
import type { AddResult } from './methods.js';
import { readExpiry } from './expiry.js';

interface AddOptions {
  readonly name?: string;
  readonly note?: string;
  readonly author?: string;
  readonly expires?: number;
  readonly scope?: string;
  readonly final?: boolean;
  /** `--unauthenticated` makes it false. */
  readonly unauthenticated?: boolean;
  readonly skips?: string;
  readonly off?: boolean;
  readonly replace?: boolean;
}

/** Adds `access add`. */
export function addAdd(program: Command, access: Command): void {
  access
    .command('add')
    .description('Add a rule; it is in force at once.')
    .argument('<effect>', 'allow, reject (the sender learns of it), or discard (nobody does)')
    .argument('<kind>', 'ip, network, sender (MAIL FROM), recipient (RCPT TO), or domain (of MAIL FROM; allow only)')
    .argument('<value>', 'address, network or domain; `*` stands for any run of characters, `<>` for the null sender')
    .option('--name <text>', 'name; default: effect and value')
    .option('--note <text>', 'why it is there')
    .option('--author <name>', 'who it is from; default: the user of this command')
    .option('--expires <time>', 'until then it holds (2027-01-31, 2027-01-31T12:00Z, 90m, 12h, 30d)', readExpiry)
    .option('--scope <scope>', 'global, domain:example.org, or user:bob@example.org', 'global')
    .option('--final', 'rules of domains and users yield to it')
    .option('--unauthenticated', 'an allow rule for a sender or domain holds even where neither SPF nor DKIM vouches')
    .option(
      '--skips <checks>',
      'what an allow rule spares: model, safe, none, or dnsbl,spf,antivirus,dkim,dmarc,restriction',
    )
    .option('--off', 'switched off for now')
    .option('--replace', 'in place of the rule of the same kind, value and scope')
    .addHelpText(
      'after',
      `
An allow rule for an IP address or network that skips \`model\` also spares antivirus (an address) and DNSBL, SPF, DKIM, DMARC
and the refusals of the SMTP dialogue; one for a sender or domain leaves antivirus on unless --skips says otherwise.

Examples:
  weir access add reject ip 192.0.2.66 --note 'port scans'
  weir access add reject sender '*@*.spam.example'
  weir access add allow domain partner.example --name partner
  weir access add allow ip 192.0.2.25 --skips safe --expires 30d
  weir access add allow sender news@shop.example --scope user:bob@example.org${exitHelp('such a rule is there already')}`,
    )
    .action((effect: string, kind: string, value: string, options: AddOptions) =>
      exitWith(() => addRule(program, { effect, kind, value }, options)),
    );
}

async function addRule(
  program: Command,
  what: Pick<RuleWish, 'effect' | 'kind' | 'value'>,
  options: AddOptions,
): Promise<number> {
  const { name, note, scope, final, skips, expires, off } = options;
  const authenticated = options.unauthenticated === true ? false : undefined;
  const wish = {
    ...what,
    ...given({ name, note, scope, final, authenticated, skips, expiresAt: expires }),
  } as RuleWish;
  const made = makeRule({ ...wish, enabled: off !== true });
  if ('fault' in made) {
    process.stderr.write(`weir access add: ${made.fault.key}: expected ${made.fault.expected}\n`);
    return STORE_EXIT.usage;
  }
  const author = options.author ?? userInfo().username;
  const existing = options.replace === true ? 'replace' : 'keep';
  const result = await withStores(program, (call) =>
    call<AddResult>('access.add', { rules: [{ ...wish, enabled: off !== true }], author, existing }),
  );
  if ('fault' in result) throw new Error(`${result.fault.key}: expected ${result.fault.expected}`);
  const [added] = result.added;
  const shown = visible(showRule(made.rule));
  if (added?.outcome === 'exists') {
    process.stderr.write(
      `weir access add: there is a rule for it already: ${added.id} (--replace puts this in its place)\n`,
    );
    return STORE_EXIT.nothing;
  }
  process.stdout.write(`${added?.id ?? ''}  ${shown}: ${added?.outcome ?? ''}, in force\n`);
  for (const warning of warningsOf(made.rule)) process.stderr.write(`warning: ${warning}\n`);
  return STORE_EXIT.done;
}
