// Evals run under the kind of rule that SpamAssassin has them for.
import { describe, expect, it } from 'vitest';
import { kindWanted } from '../../../rules/evals/kinds.js';
import { EVALS } from '../../../rules/evals/table.js';
import { compileRules } from '../../../rules/compile.js';
import { parseRules } from '../../../rules/language/reader.js';

const reasons = (text: string) =>
  compileRules(parseRules(text, 'a.cf').statements).refusals.map(({ reason }) => reason);

describe('kinds of evals', () => {
  it('refuse rules of another kind, which SpamAssassin leaves out', () => {
    expect(reasons('full A eval:check_for_fake_aol_relay_in_rcvd()')).toEqual([
      'A: eval "check_for_fake_aol_relay_in_rcvd" is for header rules, not full rules',
    ]);
    expect(reasons("header A eval:html_tag_exists('img')")[0]).toMatch(/for body rules, not header rules/);
  });

  it('let raw text have those of text', () => {
    expect(reasons('rawbody A eval:check_for_mime_html_only()')).toEqual([]);
    expect(reasons("header A eval:check_illegal_chars('Subject','0.00','2')")).toEqual([]);
  });

  it('name none that there is not', () => {
    const named = [...EVALS.keys()].filter((name) => kindWanted(name, 'uri') !== null);
    expect(named.length).toBeGreaterThan(100);
  });
});
