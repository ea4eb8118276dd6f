// The MCP stage: each rule that hits with its score, for whom it counts, without the text of the mail; rules that are no
// good refused at their own line, in the settings and in rule files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../config/load.js';
import { formatProblem } from '../../../config/problem.js';
import { mcpRuleSchema, type McpRule, type McpSettings } from '../../../filters/mcp/settings.js';
import { mcpStage } from '../../../filters/mcp/stage.js';
import type { MessageJob } from '../../../pipeline/stage.js';
import { stageSection } from '../../../pipeline/stage-section.js';
import { idsOf, mail, makeJob, makeStage, runStage } from '../message-job.js';

const directory = mkdtempSync(join(tmpdir(), 'weir-mcp-'));
afterAll(() => rmSync(directory, { recursive: true }));

const rule = (fields: Partial<McpRule> & Pick<McpRule, 'name' | 'pattern'>): McpRule => ({
  ...(Value.Default(mcpRuleSchema, {}) as McpRule),
  ...fields,
});
const MAIL = mail('From: a@house.test', 'To: b@away.test', 'Subject: Offer', '', 'Our customer list: 4711', '');

async function report(settings: Partial<McpSettings>, fields: Parameters<typeof makeJob>[1] = {}, raw = MAIL) {
  return runStage(await makeStage(mcpStage, settings), makeJob(raw, fields));
}

function put(name: string, text: string | Buffer): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

describe('MCP rules', () => {
  it('report each hit with its score, rule and target, and no text of the mail', async () => {
    const { findings } = await report({
      rules: [
        rule({ name: 'customer-list', pattern: 'customer list', score: 1.5 }),
        rule({ name: 'number', pattern: '\\b[0-9]{4}\\b', relation: 'matches', score: -0.5 }),
        rule({ name: 'other', pattern: 'nothing of that' }),
        rule({ name: 'offer', target: 'header', header: 'Subject', relation: 'equals', pattern: 'OFFER' }),
      ],
    });
    expect(findings).toEqual([
      { id: 'MCP_CUSTOMER_LIST', category: 'mcp', score: 1.5, evidence: 'customer-list in content' },
      { id: 'MCP_NUMBER', category: 'mcp', score: -0.5, evidence: 'number in content' },
      { id: 'MCP_OFFER', category: 'mcp', score: 2, evidence: 'offer in header Subject' },
    ]);
  });

  it('show the text only where it is wanted', async () => {
    const rules = [rule({ name: 'number', pattern: '[0-9]{4}', relation: 'matches' })];
    expect((await report({ rules, showText: true })).findings[0]?.evidence).toBe('number in content: "4711"');
    const cased = [rule({ name: 'list', pattern: '(c)ustomer (?!x)L\\w+', relation: 'matches' })];
    const raw = mail('Subject: Offer', '', 'Our CUSTOMER LISTE: \u00c4', '');
    expect((await report({ rules: cased, showText: true }, {}, raw)).findings[0]?.evidence).toBe(
      'list in content: "CUSTOMER LISTE"',
    );
  });

  it('that are off do not run', async () => {
    expect(idsOf(await report({ rules: [rule({ name: 'list', pattern: 'list', enabled: false })] }))).toEqual([]);
  });

  it('count for the recipients of their directions', async () => {
    const when = {
      directions: ['sent' as const],
      countries: [],
      exceptCountries: [],
      networks: [],
      exceptNetworks: [],
    };
    const rules = [rule({ name: 'list', pattern: 'list', when })];
    const job = (directions: MessageJob['directions']) => ({
      directions,
      transaction: { rcptTo: directions.map((_, index) => `r${index}@x.test`) },
    });
    const recipients = async (directions: MessageJob['directions']) =>
      (await report({ rules }, job(directions))).findings.map(({ recipient }) => recipient);
    expect(await recipients(['sent', 'sent'])).toEqual([undefined]);
    expect(await recipients(['internal', 'sent', 'internal'])).toEqual([1]);
    expect(await recipients(['received'])).toEqual([]);
  });

  it.each([
    [{ countries: ['CH'] }, 'CH', true],
    [{ countries: ['CH'] }, 'DE', false],
    [{ countries: ['XX'] }, null, true],
    [{ exceptCountries: ['CH'] }, 'CH', false],
    [{ exceptCountries: ['CH'] }, null, true],
    [{ networks: ['203.0.113.0/24'] }, null, true],
    [{ networks: ['2001:db8::/32'] }, null, false],
    [{ exceptNetworks: ['203.0.113.5'] }, null, false],
    [{ countries: ['CH'], networks: ['192.0.2.0/24'] }, 'CH', false],
  ])('under %j from %s: %s', async (conditions, country, hits) => {
    const none = { directions: [], countries: [], exceptCountries: [], networks: [], exceptNetworks: [] };
    const rules = [rule({ name: 'list', pattern: 'list', when: { ...none, ...conditions } })];
    const found = await report({ rules }, { transaction: { connection: { country } } });
    expect(found.findings).toHaveLength(hits ? 1 : 0);
  });

  it('tell of text that was not looked at, with points if so set', async () => {
    const raw = mail('Subject: x', '', 'word '.repeat(5_000), 'needle', '');
    const rules = [rule({ name: 'needle', pattern: 'needle' })];
    const { findings } = await report({ rules, textMaxChars: 10_000, cutScore: 3 }, {}, raw);
    expect(findings).toEqual([
      { id: 'MCP_TEXT_CUT', category: 'mcp', score: 3, evidence: '10000 characters looked at' },
    ]);
  });

  it('tell of an expression that took too many steps, with points if so set', async () => {
    const raw = mail('Subject: x', '', 'a'.repeat(200_000), '');
    const rules = [
      rule({ name: 'steps', pattern: '(?=a)(a+)+$', relation: 'matches' }),
      rule({ name: 'other', pattern: 'aaa', score: 1 }),
    ];
    expect((await report({ rules, cutScore: 3 }, {}, raw)).findings).toEqual([
      { id: 'MCP_OTHER', category: 'mcp', score: 1, evidence: 'other in content' },
      { id: 'MCP_GAVE_UP', category: 'mcp', score: 3, evidence: 'steps' },
    ]);
  });

  it('that are out of time leave the message to the break policy', async () => {
    const settings = { rules: [rule({ name: 'list', pattern: 'list' })] };
    await expect(report(settings, { timeMs: -1 })).rejects.toThrow('mcp: out of time');
  });

  it('in names of hostile fields find nothing and harm nothing', async () => {
    const raw = mail('__proto__: list', 'constructor: list', 'Subject: x', '', 'y', '');
    const rules = [rule({ name: 'p', target: 'header', header: '__proto__', pattern: 'list' })];
    expect(idsOf(await report({ rules }, {}, raw))).toEqual(['MCP_P']);
    expect(({} as Record<string, unknown>)['list']).toBeUndefined();
  });
});

describe('MCP rules from files', () => {
  it('run beside those of the settings', async () => {
    const file = put(
      'more.yaml',
      'rules:\n  - { name: list, pattern: Customer LIST, score: 1 }\n  - { name: off, pattern: list, enabled: false }\n',
    );
    expect(idsOf(await report({ rules: [rule({ name: 'number', pattern: '4711' })], files: [file] }))).toEqual([
      'MCP_NUMBER',
      'MCP_LIST',
    ]);
  });

  const problemsOf = (yaml: string): readonly string[] => {
    const loaded = parseConfiguration([stageSection(mcpStage.spec)], yaml, 'weir.yaml');
    return loaded.ok ? [] : loaded.problems.map(formatProblem);
  };

  it('that do not compile are refused at their line, in the settings', () => {
    const yaml = `mcp:
  rules:
    - name: good
      pattern: x
    - name: bad
      relation: matches
      pattern: "(x"
    - name: GOOD
      pattern: y
    - { name: field, target: header, pattern: z }
    - name: net
      pattern: n
      when:
        networks: [192.0.2.0/24, 192.0.2.0/99]
`;
    expect(problemsOf(yaml)).toEqual([
      expect.stringMatching(
        /^weir\.yaml:7:7: mcp\.rules\.2\.pattern: expected a regular expression .*without a closing one.* in rule bad$/,
      ),
      expect.stringMatching(/^weir\.yaml:8:7: mcp\.rules\.3\.name: expected a name of its own/),
      expect.stringMatching(
        /^weir\.yaml:10:7: mcp\.rules\.4\.header: expected the name of a header field in rule field$/,
      ),
      expect.stringMatching(/^weir\.yaml:14:34: mcp\.rules\.5\.when\.networks\.2: expected an address or network/),
    ]);
  });

  it('that are no good are refused at their line, in the file', () => {
    const file = put('bad.yaml', 'rules:\n  - name: one\n    pattern: x\n    scor: 3\n  - name: two\n    patern: y\n');
    const other = put('worse.yaml', 'rules:\n  - name: three\n    relation: matches\n    pattern: "[z-a]"\n');
    const twin = put('twin.yaml', 'rules:\n- { name: same, pattern: x }\n- { name: same, pattern: x }\n');
    expect(problemsOf(`mcp: { files: [${file}] }`)).toEqual([
      expect.stringMatching(/bad\.yaml:4:5: unknown key "scor" in rules\.1; did you mean "score"/),
      expect.stringMatching(/bad\.yaml:5:5: rules\.2\.pattern is missing/),
      expect.stringMatching(/bad\.yaml:6:5: unknown key "patern" in rules\.2; did you mean "pattern"/),
    ]);
    expect(problemsOf(`mcp: { files: [${other}, ${twin}] }`)).toEqual([
      expect.stringMatching(/twin\.yaml:3:5: rules\.2\.name: expected a name of its own/),
      expect.stringMatching(/worse\.yaml:4:5: rules\.1\.pattern: expected a regular expression.* in rule three/),
    ]);
  });

  it('that are no YAML, no UTF-8 or not there are refused', () => {
    expect(problemsOf(`mcp: { files: [${put('no.yaml', 'rules: [')}] }`)[0]).toMatch(/no\.yaml:1:\d+: not valid YAML/);
    expect(problemsOf(`mcp: { files: [${put('bytes.yaml', Buffer.from([0xff, 0xfe]))}] }`)[0]).toMatch(/not UTF-8/);
    expect(problemsOf(`mcp: { files: [${directory}/absent.yaml] }`)).toEqual([
      `weir.yaml:1:16: mcp.files.1: ${directory}/absent.yaml: there is no such file`,
    ]);
  });
});
