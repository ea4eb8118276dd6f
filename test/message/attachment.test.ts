// Attachments: which parts are files, by which names, and what their bytes are.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fileKind } from '../../message/file-kind.js';
import { message, oddityCodes } from './data.js';

const part = (...fields: string[]): ReturnType<typeof message> =>
  message('From: a@example.com', ...fields, 'Content-Transfer-Encoding: base64', '', 'QUJD');

describe('attachments', () => {
  test('content, size and hash', () => {
    const [file] = part('Content-Type: application/pdf; name=a.pdf').attachments;
    expect(file).toMatchObject({
      name: 'a.pdf',
      declaredType: 'application/pdf',
      sizeBytes: 3,
      sha256: createHash('sha256').update('ABC').digest('hex'),
    });
    expect(file?.content.toString()).toBe('ABC');
  });

  test('which parts are files', () => {
    expect(part('Content-Type: text/plain').attachments).toHaveLength(0);
    expect(part('Content-Type: multipart/mixed').attachments).toHaveLength(0);
    expect(part('Content-Type: text/plain; name=x.txt').attachments).toHaveLength(1);
    expect(part('Content-Type: text/plain', 'Content-Disposition: attachment').attachments[0]?.name).toBe('');
    expect(part('Content-Type: image/png').attachments).toHaveLength(1);
    expect(part('Content-Type: message/rfc822').attachments).toHaveLength(1);
  });

  test.each<[string, string, string[]]>([
    ['Content-Disposition: attachment; filename="a b.txt"', 'a b.txt', []],
    ["Content-Disposition: attachment; filename*=utf-8''%C3%A4.txt", 'ä.txt', ["utf-8''%C3%A4.txt"]],
    ['Content-Disposition: attachment; filename*0=ev; filename*1=il.exe', 'evil.exe', ['ev', 'il.exe']],
    ['Content-Disposition: attachment; filename="=?utf-8?q?=C3=A4.txt?="', 'ä.txt', ['=?utf-8?q?=C3=A4.txt?=']],
    ['Content-Disposition: attachment; filename="../../etc/x.sh"', 'x.sh', ['../../etc/x.sh']],
    [
      'Content-Disposition: attachment; filename="C:\\\\dir\\\\x.exe"',
      'x.exe',
      ['C:\\dir\\x.exe', 'C:\\\\dir\\\\x.exe'],
    ],
    ['Content-Disposition: attachment; filename=a.txt; filename=b.exe', 'a.txt', ['b.exe']],
    ['Content-Disposition: attachment; filename="a.txt".exe', 'a.txt', ['a.txt.exe']],
    ['Content-Disposition: attachment; filename=".."', '', ['..']],
  ])('%s', (field, name, others) => {
    const [file] = part('Content-Type: application/octet-stream', field).attachments;
    expect(file?.name).toBe(name);
    expect(file?.otherNames).toEqual(expect.arrayContaining(others));
    expect(file?.otherNames).not.toContain(name);
  });

  test('names of type and disposition that differ', () => {
    const mail = part(
      'Content-Type: application/octet-stream; name=b.exe',
      'Content-Disposition: attachment; filename=a.txt',
    );
    expect(mail.attachments[0]).toMatchObject({ name: 'a.txt', otherNames: ['b.exe'] });
    expect(oddityCodes(mail)).toContain('NAME_DIFFERS');
  });

  test('a uuencoded file within a text is one', () => {
    const mail = message('', 'look:', 'begin 644 dir/x.exe', '#86)C', '`', 'end');
    expect(mail.attachments[0]).toMatchObject({
      name: 'x.exe',
      otherNames: ['dir/x.exe'],
      declaredType: 'application/x-uuencode',
      sizeBytes: 3,
    });
  });
});

/** A file with bytes at a place. */
const at = (offset: number, hex: string, length: number): Buffer => {
  const file = Buffer.alloc(length);
  file.write(hex, offset < 0 ? length + offset : offset, 'hex');
  return file;
};

describe('kinds of files', () => {
  test.each<[string, Buffer, string | null]>([
    ['PE', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)]), 'exe'],
    ['ELF', at(0, '7f454c4602010100', 128), 'elf'],
    ['PDF', Buffer.from('%PDF-1.7\n'), 'pdf'],
    ['PDF behind junk', Buffer.from('junk\n%PDF-1.7\n'), 'pdf'],
    ['ZIP', Buffer.from('504b0506000000000000000000000000000000000000', 'hex'), 'zip'],
    ['PNG', Buffer.from('89504e470d0a1a0a0000000d494844520000000100000001080600000000000000', 'hex'), 'png'],
    ['OLE', at(0, 'd0cf11e0a1b11ae1', 600), 'cfb'],
    ['RAR', Buffer.from('526172211a0700cf907300000d00000000000000', 'hex'), 'rar'],
    ['ISO', at(32_769, '4344303031', 40_000), 'iso'],
    ['VHD', at(-512, '636f6e6563746978', 4_096), 'vhd'],
    ['VHDX', at(0, '7668647866696c65', 64), 'vhdx'],
    ['OneNote', at(0, 'e4525c7b8cd8a74daeb15378d02996d3', 64), 'one'],
    ['shortcut', at(0, '4c0000000114020000000000c000000000000046', 100), 'lnk'],
    ['compiled help', Buffer.from('ITSF\x03\0\0\0'), 'chm'],
    ['RTF', Buffer.from('{\\rtf1 x}'), 'rtf'],
    ['HTML', Buffer.from('\ufeff \r\n<!DOCTYPE html><p>x'), 'html'],
    ['HTML without head', Buffer.from('<script>x</script>'), 'html'],
    ['HTML in UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('<html>', 'utf16le')]), 'html'],
    ['SVG', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'), 'svg'],
    ['HTA', Buffer.from('<html><hta:application id=x></html>'), 'hta'],
    ['JavaScript', Buffer.from('var x = new ActiveXObject("WScript.Shell");'), 'js'],
    ['VBScript', Buffer.from('Dim x\r\nSet x = CreateObject("WScript.Shell")'), 'vbs'],
    ['PowerShell', Buffer.from('$x = New-Object Net.WebClient; $x.DownloadString("x")'), 'ps1'],
    ['batch', Buffer.from('@echo off\r\ndir'), 'bat'],
    ['shell', Buffer.from('#!/bin/sh\n'), 'sh'],
    ['internet shortcut', Buffer.from('[InternetShortcut]\r\nURL=http://example.com/'), 'url'],
    ['registry', Buffer.from('Windows Registry Editor Version 5.00\r\n'), 'reg'],
    ['script file', Buffer.from('<?xml version="1.0"?><job><script/></job>'), 'wsf'],
    ['web query', Buffer.from('WEB\r\n1\r\nhttp://example.com/'), 'iqy'],
    ['test file of antivirus', Buffer.from(['X5O', '!P%', '@AP[4'].join('')), 'com'],
    ['plain text', Buffer.from('Dear all,\nplease evaluate (x) and eval (y).\n'), null],
    ['a letter about scripts', Buffer.from('Hello, you should never call eval(x) in code.\n'), null],
    ['nothing', Buffer.alloc(0), null],
    ['zeros', Buffer.alloc(100), null],
  ])('%s', async (_name, content, extension) => {
    expect((await fileKind(content))?.extension ?? null).toBe(extension);
  });

  test('a broken file of a known kind is no failure', async () => {
    for (const magic of [
      '504b0304ffff',
      '1a45dfa3ff',
      '52494646',
      '4f676753',
      'ffd8ffe0',
      '3026b2758e66cf11a6d900aa0062ce6c',
      '0000001c66747970',
      '377abcaf271c',
      '789f3e22',
    ])
      for (let length = magic.length / 2; length < 80; length += 7) {
        const file = Buffer.alloc(length, 0xff);
        file.write(magic, 'hex');
        await expect(fileKind(file)).resolves.not.toThrow();
      }
  });

  test('asked twice, worked out once', () => {
    const [file] = part('Content-Type: image/png').attachments;
    expect(file?.trueType()).toBe(file?.trueType());
  });
});
