// What rules that look things up have scored, by the names under which the stage `lists` tells the same: so that a list
// that both ask counts once. Takes hits, gives names; asks nothing.
import type { RuleResult } from '../../rules/evaluate.js';
import type { RuleSet } from '../../rules/compile.js';
import type { DnsHits } from '../../rules/dns/hits.js';
import { contentZone } from '../../lists/known.js';

/** Names before the zone and the zone's content (`4.3.2.1.zen.example`), each of which some points rest on. */
export function listedByScores(set: RuleSet, result: RuleResult, { listed }: DnsHits): readonly string[] {
  if (listed.size === 0) return [];
  const names = [...scoring(set, result)].flatMap((rule) => listed.get(rule) ?? []);
  return [...new Set(names.map(({ label, zone }) => (zone === '' ? label : `${label}.${contentZone(zone)}`)))];
}

/** Rules that hit and score, and those that metas among them read and that hit. */
function scoring(set: RuleSet, { hits, counts }: RuleResult): ReadonlySet<string> {
  const found = new Set(hits.filter(({ score }) => score !== 0).map(({ rule }) => rule.name));
  // A set tells what is added while it is gone through.
  for (const name of found) {
    const test = set.byName.get(name)?.test;
    if (test?.kind === 'meta') for (const read of test.expression.names) if (counts.has(read)) found.add(read);
  }
  return found;
}
