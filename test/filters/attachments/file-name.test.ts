// File names in every reading: the tricks by which a name shows one thing and opens as another.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  extensionOf,
  innerExtensionOf,
  NAME_READINGS_MAX,
  readFileName,
} from '../../../filters/attachments/file-name.js';
import { cpuMsSince } from '../../ground/cpu.js';

const extensionsOf = (name: string) => readFileName(name).readings.map(extensionOf);

describe('readings of a name', () => {
  it.each([
    ['plain', 'setup.exe'],
    ['upper case', 'SETUP.EXE'],
    ['trailing dots and blanks', 'setup.exe. . .'],
    ['no-break space at the end', 'setup.exe\u00a0'],
    ['ideographic space at the end', 'setup.exe\u3000'],
    ['NTFS stream of the data', 'setup.exe::$DATA'],
    ['NTFS stream behind a harmless name', 'notes.txt:setup.exe'],
    ['path of Windows', 'C:\\Users\\me\\setup.exe'],
    ['path that climbs', '../../setup.exe'],
    ['NUL cuts the name', 'setup.exe\0.txt'],
    ['direction override', 'annexe\u202etxt.exe'],
    ['zero width in the extension', 'setup.e\u200bxe'],
    ['soft hyphen in the extension', 'setup.ex\u00ade'],
    ['tag characters', 'setup.exe\u{e0041}'],
    ['control character', 'setup.\u0001exe'],
    ['full-width letters', 'setup.ｅｘｅ'],
    ['full-width dot', 'setup．exe'],
    ['one dot leader', 'setup\u2024exe'],
    ['Kelvin sign folds to k', 'setup.ln\u212a'],
    ['percent escapes', 'setup%2eexe'],
    ['percent escape in the extension', 'setup.%65xe'],
    ['quotes left by an encoder', '"setup.exe"'],
  ])('%s', (_, name) => {
    expect(extensionsOf(name)).toContain(name.includes('ln') ? 'lnk' : 'exe');
  });

  it.each([
    'report.pdf',
    'Rechnung 3.12.docx',
    'archive.tar.gz',
    'executive.summary',
    'no extension',
    '',
    '...',
    'ünïcödé.jpg',
  ])('finds no program in %j', (name) => {
    expect(extensionsOf(name)).not.toContain('exe');
  });

  it('reads a long name at both ends', () => {
    expect(extensionsOf(`${'a'.repeat(100_000)}.exe`)).toContain('exe');
  });
});

describe('disguises', () => {
  it.each([
    ['invoice\u202efdp.exe', 'direction override'],
    ['invoice.{00020810-0000-0000-c000-000000000046}', 'class id for an extension'],
    ['notes.txt:evil.exe', 'NTFS stream'],
    ['evil.exe::$DATA', 'NTFS stream'],
    ['invoice.pdf                      .exe', 'blanks before the extension'],
    ['setup．ｅｘｅ', 'extension in look-alike characters'],
  ])('%j: %s', (name, disguise) => {
    expect(readFileName(name).disguises).toContain(disguise);
  });

  it.each([
    'RE: meeting at 10:30.pdf',
    'C:\\scan\\a.pdf',
    'قائمة\u200f.pdf',
    'हिन्दी\u200d.pdf',
    'Foto \u2764\ufe0f.jpg',
    'a b  c.pdf',
    '報告．pdf version',
  ])('honest: %j', (name) => {
    expect(readFileName(name)).toMatchObject({ disguises: [], hasHidden: false });
  });

  it('tells invisible characters apart from disguises', () => {
    expect(readFileName('in\u200bvoice.pdf')).toMatchObject({ disguises: [], hasHidden: true });
  });
});

it('takes the extension before the last one', () => {
  expect(innerExtensionOf('invoice.pdf.exe')).toBe('pdf');
  expect(innerExtensionOf('invoice.pdf   .exe')).toBe('pdf');
  expect(innerExtensionOf('invoice.exe')).toBe('');
  expect(innerExtensionOf('.exe')).toBe('');
});

describe('any name', () => {
  it('is read within bounds and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1_200 }), (name) => {
        const { readings } = readFileName(name);
        expect(readings.length).toBeLessThanOrEqual(NAME_READINGS_MAX);
        for (const reading of readings) expect(reading).not.toMatch(/[/\\]/);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps its program extension through invisible characters anywhere and dots and blanks at the end', () => {
    const invisible = fc.constantFrom(
      '\u200b',
      '\u2060',
      '\ufeff',
      '\u00ad',
      '\u202e',
      '\u2066',
      '\u{e0061}',
      '\u0001',
      '',
    );
    const ends = fc.array(fc.constantFrom('.', ' ', '\u00a0', '\u3000', '\t'), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(invisible, { minLength: 5, maxLength: 5 }), ends, (marks, end) => {
        const name = `a${marks[0]}.${marks[1]}s${marks[2]}c${marks[3]}r${marks[4]}${end.join('')}`;
        expect(extensionsOf(name)).toContain('scr');
      }),
      { numRuns: 500 },
    );
  });

  it('takes linear time on names made to be slow', () => {
    const started = process.cpuUsage();
    for (const name of [
      ' '.repeat(1e6),
      '. '.repeat(5e5),
      '%2e'.repeat(3e5),
      '.a:'.repeat(3e5),
      '\u202e'.repeat(1e6),
      ':'.repeat(1e6),
    ]) {
      readFileName(name);
    }
    expect(cpuMsSince(started)).toBeLessThan(2_000);
  });
});
