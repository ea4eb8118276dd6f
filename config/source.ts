// A YAML text as a tree of plain values that know their line and column. Takes text from a file that an administrator
// wrote (or somebody else slipped in), gives a bounded tree and the problems met; never throws on what the text holds,
// evaluates nothing, and never makes a key of the text a property of an object.
import {
  Composer,
  LineCounter,
  Parser,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type CST,
  type Document,
  type ParsedNode,
  type YAMLMap,
} from 'yaml';
import { SOURCE_MAX_BYTES } from './file.js';
import { quote, type Problem } from './problem.js';

/** Deepest nesting of maps and lists; the YAML reader recurses and must be kept from deeper text. */
export const DEPTH_MAX = 20;
/** After so many faults the reader looks no further. */
export const FAULTS_MAX = 200;
/** Most keys and values in one file, counted again at every alias that repeats them. */
export const NODES_MAX = 100_000;

/** One value with its place; `line` and `column` count from 1. */
export type SourceNode = SourceScalar | SourceList | SourceMap;

interface Placed {
  readonly line: number;
  readonly column: number;
}
export interface SourceScalar extends Placed {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As written, for messages. */
  readonly text: string;
}
export interface SourceList extends Placed {
  readonly kind: 'list';
  readonly items: readonly SourceNode[];
}
export interface SourceMap extends Placed {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, SourceEntry>;
}
/** A key, its own place, and its value. */
export interface SourceEntry extends Placed {
  readonly node: SourceNode;
}

/** `root` is null for a file without content, and whenever there are problems. */
export interface Source {
  readonly root: SourceNode | null;
  readonly problems: readonly Problem[];
}

/** Reads one YAML 1.2 document. `file` names it in problems. */
export function readSource(text: string, file: string): Source {
  if (Buffer.byteLength(text) > SOURCE_MAX_BYTES) {
    const message = `the file is larger than ${SOURCE_MAX_BYTES} bytes`;
    return { root: null, problems: [{ file, line: 0, column: 0, message }] };
  }
  return new SourceReader(file).read(text);
}

class SourceReader {
  private readonly lines = new LineCounter();
  private readonly problems: Problem[] = [];
  private readonly anchors = new Map<string, ParsedNode>();
  private nodes = 0;
  private stopped = false;

  constructor(private readonly file: string) {}

  read(text: string): Source {
    const documents = this.compose(text);
    const root = this.problems.length === 0 ? this.visitDocuments(documents) : null;
    return { root: this.problems.length === 0 ? root : null, problems: this.problems };
  }

  /** Text → documents. Too deep a text stops before the recursive half of the reader sees it. */
  private compose(text: string): readonly Document.Parsed[] {
    const tokens: CST.Token[] = [];
    for (const token of new Parser(this.lines.addNewLine).parse(text)) {
      const tooDeep = findTooDeep(token);
      if (tooDeep !== null) {
        this.object(tooDeep, `nested deeper than ${DEPTH_MAX} levels`);
        return [];
      }
      tokens.push(token);
    }
    const composer = new Composer({ uniqueKeys: false, schema: 'core', logLevel: 'silent', prettyErrors: false });
    const documents: Document.Parsed[] = [];
    for (const document of composer.compose(tokens, true, text.length)) {
      documents.push(document);
      for (const fault of [...document.errors, ...document.warnings].slice(0, FAULTS_MAX)) {
        this.object(fault.pos[0], `not valid YAML: ${firstLine(fault.message)}`);
      }
      // One more than we take is enough to refuse the file.
      if (documents.length > 1) break;
    }
    return documents;
  }

  private visitDocuments(documents: readonly Document.Parsed[]): SourceNode | null {
    const second = documents[1];
    if (second !== undefined) this.object(second.range[0], 'a second document begins here; one file holds one');
    const contents = documents[0]?.contents ?? null;
    if (contents === null) return null;
    const root = this.visit(contents, 0);
    return root?.kind === 'scalar' && root.value === null ? null : root;
  }

  /** A node of the YAML reader → one of ours, or null once a problem made it worthless. */
  private visit(node: ParsedNode, depth: number): SourceNode | null {
    if (this.stopped) return null;
    this.nodes += 1;
    if (this.nodes > NODES_MAX) return this.stop(node.range[0], `more than ${NODES_MAX} keys and values`);
    if (depth > DEPTH_MAX) return this.stop(node.range[0], `nested deeper than ${DEPTH_MAX} levels`);
    if (isAlias(node)) return this.visitAlias(node.source, node.range[0], depth);
    if (node.anchor !== undefined) this.anchors.set(node.anchor, node);
    if (isMap(node)) return this.visitMap(node, depth);
    if (isSeq(node)) return this.visitList(node.items, node.range[0], depth);
    return this.visitScalar(node);
  }

  private visitAlias(name: string, offset: number, depth: number): SourceNode | null {
    const target = this.anchors.get(name);
    if (target !== undefined) return this.visit(target, depth + 1);
    this.object(offset, `the alias *${name} has no anchor &${name} before it`);
    return null;
  }

  private visitMap(map: YAMLMap.Parsed, depth: number): SourceMap {
    const entries = new Map<string, SourceEntry>();
    for (const pair of map.items) {
      if (this.stopped) break;
      const at = this.place(pair.key.range[0]);
      if (!isScalar(pair.key)) {
        this.object(pair.key.range[0], 'a key must be a plain word');
        continue;
      }
      if (pair.key.anchor !== undefined) this.anchors.set(pair.key.anchor, pair.key as ParsedNode);
      const key = scalarText(pair.key);
      const before = entries.get(key);
      if (before !== undefined)
        this.object(pair.key.range[0], `${quote(key)} is set twice, first in line ${before.line}`);
      const empty: SourceScalar = { kind: 'scalar', value: null, text: '', ...at };
      const node = pair.value === null ? empty : this.visit(pair.value, depth + 1);
      if (node !== null && before === undefined) entries.set(key, { node, ...at });
    }
    return { kind: 'map', entries, ...this.place(map.range[0]) };
  }

  private visitList(items: readonly ParsedNode[], offset: number, depth: number): SourceList {
    const nodes: SourceNode[] = [];
    for (const item of items) {
      if (this.stopped) break;
      const node = this.visit(item, depth + 1);
      if (node !== null) nodes.push(node);
    }
    return { kind: 'list', items: nodes, ...this.place(offset) };
  }

  private visitScalar(node: ParsedNode): SourceScalar {
    const value: unknown = isScalar(node) ? node.value : null;
    const text = scalarText(node);
    const plain =
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
    return { kind: 'scalar', value: plain ? value : text, text, ...this.place(node.range[0]) };
  }

  private place(offset: number): Placed {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** A limit is met: one problem, and no further look at the file. */
  private stop(offset: number, message: string): null {
    this.stopped = true;
    this.object(offset, message);
    return null;
  }

  private object(offset: number, message: string): void {
    this.problems.push({ file: this.file, ...this.place(offset), message });
    if (this.problems.length >= FAULTS_MAX) this.stopped = true;
  }
}

/** A scalar as it was written, without its quotes. Numbers as keys keep their spelling (`0755`). */
function scalarText(node: unknown): string {
  if (!isScalar(node)) return '';
  if (typeof node.value === 'string') return node.value;
  return node.source ?? String(node.value);
}

/** Offset of the first token deeper than `DEPTH_MAX`, or null. Walks with a list of its own, for the depth is hostile. */
function findTooDeep(root: CST.Token): number | null {
  const waiting: { token: CST.Token; depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > DEPTH_MAX) return token.type === 'document' ? token.offset : offsetOf(token);
    if (token.type === 'document' && token.value !== undefined) waiting.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    for (const item of token.items) {
      if (item.key) waiting.push({ token: item.key, depth: depth + 1 });
      if (item.value) waiting.push({ token: item.value, depth: depth + 1 });
    }
  }
  return null;
}

function offsetOf(token: CST.Token): number {
  return 'offset' in token && typeof token.offset === 'number' ? token.offset : 0;
}

function firstLine(message: string): string {
  const end = message.indexOf('\n');
  return end === -1 ? message : message.slice(0, end);
}
