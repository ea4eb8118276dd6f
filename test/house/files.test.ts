// The look of the files: an opening sentence, names that say something, nothing left for later, nothing swallowed, no
// shell, no test switched off in silence.
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { BESIDE, FLOORS, listFiles, nodesOf, placeOf, readText } from './tree.js';

const files = listFiles([...FLOORS, ...BESIDE]);

/** The words as a pattern that does not hold them itself, for this file is read too. */
const LEFT_FOR_LATER = new RegExp(
  ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].map((word) => `\\b${word}\\b`).join('|'),
);

const EMPTY_NAMES = /(^|[-/])(utils?|common|helpers?|managers?|misc)([-./]|$)/;

describe('files', () => {
  it('open with what they are', () => {
    const mute = files.filter((file) => !/^(#![^\n]*\n)?(\/\/ \S|\/\*\*? )/.test(readText(file)));
    expect(mute).toEqual([]);
  });

  it('have kebab-case names that say something', () => {
    const wrong = files.filter(
      (file) => EMPTY_NAMES.test(file) || !/^[a-z0-9-]+(\/[a-z0-9-]+)*(\.(test|long\.test|d))?\.[jt]s$/.test(file),
    );
    expect(wrong).toEqual([]);
  });

  it('leave nothing for later', () => {
    expect(files.filter((file) => LEFT_FOR_LATER.test(readText(file)))).toEqual([]);
  });

  it('are readable in size', () => {
    const sizes = files.map((file) => ({ file, lines: readText(file).split('\n').length }));
    expect(sizes.filter(({ lines }) => lines > 450).map(({ file, lines }) => `${file}: ${lines} lines`)).toEqual([]);
  });
});

describe('code', () => {
  const nodes = files.flatMap((file) => [...nodesOf(file)]);

  it('swallows no error: a catch does something', () => {
    const empty = nodes.filter((node) => ts.isCatchClause(node) && node.block.statements.length === 0);
    expect(empty.map(placeOf)).toEqual([]);
  });

  it('never starts a shell', () => {
    const shells = nodes.filter(
      (node) =>
        ts.isPropertyAssignment(node) &&
        node.name.getText() === 'shell' &&
        node.initializer.kind !== ts.SyntaxKind.FalseKeyword,
    );
    expect(shells.map(placeOf)).toEqual([]);
    const exec = nodes.filter(
      (node) => ts.isImportSpecifier(node) && /^exec(Sync)?$/.test((node.propertyName ?? node.name).text),
    );
    expect(exec.map(placeOf)).toEqual([]);
  });

  it('evaluates no text', () => {
    const calls = nodes.filter(
      (node) =>
        (ts.isCallExpression(node) || ts.isNewExpression(node)) && /^(eval|Function)$/.test(node.expression.getText()),
    );
    expect(calls.map(placeOf)).toEqual([]);
  });

  it('has no test that is switched off, or that switches off others', () => {
    const marked = nodes.filter(
      (node) =>
        ts.isPropertyAccessExpression(node) && /^(it|test|describe)\.(only|skip|todo|fails)$/.test(node.getText()),
    );
    expect(marked.map(placeOf)).toEqual([]);
  });
});
