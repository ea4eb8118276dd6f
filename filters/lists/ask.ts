// One message's questions to the lists: which names are asked, all at once and each once, and what came of each. Waits
// within its time; what is not answered by then is unknown. Bounded in names; never throws for what a mail or a list says.
import type { Resolver } from '../../outside/resolver.js';
import { readAnswer, type ListAnswer } from '../../lists/answer.js';
import type { ListHealth } from '../../lists/health.js';
import type { SubjectKind } from '../../lists/known.js';
import { isAddressKind, type List, type ListEntry } from '../../lists/list.js';
import { isIpv6, namesOf, questionName, reverseAddress } from '../../lists/question.js';
import type { Subject } from './subjects.js';

/** What a list said of one subject. */
export interface Told {
  readonly list: List;
  readonly subject: Subject;
  /** What stands before the zone, forwards: the address, or the name asked for. */
  readonly asked: string;
  readonly answer: ListAnswer;
}

export interface Asked {
  readonly told: readonly Told[];
  /** Lists that were not believed, and why. */
  readonly disbelieved: ReadonlyMap<List, string>;
  /** What was not asked for a limit, in words. */
  readonly leftOut: readonly string[];
}

interface Question {
  readonly name: string;
  readonly health: ListHealth;
  readonly about: { readonly subject: Subject; readonly asked: string }[];
}

/** Asks every list that is worth asking about every subject it is for. `signal` ends the waiting, not the work. */
export async function askLists(
  healths: readonly ListHealth[],
  subjects: readonly Subject[],
  resolver: Resolver,
  limits: { readonly lookupsMax: number; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Asked> {
  const disbelieved = new Map<List, string>();
  const { questions, leftOut, lists } = planQuestions(healths, subjects, limits.lookupsMax);
  const ask = async ({ name, health, about }: Question): Promise<readonly Told[]> => {
    const { list } = health;
    const { signal, timeoutMs } = limits;
    const answer = readAnswer(list, await resolver.lookup('A', name, { signal, timeoutMs }));
    health.note(answer);
    return about.map(({ subject, asked }) => ({ list, subject, asked, answer }));
  };
  const believe = async (health: ListHealth): Promise<void> => {
    const { state, reason } = await health.belief(limits.signal);
    if (state !== 'believed') disbelieved.set(health.list, state === 'suspended' ? `suspended: ${reason}` : reason);
  };
  const told = await Promise.all(questions.map(ask));
  // After the answers: an error among them is a reason to test again before anything of that list counts.
  await Promise.all(lists.map(believe));
  return { told: told.flat(), disbelieved, leftOut };
}

/** Questions in the order subject, list; those over the limit are counted. */
function planQuestions(
  healths: readonly ListHealth[],
  subjects: readonly Subject[],
  lookupsMax: number,
): {
  readonly questions: readonly Question[];
  readonly leftOut: readonly string[];
  readonly lists: readonly ListHealth[];
} {
  const questions = new Map<string, Question>();
  const concerned = new Set<ListHealth>();
  let over = 0;
  let unaskable = 0;
  for (const subject of subjects) {
    for (const health of healths) {
      for (const { asked, label } of labelsOf(health.list, subject)) {
        concerned.add(health);
        const name = questionName(label, health.list.zone);
        const known = name === null ? undefined : questions.get(name);
        if (known) known.about.push({ subject, asked });
        else if (name === null) unaskable += 1;
        else if (!health.isWorthAsking()) continue;
        else if (questions.size >= lookupsMax) over += 1;
        else questions.set(name, { name, health, about: [{ subject, asked }] });
      }
    }
  }
  const leftOut = [
    ...(over > 0 ? [`${over} look-ups over the ${lookupsMax} allowed`] : []),
    ...(unaskable > 0 ? [`${unaskable} names too long to be asked for`] : []),
  ];
  return { questions: [...questions.values()], leftOut, lists: [...concerned] };
}

/** What is put before the zone for a subject: nothing where no entry of the list is for it. */
function labelsOf(list: List, { kind, text }: Subject): readonly { readonly asked: string; readonly label: string }[] {
  const entries = list.entries.filter((entry) => isFor(entry, kind, text));
  if (entries.length === 0) return [];
  if (isAddressKind(kind)) return [{ asked: text, label: labelOf(kind, text) }];
  const names = new Set(entries.flatMap((entry) => namesOf(text, entry.names)));
  return [...names].map((name) => ({ asked: name, label: name }));
}

/** What stands before the zone for an address or name as it was asked for. */
export const labelOf = (kind: SubjectKind, asked: string): string =>
  isAddressKind(kind) ? reverseAddress(asked) : asked;

/** Whether an entry is asked about such a subject. */
export function isFor(entry: ListEntry, kind: SubjectKind, text: string): boolean {
  if (!entry.ask.has(kind)) return false;
  return !isAddressKind(kind) || (isIpv6(text) ? entry.ipv6 : entry.ipv4);
}
