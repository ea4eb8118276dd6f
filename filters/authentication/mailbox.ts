// One mailbox by RFC 5322's grammar (§3.4): display name and address in angle brackets, or an address alone. Strict where
// lenient readers come to different addresses, since what is read here is believed; otherwise gives the reason.
import { canonicalDomain, DOMAIN_LENGTH_MAX, organisationalDomain } from './domain.js';
import { isSpecial, tokenise, withoutComments, type Token } from './mailbox-tokens.js';

export type MailboxProblem = 'several' | 'group' | 'no-domain' | 'broken';

/** `domain` in lower case A-labels. */
export type Mailbox =
  { readonly domain: string; readonly problem: null } | { readonly domain: null; readonly problem: MailboxProblem };

/** Reads the value of a From field, unfolded, without controls. Linear; never throws. */
export function readMailbox(text: string): Mailbox {
  const tokens = tokenise(text);
  if (tokens === null) return none('broken');
  const open = tokens.findIndex(isSpecial('<'));
  return open < 0 ? readBare(withoutComments(tokens)) : readAngled(tokens, open);
}

function none(problem: MailboxProblem): Mailbox {
  return { domain: null, problem };
}

/** `Name <local@domain>`, nothing behind it but comments. */
function readAngled(tokens: readonly Token[], open: number): Mailbox {
  const close = tokens.findIndex(isSpecial('>'));
  if (close < open) return none('broken');
  const outside = outsideProblem(tokens.slice(0, open), withoutComments(tokens.slice(close + 1)));
  if (outside !== null) return none(outside);
  const inside = tokens.slice(open + 1, close);
  // A reader that knows no comments sees another address in `<a@one.test(@two.test)>`.
  if (inside.some(({ kind, text }) => kind === 'comment' && /[@<>,]/.test(text))) return none('broken');
  const mailbox = readAddress(withoutComments(inside));
  if (mailbox.problem !== null) return mailbox;
  return agreesWithName(withoutComments(tokens.slice(0, open)), mailbox.domain) ? mailbox : none('broken');
}

/** What stands around the brackets: a list, a group, or a second address is no display name. */
function outsideProblem(before: readonly Token[], after: readonly Token[]): MailboxProblem | null {
  if (before.some(isSpecial(':')) || after.some(isSpecial(':'))) return 'group';
  if ([...before, ...after].some((token) => isSpecial(',')(token) || isSpecial(';')(token))) return 'several';
  if (after.some((token) => isSpecial('<')(token) || isSpecial('@')(token))) return 'several';
  return after.length > 0 || before.some(isSpecial('>')) ? 'broken' : null;
}

/** `one@name.test <two@name.test>` breaks the grammar and is common; it stands where both have one organisation. */
function agreesWithName(name: readonly Token[], domain: string): boolean {
  const words = name.filter(({ kind }) => kind !== 'quoted');
  for (let at = words.findIndex(isSpecial('@')); at >= 0; at = nextAt(words, at)) {
    let text = '';
    for (let next = at + 1; next < words.length && isDomainToken(words[next] as Token, text); next++)
      text += (words[next] as Token).text;
    const other = canonicalDomain(text);
    if (other !== null && organisationalDomain(other) !== organisationalDomain(domain)) return false;
  }
  return true;
}

function nextAt(words: readonly Token[], from: number): number {
  return words.findIndex((token, index) => index > from && isSpecial('@')(token));
}

/** Atoms and dots by turns: two atoms in a row are two words. */
function isDomainToken(token: Token, soFar: string): boolean {
  const dotNext = soFar !== '' && !soFar.endsWith('.');
  return dotNext ? isSpecial('.')(token) : token.kind === 'atom';
}

/** An address alone. */
function readBare(tokens: readonly Token[]): Mailbox {
  if (tokens.some(isSpecial(':'))) return none('group');
  if (tokens.some((token) => isSpecial(',')(token) || isSpecial(';')(token))) return none('several');
  return readAddress(tokens);
}

/** `local@domain` (§3.4.1). A source route, encoded words and domain literals are not taken. */
function readAddress(tokens: readonly Token[]): Mailbox {
  const at = tokens.findIndex(isSpecial('@'));
  if (at < 0 || at === tokens.length - 1) return none('no-domain');
  if (tokens.some(({ kind, text }) => kind === 'atom' && text.includes('=?'))) return none('broken');
  const rest = tokens.slice(at + 1);
  if (!isLocalPart(tokens.slice(0, at)) || rest.some(isSpecial('@'))) return none('broken');
  if (rest.some(({ kind }) => kind === 'quoted')) return none('broken');
  if (rest.some((token, index) => token.kind === 'atom' && rest[index + 1]?.kind === 'atom')) return none('broken');
  const domain = canonicalDomain(rest.map(({ text }) => text).join(''));
  return domain === null ? none('no-domain') : { domain, problem: null };
}

/** Words with dots between; the dots too many that some networks allow (`a..b.@`) confuse nobody about the domain. */
function isLocalPart(tokens: readonly Token[]): boolean {
  if (tokens.length === 0) return false;
  return tokens.every((token, index) => {
    if (isSpecial('.')(token)) return true;
    const next = tokens[index + 1];
    return (token.kind === 'atom' || token.kind === 'quoted') && (next === undefined || isSpecial('.')(next));
  });
}

/**
 * Every domain that some reader may take for the author's where `readMailbox` finds none: what follows an at sign outside
 * quotes and comments, or anywhere at all where those are not closed.
 */
export function claimedDomains(text: string): readonly string[] {
  const tokens = tokenise(text);
  const plain = tokens === null ? text : plainText(tokens);
  const domains = new Set<string>();
  for (let at = plain.indexOf('@'); at >= 0; at = plain.indexOf('@', at + 1)) {
    const domain = canonicalDomain(domainRun(plain, at + 1));
    if (domain !== null) domains.add(domain);
  }
  return [...domains];
}

/** Words and specials as they stand, blanks between words; what is quoted or a comment is a blank. */
function plainText(tokens: readonly Token[]): string {
  let out = '';
  for (const [index, { kind, text }] of tokens.entries()) {
    const isGap = kind === 'quoted' || kind === 'comment' || (kind === 'atom' && tokens[index - 1]?.kind === 'atom');
    out += isGap ? ' ' : '';
    if (kind === 'atom' || kind === 'special') out += text;
  }
  return out;
}

/** Longest run looked at: a name and its final dot. */
const RUN_MAX = DOMAIN_LENGTH_MAX + 1;

function domainRun(text: string, start: number): string {
  const run = text.slice(start, start + RUN_MAX);
  const end = run.search(/[\x00-\x20"(),:;<>@[\\\]]/);
  return end < 0 ? run : run.slice(0, end);
}
