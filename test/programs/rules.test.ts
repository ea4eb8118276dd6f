// `weir rules`: each command on rules and mail made here; what it says, its exit codes, and what it leaves behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../house/tree.js';
import { controlSocketPath, serveControl } from '../../programs/control.js';
import { makeRulesPlace, type RulesPlace } from './rules-command.js';

const SITE = `header SITE_HI Subject =~ /\\bhi there\\b/i
describe SITE_HI Says hi there
score SITE_HI 2.5
test SITE_HI ok oh hi there now
test SITE_HI fail nothing
body __SITE_WORD /wombat/
meta SITE_BOTH SITE_HI && __SITE_WORD
score SITE_BOTH 0.25
`;
const MAIL = `From: a@away.test
To: b@house.test
Subject: Hi there
Date: Tue, 3 Jan 2023 10:00:00 +0000
Message-ID: <1@away.test>

A wombat is about.
`;

describe('weir rules hits', () => {
  it('gives a line of JSON a message: file, sorted hits, score', async () => {
    const place = await makeRulesPlace();
    const mails = [place.write('one.eml', MAIL), place.write('two.eml', 'Subject: none\n\nNothing.\n')];
    const ran = await place.run('hits', '--rules', place.write('site.cf', SITE), ...mails);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(
      ran.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { file: mails[0], hits: ['SITE_BOTH', 'SITE_HI'], score: 2.75 },
      { file: mails[1], hits: [], score: 0 },
    ]);
  });

  it('takes directories of rules one after the other, and folders of mail', async () => {
    const place = await makeRulesPlace();
    for (const name of ['a', 'b', 'mail']) mkdirSync(join(place.dir, name));
    place.write('a/1.cf', SITE);
    place.write('b/2.cf', 'score SITE_HI 7\n');
    place.write('mail/m.eml', MAIL);
    const [a, b, mail] = ['a', 'b', 'mail'].map((name) => join(place.dir, name)) as [string, string, string];
    for (const args of [
      ['--rules', a, '--rules', b, mail],
      ['--rules', a, b, mail],
    ]) {
      const ran = await place.run('hits', ...args);
      expect(JSON.parse(ran.out)).toEqual({ file: join(mail, 'm.eml'), hits: ['SITE_BOTH', 'SITE_HI'], score: 7.25 });
    }
  });

  it('takes a file for one message whatever it begins with', async () => {
    const place = await makeRulesPlace();
    const mail = place.write(
      'm.eml',
      `From a@away.test Tue Jan  3 10:00:00 2023\n${MAIL}\nFrom b@away.test Tue Jan  3 10:00:00 2023\n${MAIL}`,
    );
    const ran = await place.run('hits', '--rules', place.write('site.cf', SITE), mail);
    expect(JSON.parse(ran.out)).toMatchObject({ file: mail, hits: ['SITE_BOTH', 'SITE_HI'] });
  });

  it('goes on after a message that cannot be read, and says so', async () => {
    const place = await makeRulesPlace();
    const gone = join(place.dir, 'gone.eml');
    const ran = await place.run('hits', '--rules', place.write('site.cf', SITE), gone, place.write('m.eml', MAIL));
    expect(ran.code).toBe(66);
    expect(ran.err).toContain(gone);
    expect(ran.out.trim().split('\n')).toHaveLength(1);
  });

  it('says what to do where there are no rules, and that lines were left out', async () => {
    const place = await makeRulesPlace();
    const mail = place.write('m.eml', MAIL);
    const none = await place.run('hits', '--rules', place.write('none.cf', '# nothing\n'), mail);
    expect(none.code).toBe(66);
    expect(none.err).toContain('name a directory that holds .cf files');
    const partly = await place.run('hits', '--rules', place.write('bad.cf', `${SITE}body BAD /(a/\n`), mail);
    expect(partly.code).toBe(0);
    expect(partly.err).toContain('1 lines were not taken; see: weir rules lint');
  });
});

describe('weir rules lint', () => {
  it('names file, line and fault, and what has no effect', async () => {
    const place = await makeRulesPlace();
    const file = place.write('bad.cf', 'body BAD /(a/\nscore NOWHERE 3\nbody FINE /a/\n');
    const ran = await place.run('lint', file);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(new RegExp(`^${file}:1: wrong: BAD: `, 'm'));
    expect(ran.out).toMatch(new RegExp(`^${file}:2: ignored: .*NOWHERE`, 'm'));
    expect(ran.err).toContain('1 lines wrong, 1 ignored');
    const json = await place.run('lint', '--json', file);
    expect(
      json.out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { kind: string }).kind),
    ).toEqual(['wrong', 'ignored']);
  });

  it('is content with good rules, and tells a file that is not there', async () => {
    const place = await makeRulesPlace();
    expect(await place.run('lint', place.write('site.cf', SITE))).toMatchObject({ code: 0, out: '' });
    const gone = await place.run('lint', join(place.dir, 'gone.cf'));
    expect(gone.code).toBe(66);
    expect(gone.out).toContain('gone.cf:0: wrong: ');
  });

  it('without paths reads the rules in force', async () => {
    const place = await makeRulesPlace();
    const ran = await place.run('lint');
    expect(ran).toMatchObject({ code: 0, out: '' });
    expect(ran.err).toMatch(/^\d+ files, \d+ rules/);
  });
});

describe('weir rules explain', () => {
  it('shows every line of a rule, who reads it, and what it came to in a message', async () => {
    const place = await makeRulesPlace();
    const [file, mail] = [place.write('site.cf', SITE), place.write('m.eml', MAIL)];
    const ran = await place.run('explain', 'SITE_HI', '--rules', file, '--mail', mail);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain(`${file}:1: header SITE_HI Subject =~ /\\bhi there\\b/i`);
    expect(ran.out).toContain(`${file}:3: score SITE_HI 2.5`);
    expect(ran.out).toContain('read by SITE_BOTH');
    expect(ran.out).toContain(`in ${mail}: hits, 2.5 points`);
    const meta = await place.run('explain', 'SITE_BOTH', '--rules', file, '--mail', mail, '--json');
    expect(JSON.parse(meta.out)).toMatchObject({
      name: 'SITE_BOTH',
      type: 'meta',
      inMail: { count: 1, points: 0.25, reads: { SITE_HI: true, __SITE_WORD: true } },
    });
  });

  it('names the nearest rule when there is none of that name', async () => {
    const place = await makeRulesPlace();
    const ran = await place.run('explain', 'SITE_HO', '--rules', place.write('site.cf', SITE));
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toContain('did you mean SITE_HI?');
  });
});

describe('weir rules test', () => {
  it('runs the examples of a file', async () => {
    const place = await makeRulesPlace();
    const good = place.write('site.cf', SITE);
    expect((await place.run('test', good, '--json')).out).toContain('"rule":"SITE_HI"');
    expect(await place.run('test')).toMatchObject({ code: 0, out: '' });
    const bad = place.write('bad.cf', 'body ANY /wombat/\ntest ANY ok no such animal\n');
    const ran = await place.run('test', bad);
    expect(ran.code).toBe(1);
    expect(ran.out).toContain(`${bad}:2: ANY: does not hit "no such animal"`);
  });
});

describe('weir rules list', () => {
  it('says of each rule that does not run why not, in a line that fits a terminal', async () => {
    const place = await makeRulesPlace();
    const lines = [
      "header LISTED eval:check_rbl('a', 'bl.test.')",
      'full RAZOR eval:check_razor2()',
      'body NET /x/',
      'score NET 0 1 0 1',
      'body LEARNT /x/',
      'score LEARNT 0 0 1 1',
      'body NEVER /x/',
      'score NEVER 0',
      'meta NEVER_TOO NEVER',
      'score NEVER_TOO 0',
      'meta READS NEVER_TOO',
    ];
    const { out } = await place.run('list', '--rules', place.write('net.cf', lines.join('\n')));
    const states = Object.fromEntries(
      out
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => /^(\S+) .*? [\d.]+ {2}(.*?) +(\S+)$/.exec(line)?.slice(1) ?? [])
        .map(([name, state, place]) => [name, `${String(state)} ${String(place)}`]),
    );
    expect(states).toEqual({
      LISTED: 'commands look nothing up net.cf:1',
      RAZOR: 'check_razor2 is never asked net.cf:2',
      NET: 'score 0 without look-ups net.cf:3',
      LEARNT: 'score 0 without Bayes net.cf:5',
      NEVER: 'score 0 net.cf:7',
      NEVER_TOO: 'score 0 net.cf:9',
      READS: 'reads one that does not run net.cf:11',
    });
    const linted = await place.run('lint', '--no-core', join(place.dir, 'net.cf'));
    expect(linted.out).toContain('net.cf:2: ignored: RAZOR never hits: check_razor2 is never asked');
    expect(linted.code).toBe(0);
  });

  it('ends quietly when its reader has enough', async () => {
    const place = await makeRulesPlace();
    const rules = Array.from({ length: 3_000 }, (_, index) => `body RULE_${String(index)} /x/`).join('\n');
    const path = place.write('many.cf', rules);
    const child = spawn(process.execPath, [join(ROOT, 'bin', 'weir.js'), 'rules', 'list', '--rules', path]);
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    await once(child, 'close');
    expect(err).toBe('');
  });
});

describe('imported rules', () => {
  const listed = async (place: RulesPlace, name: string): Promise<Record<string, unknown>> =>
    JSON.parse((await place.run('list', name, '--json')).out) as Record<string, unknown>;

  it('are kept, listed, exported and taken away', async () => {
    const place = await makeRulesPlace();
    expect(await place.run('import', place.write('site.cf', SITE))).toMatchObject({ code: 0, err: '' });
    expect(await listed(place, 'SITE_HI')).toMatchObject({ type: 'header', score: 2.5, enabled: true });
    expect((await place.run('export')).out).toBe(`# site.cf\n${SITE}`);
    const out = join(place.dir, 'out');
    expect((await place.run('export', '--to', out)).code).toBe(0);
    expect(readFileSync(join(out, 'site.cf'), 'latin1')).toBe(SITE);
    expect((await place.run('list', '--files')).out).toContain('site.cf');
    expect((await place.run('delete', 'site.cf')).code).toBe(0);
    expect((await place.run('list', 'SITE_HI')).code).toBe(1);
  });

  it('are refused whole when a line is wrong, or taken without it', async () => {
    const place = await makeRulesPlace();
    const file = place.write('site.cf', `${SITE}body BAD /(a/\nnonsense here\n`);
    const whole = await place.run('import', file);
    expect(whole.code).toBe(1);
    expect(whole.err).toContain(`${file}:9: wrong: BAD`);
    expect(existsSync(join(place.kept, 'imported'))).toBe(false);
    const partly = await place.run('import', '--partly', file);
    expect(partly.code).toBe(0);
    const kept = readFileSync(join(place.kept, 'imported', 'site.cf'), 'latin1');
    expect(kept).toMatch(/^# left out by weir \(BAD: .*\): body BAD \/\(a\/$/m);
    expect(kept).toMatch(/^# left out by weir \(.*\): nonsense here$/m);
    expect((await place.run('lint')).code).toBe(0);
  });

  it('takes nothing but .cf files, and none whose name leads elsewhere', async () => {
    const place = await makeRulesPlace();
    for (const name of ['site.pre', '.hidden.cf', 'two words.cf']) {
      const ran = await place.run('import', place.write(name, SITE));
      expect(ran.code, name).toBe(66);
      expect(ran.err, name).toContain('an imported file is called by letters');
    }
    await expect(place.run('delete', '../switches.cf')).rejects.toThrow('an imported file is called by letters');
  });

  it('are switched off and on by name, core rules too', async () => {
    const place = await makeRulesPlace();
    await place.run('import', place.write('site.cf', SITE));
    expect((await place.run('disable', 'SITE_HI', 'GTUBE')).code).toBe(0);
    expect(await listed(place, 'SITE_HI')).toMatchObject({ enabled: false, reason: 'switched off' });
    expect(await listed(place, 'GTUBE')).toMatchObject({ enabled: false });
    expect((await place.run('enable', 'SITE_HI', 'GTUBE')).code).toBe(0);
    expect(await listed(place, 'SITE_HI')).toMatchObject({ enabled: true });
    expect(existsSync(join(place.kept, 'switches.cf'))).toBe(false);
  });

  it('leaves the last word to the configuration file, and says so', async () => {
    const place = await makeRulesPlace('rules:\n  disabled: [GTUBE]\n  scores: { SITE_HI: 4 }\n');
    await place.run('import', place.write('site.cf', SITE));
    const enable = await place.run('enable', 'GTUBE');
    expect(enable.code).toBe(1);
    expect(enable.err).toContain('rules.disabled in the configuration file');
    const disable = await place.run('disable', 'SITE_HI');
    expect(disable.code).toBe(1);
    expect(disable.err).toContain('rules.scores of the configuration file');
    expect((await place.run('disable', 'NO_SUCH_RULE')).err).toContain('is no rule');
  });
});

describe('a running server', () => {
  async function serveReload(place: RulesPlace, taken: boolean): Promise<() => number> {
    let asked = 0;
    const server = await serveControl(controlSocketPath(place.storage), {
      reload: () => {
        asked += 1;
        return Promise.resolve({ time: 0, taken, version: 'x', lines: taken ? [] : ['it has reasons'] });
      },
    });
    onTestFinished(() => server.close());
    return () => asked;
  }

  it('is told of every change', async () => {
    const place = await makeRulesPlace();
    const asked = await serveReload(place, true);
    const ran = await place.run('import', place.write('site.cf', SITE));
    expect(ran.out).toContain('site.cf: imported; in force\n');
    expect(asked()).toBe(1);
  });

  it('may refuse a change, which is then undone', async () => {
    const place = await makeRulesPlace();
    await serveReload(place, false);
    const ran = await place.run('import', place.write('site.cf', SITE));
    expect(ran.code).toBe(70);
    expect(ran.err).toContain('it has reasons');
    expect(existsSync(join(place.kept, 'imported', 'site.cf'))).toBe(false);
  });
});
