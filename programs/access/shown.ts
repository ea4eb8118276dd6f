// How rules are shown to people, and how they are named by them: by id, by name, or by what they are about.
import { GLOBAL, type AccessRule } from '../../filters/access/rule.js';
import { skipsText } from '../../filters/access/matrix.js';
import type { StoreCall } from '../store-access.js';
import { showTime, visible } from '../table.js';
import type { ListedRule } from './methods.js';
import { withCounts } from './pinned.js';

/** Characters of an id that are shown: enough to tell rules apart, and any of it is taken back. */
export const PAGE = 1_000;

/** `on`, `off`, `expired`, or until when. */
export function stateText({ enabled, expiresAt }: Pick<ListedRule, 'enabled' | 'expiresAt'>, nowMs: number): string {
  if (!enabled) return 'off';
  if (expiresAt === null) return 'on';
  return expiresAt <= nowMs ? 'expired' : `until ${showTime(expiresAt)}`;
}

/** What stands out about a rule, between commas. */
export function marksText(rule: ListedRule): string {
  const { effect, scope, final, authenticated, skips, kind } = rule;
  const isMailbox = kind === 'sender' || kind === 'domain';
  const marks = [
    ...(final ? ['final'] : []),
    ...(effect === 'allow' && isMailbox ? [authenticated ? 'authenticated' : 'NOT authenticated'] : []),
    ...(effect === 'allow' && scope === GLOBAL ? [`skips ${skipsText(skips)}`] : []),
  ];
  return marks.join(', ');
}

/** Every rule that a filter lets through, page by page. */
export async function* pagesOf(call: StoreCall, filter: object): AsyncGenerator<readonly ListedRule[]> {
  for (let before: string | undefined; ;) {
    const page: readonly ListedRule[] = await call<ListedRule[]>('access.list', {
      filter,
      limit: PAGE,
      ...(before !== undefined && { before }),
    });
    if (page.length > 0) yield page;
    before = page.at(-1)?.id;
    if (page.length < PAGE) return;
  }
}

/**
 * The one rule of that id, or of that name where only one has it, of the store and of those pinned that are given; else why
 * there is none, in a line.
 */
export async function findRule(
  call: StoreCall,
  word: string,
  pinned: readonly AccessRule[] = [],
): Promise<ListedRule | string> {
  const [byId] = await call<ListedRule[]>('access.get', { ids: [word] });
  if (byId !== undefined) return byId;
  const [pinnedById] = await withCounts(
    call,
    pinned.filter(({ id }) => id === word),
  );
  if (pinnedById !== undefined) return pinnedById;
  const named = pinned.filter(({ name }) => name === word);
  const byName = await call<ListedRule[]>('access.list', { filter: { name: word }, limit: 2 });
  const [one, other] = [...(await withCounts(call, named)), ...byName];
  if (one === undefined) return `${visible(word)}: no rule has this id or name`;
  return other === undefined ? one : `${visible(word)}: several rules have this name, give the id`;
}
