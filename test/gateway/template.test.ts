// Templates without logic: known fields are filled, nothing else happens, and settings with unknown ones are refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import {
  FIELD_CHARS_MAX,
  fillLine,
  fillText,
  harmless,
  namedFields,
  templateObjection,
} from '../../gateway/template.js';
import { SECTIONS } from '../../programs/sections.js';

const VALUES = { subject: 's', reason: 'r', lines: ['one', 'two\r\nthree'] };

describe('filling', () => {
  it('puts values in place of fields, and leaves everything else as it stands', () => {
    expect(fillText('{subject}{reason} {nosuch} {__proto__} {constructor} {toString} {', VALUES)).toBe(
      'sr {nosuch} {__proto__} {constructor} {toString} {',
    );
  });

  it.each([
    '{{constructor.constructor("x")()}}',
    '{subject.length}',
    '{ subject }',
    '${subject',
    '{{#if}}',
    '<%= 1 %>',
  ])('knows no logic: %s', (template) => expect(namedFields(template)).toEqual([]));

  it('never looks into a value again', () => {
    const values = { subject: '{reason} $& $1 {{reason}}', reason: '{subject}' };
    expect(fillText('{subject}|{reason}', values)).toBe('{reason} $& $1 {{reason}}|{subject}');
  });

  it('gives lines of a list a line each, and one line where one is asked for', () => {
    expect(fillText('{lines}', VALUES)).toBe('one\ntwo  three');
    expect(fillLine('a\r\n{lines}\nb', VALUES)).toBe('a one two  three b');
  });

  it('bounds values and takes out what steers a terminal, a line or the direction of text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (value) => {
        const line = fillLine('{subject}', { subject: value });
        expect(line.length).toBeLessThanOrEqual(FIELD_CHARS_MAX);
        expect(line).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]/u);
      }),
      { numRuns: 300 },
    );
    expect(harmless('a\u001b[31m\u202eb\ud800')).toBe('a [31m b\ufffd');
  });
});

describe('settings', () => {
  const problems = (yaml: string) => {
    const loaded = parseConfiguration(SECTIONS, yaml, 'weir.yaml');
    return loaded.ok ? [] : loaded.problems.map(({ line, message }) => `${line}: ${message}`);
  };

  it('refuses a field that a template does not have, with its line and the fields it has', () => {
    const yaml = 'notices:\n  recipientOnVirus:\n    subject: Held\n    text: "{subject} {recipients}"\n';
    expect(problems(yaml)).toEqual([
      '4: notices.recipientOnVirus.text: expected no fields but {subject} {from} {sender} {category} {reason} {score} {id} {time} {host} {recipient}; {recipients} is none of them',
    ]);
  });

  it.each([
    ['encapsulation:\n  text: "{__proto__}"\n', 'encapsulation.text'],
    ['marks:\n  subjects:\n    spam: "[SPAM {subject}]"\n', 'marks.subjects.spam'],
    ['forwarding:\n  subject: "{constructor}"\n', 'forwarding.subject'],
    ['notices:\n  senderOnMcp:\n    text: "{findings}"\n', 'notices.senderOnMcp.text'],
  ])('in every section with templates: %j', (yaml, path) => {
    const found = problems(yaml);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${path}: expected no fields but`);
  });

  it('takes braces that name no field', () => {
    expect(problems('encapsulation:\n  text: "{{constructor.constructor(1)()}} { } {a-b}"\n')).toEqual([]);
    expect(templateObjection('{a}', ['a'])).toBeNull();
  });
});
