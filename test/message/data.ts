// Where the tests find real mail and vectors, and how they say that these are absent. The data is never part of the
// project: without it the tests that need it are skipped by name, and the reason is printed.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseMessage } from '../../message/parse.js';
import type { MessageLimits } from '../../message/limits.js';
import type { Message } from '../../message/message.js';

/** The data folder, or null. */
export const DATA = findData();

function findData(): string | null {
  const folder = resolve(process.env['WEIR_DATA'] ?? '../shared/data');
  if (existsSync(join(folder, 'vectors', 'mime')) && existsSync(join(folder, 'mail'))) return folder;
  console.warn(`skipped: no data folder at ${folder} (set WEIR_DATA)`);
  return null;
}

/** A message of lines joined by CRLF. */
export function message(...lines: string[]): Message {
  return parseMessage(Buffer.from(lines.join('\r\n'), 'latin1'));
}

/** A message of any text, bytes as latin1. */
export function rawMessage(text: string, limits: Partial<MessageLimits> = {}): Message {
  return parseMessage(Buffer.from(text, 'latin1'), limits);
}

/** Codes of a message's oddities once everything was read. */
export function oddityCodes(mail: Message): string[] {
  readAll(mail);
  return [...new Set(mail.oddities.map(({ code }) => code))];
}

/** Calls every getter there is; returns a number that depends on all of them. */
export function readAll(mail: Message): number {
  let sum = mail.bodyOffset + mail.tokens.lines.length + mail.sha256.length;
  for (const field of mail.headers) sum += field.name.length + field.value.length + field.rawValue.length;
  for (const name of ['from', 'to', 'cc', 'reply-to', 'sender']) sum += mail.addresses(name).length;
  sum += (mail.messageId?.length ?? 0) + (mail.subject?.length ?? 0) + mail.root.depth;
  for (const part of mail.parts)
    sum += part.content().length + part.path.length + part.name.length + (part.contentId?.length ?? 0);
  for (const text of mail.texts) sum += text.source.length + text.visible.length + text.hidden.length;
  for (const file of mail.attachments)
    sum += file.sizeBytes + file.sha256.length + file.name.length + file.otherNames.length;
  for (const url of mail.urls) sum += (url.href?.length ?? 0) + (url.host?.length ?? 0) + (url.domain?.length ?? 0);
  for (const reading of mail.readings()) sum += reading.content.length;
  return sum + mail.oddities.length;
}
