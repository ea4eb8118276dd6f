// Programs told by their bytes: each kind by a specimen made here, and documents and texts that only look like one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasMacros, hasScript } from '../../../filters/attachments/active-content.js';
import { programKind } from '../../../filters/attachments/program-magic.js';
import { dosProgram, elfProgram, oleFile, windowsProgram, zipFile } from './specimens.js';

const text = (value: string) => Buffer.from(value);
const padded = (head: Buffer | string, size = 600) =>
  Buffer.concat([typeof head === 'string' ? Buffer.from(head, 'latin1') : head, Buffer.alloc(size)]);
const iso = () => {
  const image = Buffer.alloc(0x8800);
  image.write('CD001', 0x8001);
  return image;
};
const dmg = () => {
  const image = Buffer.alloc(2_048);
  image.write('koly', 2_048 - 512);
  return image;
};

describe('programs', () => {
  it.each([
    ['windows-program', windowsProgram()],
    ['dos-program', dosProgram()],
    ['elf', elfProgram()],
    ['mach-o', padded('\xcf\xfa\xed\xfe')],
    ['mach-o', padded('\xca\xfe\xba\xbe\0\0\0\x02')],
    ['java-class', padded('\xca\xfe\xba\xbe\0\0\0\x34')],
    ['dalvik', padded('dex\n035')],
    ['webassembly', padded('\0asm\x01')],
    ['windows-shortcut', padded(Buffer.from('4c0000000114020000000000c000000000000046', 'hex'))],
    ['windows-help', padded('ITSF\x03')],
    ['cabinet', padded('MSCF')],
    ['windows-installer', oleFile(Buffer.from('84100c0000000000c000000000000046', 'hex'))],
    ['java-archive', zipFile('META-INF/MANIFEST.MF', 'Main.class')],
    ['android-package', zipFile('AndroidManifest.xml', 'classes.dex')],
    ['disk-image', iso()],
    ['disk-image', dmg()],
    ['disk-image', padded('vhdxfile')],
    ['script', text('#!/bin/sh\nrm -rf x\n')],
    ['script', text('#! /usr/bin/env python3\n')],
    ['windows-script', text('\r\n@ECHO OFF\r\ndel x')],
    ['windows-script', text('#@~^AAAAAA==')],
    ['windows-script', text('<job id="x"><script language="VBScript">')],
    ['windows-script', Buffer.from('\ufeff@echo off\r\n', 'utf16le')],
    ['internet-shortcut', text('[InternetShortcut]\r\nURL=file://x')],
    ['html-application', text('<html><HTA:APPLICATION id="x">')],
  ])('%s', (kind, content) => {
    expect(programKind(content)).toBe(kind);
  });
});

it.each([
  ['empty', Buffer.alloc(0)],
  ['three bytes', text('MZ\0')],
  [
    'a letter that begins with MZ',
    text('MZ Ltd, your invoice of today is attached. Kind regards, and so on for some lines.'),
  ],
  ['a PDF', text('%PDF-1.7\n1 0 obj')],
  ['a letter file', zipFile('[Content_Types].xml', 'word/document.xml')],
  ['an OpenDocument text', zipFile('mimetype', 'META-INF/manifest.xml')],
  ['an old letter file', oleFile(Buffer.from('0609020000000000c000000000000046', 'hex'))],
  ['a page', text('<!doctype html><p>hello')],
  ['a text on shebangs', text('The first line is #!/bin/sh, always.')],
])('%s is none', (_, content) => {
  expect(programKind(content)).toBeNull();
});

it('never throws, and every prefix of a program is answered', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => void programKind(Buffer.from(bytes))),
    { numRuns: 500 },
  );
  const program = windowsProgram();
  for (let length = 0; length < 300; length++)
    expect([null, 'dos-program', 'windows-program']).toContain(programKind(program.subarray(0, length)));
});

describe('macros', () => {
  it.each([
    ['in OOXML', zipFile('[Content_Types].xml', 'word/vbaProject.bin'), true],
    ['Excel 4 sheets', zipFile('[Content_Types].xml', 'xl/macrosheets/sheet1.xml'), true],
    ['in OLE', oleFile(Buffer.from('_VBA_PROJECT', 'utf16le')), true],
    ['none in OOXML', zipFile('[Content_Types].xml', 'word/document.xml'), false],
    ['none in a text that speaks of them', text('vbaProject.bin'), false],
  ])('%s', (_, content, expected) => {
    expect(hasMacros(content)).toBe(expected);
  });
});

it('finds script in a page, in UTF-16 too', () => {
  expect(hasScript(text('<SCRIPT>1</SCRIPT>'))).toBe(true);
  expect(hasScript(Buffer.from('\ufeff<script>', 'utf16le'))).toBe(true);
  expect(hasScript(text('<p>the script of a play</p>'))).toBe(false);
});
