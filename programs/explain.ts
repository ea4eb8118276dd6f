// `weir explain`: why a message became what it became, in plain words: one from the log by any of its names, or one in a
// file as it would be judged now. The same text goes out as JSON.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { Configuration } from '../config/load.js';
import { STAGES } from '../filters/index.js';
import { rulesStage } from '../filters/rules/stage.js';
import { explain, type ExplainContext, type Explanation } from '../gateway/explanation.js';
import { makeEvent } from '../gateway/record.js';
import type { MessageEvent } from '../logs/event.js';
import type { SecurityEntry } from '../logs/row.js';
import type { LogPage } from '../logs/search.js';
import { systemClock } from '../outside/clock.js';
import type { FindingSpec } from '../pipeline/finding.js';
import { verdictSection } from '../pipeline/settings.js';
import type { QuarantineEntry } from '../quarantine/quarantine.js';
import { refusalLines } from './explain-refusal.js';
import { explanationLines } from './explanation-lines.js';
import { findWrongOption, judgeMail, openJudge, withEnvelope, type EnvelopeOptions } from './offline-judge.js';
import { rulesOfSettings } from './rules/in-force.js';
import { readMessages } from './scan-input.js';
import { readSettings } from './settings.js';
import { STORE_EXIT, withStores, type StoreCall } from './store-access.js';
import { exitHelp, exitWith, writeJsonLines } from './store-options.js';
import { visible } from './table.js';

/** The stage whose findings rule files bring. */
const RULES = rulesStage.spec.name;

interface ExplainOptions extends EnvelopeOptions {
  readonly json?: boolean;
}

/** Adds the command to the program. */
export function addExplainCommand(program: Command): void {
  withEnvelope(
    program
      .command('explain')
      .description('Say in plain words why a message was judged as it was, and what would have had to differ.')
      .argument(
        '<message>',
        'a message file, - for standard input, of a logged message: id, queue id, Message-ID, quarantine id, or the id of a refusal',
      )
      .option('--json', 'one JSON object with the same text and the figures'),
  )
    .addHelpText(
      'after',
      `
The options on client and envelope are for files: a logged message has its own.

Examples:
  weir explain mail.eml
  weir explain 01kjk3v9q2
  weir explain '<20261121.abc@example.org>'
  weir explain --json 4bXYZ1234z${exitHelp('no such message in the log')}`,
    )
    .action((name: string, options: ExplainOptions) => exitWith(() => explainOne(program, name, options)));
}

async function explainOne(program: Command, name: string, options: ExplainOptions): Promise<number> {
  const wrong = findWrongOption(options);
  if (wrong !== null) {
    process.stderr.write(`weir explain: ${wrong}\n`);
    return STORE_EXIT.usage;
  }
  const configuration = readSettings(program.opts<{ config?: string }>().config);
  const isFile = name === '-' || existsSync(name);
  const event = isFile ? await judgeFile(name, options, configuration) : await findLogged(program, name);
  if (event === null && !isFile && (await explainRefusal(program, name, configuration, options.json === true)))
    return STORE_EXIT.done;
  if (event === null) {
    const where = isFile ? 'holds no message' : 'is neither a file nor a message in the log';
    process.stderr.write(`weir explain: ${visible(name)} ${where}\n`);
    return STORE_EXIT.nothing;
  }
  write(explain(event, contextOf(configuration, event)), options.json === true);
  return STORE_EXIT.done;
}

/** What was refused before its content has an entry in the security log alone. False when there is none of that id. */
async function explainRefusal(program: Command, id: string, configuration: Configuration, isJson: boolean) {
  const page = await withStores(program, (call) => call<LogPage<SecurityEntry>>('log.security', { id, limit: 1 }));
  const [entry] = page.entries;
  if (entry?.kind !== 'session') return false;
  const { specs } = contextOf(configuration, entry);
  if (isJson) writeJsonLines([{ ...entry, text: refusalLines(entry, specs) }]);
  else process.stdout.write(`${refusalLines(entry, specs).join('\n')}\n`);
  return true;
}

function write(explanation: Explanation, isJson: boolean): void {
  if (isJson) writeJsonLines([explanation]);
  else
    process.stdout.write(
      explanationLines(explanation)
        .map((line) => `${line}\n`)
        .join(''),
    );
}

function contextOf(configuration: Configuration, { findings }: Pick<MessageEvent, 'findings'>): ExplainContext {
  const all = STAGES.flatMap(({ spec }) => spec.findings.map((finding) => [finding.id, finding] as const));
  const specs = new Map<string, FindingSpec>(all);
  const unknown = findings.flatMap(({ stage, id }) => (stage === RULES && !specs.has(id) ? [id] : []));
  for (const spec of describedRules(unknown, configuration)) specs.set(spec.id, spec);
  return { verdict: configuration.section(verdictSection), version: configuration.version, specs };
}

/** What rule files of the site say of their rules. */
function describedRules(names: readonly string[], configuration: Configuration): readonly FindingSpec[] {
  if (names.length === 0) return [];
  const { byName } = rulesOfSettings(configuration).set;
  return names.flatMap((id) => {
    const { description = '', score = 0 } = byName.get(id) ?? {};
    const meaning = /[.!?]$/.test(description) ? description : `${description}.`;
    return description === '' ? [] : [{ id, category: 'spam', group: 'rules', score, meaning }];
  });
}

/** The first message of a file, judged now, as the event it would be. */
async function judgeFile(
  name: string,
  options: EnvelopeOptions,
  configuration: Configuration,
): Promise<MessageEvent | null> {
  for await (const input of readMessages(name, process.stdin)) {
    if ('error' in input) throw new Error(`${input.name}: ${input.error}`);
    const { inForce, close } = await openJudge(configuration, options, 'weir explain');
    try {
      const { verdicts, ...judged } = await judgeMail(input.content, options, inForce);
      const plan = { answer: { kind: 'accept', edits: [] }, held: [], copies: [], outcomes: verdicts } as const;
      const about = { id: '', heldIds: [], settingsVersion: configuration.version, nowMs: systemClock.now() };
      return makeEvent({ ...judged, ...about, plan });
    } finally {
      await close();
    }
  }
  return null;
}

/** By its own id, the quarantine's, the mail server's queue id, or Message-ID: the newest that has exactly this one. */
async function findLogged(program: Command, name: string): Promise<MessageEvent | null> {
  const messageId = name.replace(/^<|>$/g, '');
  return withStores(program, async (call) => {
    const held = await call<QuarantineEntry | null>('quarantine.show', { id: name });
    return (
      (await newest(call, { id: held?.logId ?? name }, () => true)) ??
      (await newest(call, { queueId: name }, (event) => event.queueId === name)) ??
      (await newest(call, { messageId }, (event) => event.messageId === messageId))
    );
  });
}

/** Candidates looked at: a search finds texts anywhere, the name must be whole. */
const CANDIDATES_MAX = 100;

async function newest(
  call: StoreCall,
  query: object,
  isIt: (event: MessageEvent) => boolean,
): Promise<MessageEvent | null> {
  const page = await call<LogPage<MessageEvent>>('log.mail', { ...query, limit: CANDIDATES_MAX });
  return page.entries.find(isIt) ?? null;
}
