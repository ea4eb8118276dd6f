// The findings of the MCP stage: one family for the rules, and what was not looked at.
import type { FindingSpec } from '../../pipeline/finding.js';

export const TEXT_CUT = 'MCP_TEXT_CUT';

/** Some expression used up its steps before it was known whether it matches. */
export const GAVE_UP = 'MCP_GAVE_UP';

export const mcpFindings = [
  {
    id: TEXT_CUT,
    category: 'mcp',
    score: 0,
    meaning: 'The message has more text than MCP rules look at; the rest was not compared.',
  },
  {
    id: GAVE_UP,
    category: 'mcp',
    score: 0,
    meaning: 'The expression of a rule took too many steps over this message; whether it matches is not known.',
  },
  {
    id: 'MCP_*',
    category: 'mcp',
    score: 0,
    meaning: 'A rule of the administrator on the content of mail hit; it brings its own score.',
  },
] as const satisfies readonly FindingSpec[];

/** `customer-list` → `MCP_CUSTOMER_LIST`. */
export function findingIdOf(name: string): string {
  return `MCP_${name.toUpperCase().replace(/-/g, '_')}`;
}
