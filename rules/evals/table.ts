// The table of evals that rule files can call, by name. Those of SpamAssassin's plugins stand here, a file a plugin; those
// that only our core rules call stand in core/. Adding one is a line here and a function in its file.
import { AUTHENTICATION_EVALS } from './authentication-eval.js';
import { BAYES_EVALS } from './bayes.js';
import { BODY_EVALS } from './body-eval.js';
import { BOUNCE_EVALS } from './bounce-eval.js';
import { ATTACHMENT_EVALS } from './core/attachments.js';
import { HEADER_EVALS as CORE_HEADER_EVALS } from './core/headers.js';
import { HTML_EVALS as CORE_HTML_EVALS } from './core/html.js';
import { LINK_EVALS } from './core/links.js';
import { DNS_EVALS } from './dns-eval.js';
import type { Eval } from './eval.js';
import { FREEMAIL_EVALS } from './freemail-eval.js';
import { HEADER_EVALS } from './header-eval.js';
import { HTML_EVALS } from './html-eval.js';
import { IMAGE_EVALS } from './image-info.js';
import { MIME_EVALS } from './mime-eval.js';
import { RELAY_EVALS } from './relay-eval.js';
import { URI_EVALS } from './uri-eval.js';
import { WLBL_EVALS } from './wlbl-eval.js';

/** A name stands once: a second would silently take the place of the first. */
function joinOnce(...groups: readonly Iterable<readonly [string, Eval]>[]): ReadonlyMap<string, Eval> {
  const all = new Map<string, Eval>();
  for (const [name, found] of groups.flatMap((group) => [...group])) {
    if (all.has(name)) throw new Error(`the eval ${name} is declared twice`);
    all.set(name, found);
  }
  return all;
}

export const EVALS = joinOnce(
  AUTHENTICATION_EVALS,
  BAYES_EVALS,
  BODY_EVALS,
  BOUNCE_EVALS,
  DNS_EVALS,
  FREEMAIL_EVALS,
  HEADER_EVALS,
  HTML_EVALS,
  IMAGE_EVALS,
  MIME_EVALS,
  RELAY_EVALS,
  URI_EVALS,
  WLBL_EVALS,
  ATTACHMENT_EVALS,
  CORE_HEADER_EVALS,
  CORE_HTML_EVALS,
  LINK_EVALS,
);

/** Evals that read the message as Weir's own stages see it, not as SpamAssassin does. */
export const OWN_VIEW_EVALS: ReadonlySet<string> = new Set(
  [...ATTACHMENT_EVALS, ...CORE_HEADER_EVALS, ...CORE_HTML_EVALS, ...LINK_EVALS].map(([name]) => name),
);
