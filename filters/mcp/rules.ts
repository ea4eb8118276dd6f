// The rules of the MCP stage from the settings and from rule files: read, held against each other, and what is wrong
// with them told at its place. A file is taken whole or not at all.
import type { AttachedFiles } from '../../config/attached.js';
import { readDocument } from '../../config/document.js';
import type { FileObjection, Objection, SectionFile } from '../../config/section.js';
import { objectionsTo } from '../../rules/content/conditions.js';
import { objectionTo } from '../../rules/content/matcher.js';
import { findingIdOf, GAVE_UP, TEXT_CUT } from './findings.js';
import { mcpFileSchema, type McpRule, type McpSettings } from './settings.js';

const SUFFIX = '.yaml';

/** Rule files as the loader of settings wants them. */
export function mcpFiles({ files }: McpSettings): readonly SectionFile[] {
  return files.map((path, index) => ({ path, suffix: SUFFIX, key: ['files', String(index + 1)], required: true }));
}

/** All rules that are on, those of the settings first. Files that do not fit are left out: `checkMcp` told of them. */
export function readMcpRules(settings: McpSettings, files: AttachedFiles): readonly McpRule[] {
  const fromFiles = mcpFiles(settings).flatMap((named) =>
    files.read(named).flatMap((file) => {
      const read = readDocument(mcpFileSchema, file);
      return read.ok ? read.value.rules : [];
    }),
  );
  return [...settings.rules, ...fromFiles].filter(({ enabled }) => enabled);
}

/** Everything wrong with the rules, each at its own line. */
export function checkMcp(settings: McpSettings, files: AttachedFiles): readonly (Objection | FileObjection)[] {
  const taken = new Map([TEXT_CUT, GAVE_UP].map((id) => [id, 'a finding of the stage']));
  const own = objectionsToRules(settings.rules, taken, 'a rule of the settings');
  const inFiles = mcpFiles(settings).flatMap((named) => files.read(named));
  return [...own, ...inFiles.flatMap((file) => checkFile(file, taken))];
}

function checkFile(file: { readonly file: string; readonly text: string }, taken: Map<string, string>) {
  const read = readDocument(mcpFileSchema, file);
  if (!read.ok) return read.problems.map((problem): FileObjection => ({ problem }));
  return objectionsToRules(read.value.rules, taken, `a rule of ${file.file}`).map(
    ({ path, expected }): FileObjection => ({
      problem: read.object(path, `${path.join('.')}: expected ${expected}`),
    }),
  );
}

/** `taken` holds the finding ids that are taken, with what by. */
function objectionsToRules(rules: readonly McpRule[], taken: Map<string, string>, whose: string): readonly Objection[] {
  return rules.flatMap((rule, index) => {
    const path = ['rules', String(index + 1)];
    const objections: Objection[] = [];
    const owner = taken.get(findingIdOf(rule.name));
    if (owner !== undefined) {
      const expected = `a name of its own ("${rule.name}" is that of ${owner}; capitals, - and _ do not tell names apart)`;
      objections.push({ path: [...path, 'name'], expected });
    }
    taken.set(findingIdOf(rule.name), whose);
    const pattern = objectionTo(rule);
    if (pattern !== null) objections.push({ path: [...path, 'pattern'], expected: `${pattern} in rule ${rule.name}` });
    if (rule.target === 'header' && rule.header === '') {
      objections.push({ path: [...path, 'header'], expected: `the name of a header field in rule ${rule.name}` });
    }
    return [...objections, ...objectionsTo(rule.when, [...path, 'when'])];
  });
}
