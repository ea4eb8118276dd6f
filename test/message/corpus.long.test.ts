// Every message of the labelled mail, every getter called: nothing throws, each is read within its time. And mailparser
// as an oracle on a sample: the same attachments, the same text.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { describe, expect, test } from 'vitest';
import { parseMessage } from '../../message/parse.js';
import { ODDITIES } from '../../message/oddity.js';
import { DATA, readAll } from './data.js';

/** CPU time one message may take, ms: 300 KB is the largest here. */
const MESSAGE_MS_MAX = 500;
/** Every how many messages mailparser is asked, and in how many of 100 it may differ. */
const ORACLE_STEP = 10;
const ATTACHMENTS_DIFFER_MAX = 0.02;
const TEXTS_DIFFER_MAX = 0.03;

const files =
  DATA === null
    ? []
    : readFileSync(join(DATA, 'mail', 'manifest.tsv'), 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((row) => row.split('\t').at(-1) as string);
const read = (file: string): Buffer => readFileSync(join(DATA as string, 'mail', file));

describe.skipIf(DATA === null)('real mail', () => {
  test('all of it is read', async () => {
    expect(files).toHaveLength(11_501);
    readAll(parseMessage(read(files[0] as string)));
    const slow: string[] = [];
    const unknown: string[] = [];
    for (const file of files) {
      const raw = read(file);
      const start = process.cpuUsage();
      const mail = parseMessage(raw);
      readAll(mail);
      await Promise.all(mail.attachments.map((attachment) => attachment.trueType()));
      const { user, system } = process.cpuUsage(start);
      if ((user + system) / 1_000 > MESSAGE_MS_MAX) slow.push(file);
      unknown.push(...mail.oddities.map(({ code }) => code).filter((code) => !(code in ODDITIES)));
    }
    expect(slow).toEqual([]);
    expect(unknown).toEqual([]);
  });

  test('mailparser finds the same', async () => {
    let asked = 0;
    const attachments: string[] = [];
    const texts: string[] = [];
    for (let index = 0; index < files.length; index += ORACLE_STEP) {
      const file = files[index] as string;
      const raw = read(file);
      const theirs = await simpleParser(raw, {
        skipHtmlToText: true,
        skipTextToHtml: true,
        skipImageLinks: true,
        skipTextLinks: true,
      });
      const mail = parseMessage(raw);
      asked++;
      // It takes every part that is neither text nor multipart, or is disposed as attachment, and does not enter messages.
      const ours = mail.attachments.filter(
        ({ part, declaredType }) => declaredType !== 'application/x-uuencode' && !withinMessage(part.parent),
      );
      if (
        !sameContents(
          ours.map(({ content }) => content),
          theirs.attachments.map(({ content }) => content),
        )
      )
        attachments.push(file);
      if (
        !sameWords(
          mail.texts.map(({ source }) => source).join('\n'),
          [theirs.text ?? '', theirs.html === false ? '' : theirs.html].join('\n'),
        )
      )
        texts.push(file);
    }
    console.log(`mailparser: ${asked} asked, attachments differ in ${attachments.length}, texts in ${texts.length}`);
    if (process.env['WEIR_VERBOSE'] !== undefined) console.log({ attachments, texts });
    expect(attachments.length / asked).toBeLessThan(ATTACHMENTS_DIFFER_MAX);
    expect(texts.length / asked).toBeLessThan(TEXTS_DIFFER_MAX);
  });
});

function withinMessage(part: ReturnType<typeof parseMessage>['root'] | null): boolean {
  for (let one = part; one !== null; one = one.parent) if (one.type.startsWith('message/')) return true;
  return false;
}

/** Every content it has is one of ours (named texts are attachments to us and texts to it). */
function sameContents(ours: readonly Buffer[], theirs: readonly Buffer[]): boolean {
  return theirs.every((content) => ours.some((own) => own.equals(content) || trimmed(own) === trimmed(content)));
}

/** It normalises line ends. */
function trimmed(content: Buffer): string {
  return content.toString('latin1').replace(/\r\n/g, '\n').trim();
}

/** The words of its text occur in ours: it joins texts, decodes flowed ones and writes HTML anew. */
function sameWords(ours: string, theirs: string): boolean {
  const own = new Set(ours.split(/\s+/));
  const words = theirs.split(/\s+/).filter((word) => /^[\p{L}\p{N}]{3,}$/u.test(word));
  const missing = words.filter((word) => !own.has(word)).length;
  return missing <= words.length * WORDS_MISSING_MAX;
}

const WORDS_MISSING_MAX = 0.05;
