// The table of evals that rule files can call, by name. Adding one is a line here and a function in its file.
import { ATTACHMENT_EVALS } from './attachments.js';
import { BODY_EVALS } from './body-eval.js';
import { DNS_EVALS } from './dns-eval.js';
import { AUTHENTICATION_EVALS } from './authentication-eval.js';
import { BAYES_EVALS } from './bayes.js';
import { BOUNCE_EVALS } from './bounce-eval.js';
import type { Eval } from './eval.js';
import { FREEMAIL_EVALS } from './freemail-eval.js';
import { HEADER_EVAL } from './header-eval.js';
import { HEADER_EVALS } from './headers.js';
import { HTML_PART_EVALS } from './html-eval.js';
import { HTML_EVALS } from './html.js';
import { IMAGE_EVALS } from './image-info.js';
import { LINK_EVALS } from './links.js';
import { RELAY_EVALS } from './relay-eval.js';
import { MIME_EVALS } from './mime-eval.js';
import { URI_EVALS } from './uri-eval.js';
import { WLBL_EVALS } from './wlbl-eval.js';

export const EVALS: ReadonlyMap<string, Eval> = new Map([
  ...HEADER_EVALS,
  ...HTML_EVALS,
  ...HTML_PART_EVALS,
  ...MIME_EVALS,
  ...BODY_EVALS,
  ...IMAGE_EVALS,
  ...LINK_EVALS,
  ...ATTACHMENT_EVALS,
  ...URI_EVALS,
  ...DNS_EVALS,
  ...HEADER_EVAL,
  ...RELAY_EVALS,
  ...WLBL_EVALS,
  ...FREEMAIL_EVALS,
  ...BOUNCE_EVALS,
  ...AUTHENTICATION_EVALS,
  ...BAYES_EVALS,
]);
