// The evals of SpamAssassin's HTMLEval, MIMEEval, BodyEval and ImageInfo, called as rules call them.
import { describe, expect, it } from 'vitest';
import { inputsOf, namesOf, run } from '../run.js';

const hits = (call: string, mail: string, type = 'body') => namesOf(run(`${type} A eval:${call}`, mail)).includes('A');
const html = (text: string) => `Subject: one\nContent-Type: text/html\n\n${text}`;
const parts = (type: string, ...content: string[]) =>
  `Content-Type: ${type}; boundary=b\n\n${content.map((part) => `--b\n${part}\n`).join('')}--b--\n`;

describe('HTML', () => {
  it('is asked for elements and their balance', () => {
    expect(hits("html_tag_exists('b')", html('<B>x'))).toBe(true);
    expect(hits("html_tag_exists('i')", html('<B>x'))).toBe(false);
    expect(hits("html_tag_balance('body', '!= 0')", html('<body><body></body>'))).toBe(true);
    expect(hits("html_tag_balance('body', '!= 0')", html('<body></body>'))).toBe(false);
    expect(hits("html_tag_balance('body', '!= 0')", html('x'))).toBe(false);
  });

  it('is asked for values: above the first bound, at most the second', () => {
    expect(hits("html_range('length', '3', '4')", html('<b>x'))).toBe(true);
    expect(hits("html_range('length', '4', 'inf')", html('<b>x'))).toBe(false);
    expect(hits("html_eval('length', '< 5')", html('<b>x'))).toBe(true);
    expect(hits("html_test('embeds')", html('<object>'))).toBe(true);
    expect(hits("html_test('embeds')", html('x'))).toBe(false);
    expect(hits("html_test('html')", 'Subject: x\n\n<b>x</b>')).toBe(false);
  });

  it('is asked for images', () => {
    expect(hits("html_image_only('0', '400')", html('<img>'))).toBe(true);
    expect(hits("html_image_only('400', '800')", html('<img>'))).toBe(false);
    expect(hits("html_image_ratio('0.000', '0.002')", html('<img width=200 height=200>few words'))).toBe(true);
  });

  it('is asked for texts, in characters', () => {
    expect(hits("html_text_match('comment', '<!(?!-).{0,6}>')", html('a<!x>b'))).toBe(true);
    expect(hits("html_text_match('anchor', '<img>')", html('<a href=x><img></a>'))).toBe(true);
    const title = `Content-Type: text/html; charset=utf-8\n\n<title>${'\xe2\x82\xac'.repeat(60)}</title>`;
    expect(hits("html_text_match('title', '.{60}')", title)).toBe(true);
    expect(hits("html_text_match('title', '.{61}')", title)).toBe(false);
    expect(hits("html_title_subject_ratio('3.5')", html('<title>a title that is long</title>'))).toBe(true);
  });

  it('of all parts counts, and frames with addresses', () => {
    const mail = parts(
      'multipart/mixed',
      'Content-Type: text/html\n\n<iframe src=http://a.example>',
      'Content-Type: text/html\n\nx',
    );
    expect(hits('check_iframe_src()', mail)).toBe(true);
    expect(hits('check_iframe_src()', html('<iframe>'))).toBe(false);
  });
});

describe('MIME', () => {
  it('properties of parts are counted', () => {
    const base64 = 'Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\neA==\n';
    expect(hits("check_for_mime('mime_base64_encoded_text')", base64, 'rawbody')).toBe(true);
    expect(hits("check_for_mime('mime_base64_count')", base64, 'rawbody')).toBe(true);
    expect(hits("check_for_mime('mime_qp_count')", base64, 'rawbody')).toBe(false);
    const attached = parts('multipart/mixed', 'Content-Disposition: attachment\n\nx');
    expect(hits("check_for_mime('mime_attachment')", attached)).toBe(true);
    expect(hits("check_for_mime('mime_missing_boundary')", attached)).toBe(false);
    expect(hits("check_for_mime('mime_missing_boundary')", attached.replace('--b--', '--c'))).toBe(true);
  });

  it('quoted-printable codes count when they are no blanks at the end of a line', () => {
    const qp = (text: string) => `Content-Transfer-Encoding: quoted-printable\n\n${text}\n`;
    expect(hits("check_for_mime('mime_qp_long_line')", qp('x'.repeat(79)))).toBe(true);
    expect(hits("check_for_mime('mime_qp_long_line')", qp('x'.repeat(78)))).toBe(false);
    expect(hits("check_qp_ratio('0.5')", qp('=41=42x'))).toBe(false);
    expect(hits("check_qp_ratio('0.25')", qp('=41=42x'))).toBe(true);
    expect(hits("check_qp_ratio('0.01')", qp('some text=20=20'))).toBe(false);
  });

  it('HTML may be the only text', () => {
    expect(hits('check_for_mime_html_only()', html('x'))).toBe(true);
    const both = parts('multipart/alternative', '\nx', 'Content-Type: text/html\n\n<b>x</b>');
    expect(hits('check_for_mime_html_only()', both)).toBe(false);
    expect(hits('check_for_mime_html()', both)).toBe(true);
    expect(hits("check_mime_multipart_ratio('0.10', '0.20')", both)).toBe(true);
  });

  it('flags tell what is broken', () => {
    expect(hits("check_msg_parse_flags('missing_head_body_separator')", 'A: 1\n--x\n', 'header')).toBe(true);
    expect(hits("check_msg_parse_flags('mime_epilogue_exists')", `${parts('multipart/mixed', '\nx')}more\n`)).toBe(
      true,
    );
    expect(hits("check_msg_parse_flags('mime_epilogue_exists')", `${parts('multipart/mixed', '\nx')}.\n`)).toBe(false);
    expect(hits("check_msg_parse_flags('truncated_header')", `A: ${'x'.repeat(9_000)}\n\n`, 'header')).toBe(true);
  });

  it('text tells what its declaration hides', () => {
    expect(hits('check_for_ascii_text_illegal()', 'A: 1\n\nx\xe9')).toBe(true);
    expect(hits('check_for_ascii_text_illegal()', 'Content-Type: text/plain; charset=utf-8\n\nx\xe9')).toBe(false);
    expect(hits('check_abundant_unicode_ratio(0.05)', 'A: 1\n\nab&#x20AC;cd\n')).toBe(true);
    expect(hits('check_abundant_unicode_ratio(0.50)', 'A: 1\n\nab&#x20AC;cd\n')).toBe(false);
  });

  it('capitals count in percent, where the script has any', () => {
    const text = `${'SHOUT quiet '.repeat(20)}\n`;
    expect(hits("check_for_uppercase('25', '50')", `A: 1\n\n${text}`)).toBe(true);
    expect(hits("check_for_uppercase('50', '75')", `A: 1\n\n${text}`)).toBe(false);
    expect(hits("check_for_uppercase('25', '50')", `Content-Type: text/plain; charset=koi8-r\n\n${text}`)).toBe(false);
    expect(hits("check_for_uppercase('25', '50')", 'A: 1\n\nSHOUT quiet\n')).toBe(false);
  });

  it('lines of base64 have a length, and alternatives are text', () => {
    const line = `Content-Transfer-Encoding: base64\n\n${'QUJD'.repeat(20)}\n`;
    expect(hits("check_base64_length('79')", line)).toBe(true);
    expect(hits("check_base64_length('78', '79')", line)).toBe(false);
    expect(hits('check_ma_non_text()', parts('multipart/alternative', '\nx', 'Content-Type: image/png\n\nx'))).toBe(
      true,
    );
    expect(hits('check_ma_non_text()', parts('multipart/mixed', 'Content-Type: image/png\n\nx'))).toBe(false);
  });

  it('charsets of other languages count where languages are named', () => {
    const mail = 'Content-Type: text/plain; charset=koi8-r\n\n\xd0\xd2\xc9\xd7\xc5\xd4';
    expect(hits('check_for_faraway_charset()', mail)).toBe(false);
    expect(inputsOf(mail).settings.okLocales).toBe('all');
  });
});

describe('the body', () => {
  const alternative = (text: string, page: string) =>
    parts('multipart/alternative', `\n${text}`, `Content-Type: text/html\n\n${page}`);

  it('of an alternative is compared word by word', () => {
    expect(hits("multipart_alternative_difference('99', '100')", alternative('one two', '<p>three four'))).toBe(true);
    expect(hits("multipart_alternative_difference('99', '100')", alternative('one two', '<p>two three'))).toBe(false);
    expect(hits("multipart_alternative_difference('99', '100')", alternative('one', '<img src=x>'))).toBe(true);
    expect(hits("multipart_alternative_difference_count('3', '1')", alternative('a b c d e f g h', 'x y'))).toBe(true);
  });

  it('has blank lines, and words one below the other', () => {
    expect(hits("check_blank_line_ratio('40', '60', '4')", 'A: 1\n\na\n\nb\n\n')).toBe(true);
    expect(hits("check_blank_line_ratio('40', '60', '5')", 'A: 1\n\na\n\nb\n\n')).toBe(false);
    expect(hits("tvd_vertical_words('99', '100')", 'Subject: s\n\nw o r d s\n')).toBe(true);
    expect(hits("tvd_vertical_words('0', '10')", 'Subject: subject\n\nunbroken-words\n')).toBe(true);
  });

  it('may praise shares', () => {
    const tip = 'A: 1\n\nCompany Name: Foo\n\n  Current Price : 1\nTarget:\n 2\nOther: x\n';
    expect(hits("check_stock_info('2')", tip)).toBe(true);
    expect(hits("check_stock_info('4')", tip)).toBe(false);
  });

  it('has a length, and a signature', () => {
    expect(hits("check_body_length('4')", 'A: 1\n\nabc\n')).toBe(true);
    expect(hits("check_body_length('3')", 'A: 1\n\nabc\n')).toBe(false);
    const signed = `A: 1\n\nabcd\n-- \n${'x'.repeat(49)}\n`;
    expect(hits("plaintext_sig_length('50', '51')", signed)).toBe(true);
    expect(hits("plaintext_body_length('5', '5')", signed)).toBe(true);
    expect(hits("plaintext_body_sig_ratio('0', '0.2')", signed)).toBe(true);
  });
});

describe('images', () => {
  const u16 = (value: number) => String.fromCharCode(value >> 8, value & 255);
  const image = (kind: string, bytes: string, name = 'i') =>
    `Content-Type: image/${kind}; name=${name}\nContent-Transfer-Encoding: base64\n\n${Buffer.from(bytes, 'latin1').toString('base64')}`;
  const gif = image('gif', 'GIF89a\x2c\x01\xc8\x00\x00\x00\x00');
  const png = image('png', `\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0${u16(600)}\0\0${u16(400)}\x08\0\0\0\0CRC.`, 'p.png');
  const jpeg = image('jpg', `\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08${u16(20)}${u16(30)}\x03xxx`);
  const mail = parts('multipart/mixed', '\nwords', gif, png, jpeg);

  it('are counted and measured', () => {
    expect(hits("image_count('all','3','3')", mail)).toBe(true);
    expect(hits("image_count('gif','2')", mail)).toBe(false);
    expect(hits("pixel_coverage('gif','60000','60000')", mail)).toBe(true);
    expect(hits("pixel_coverage('png','240000','240000')", mail)).toBe(true);
    expect(hits("pixel_coverage('jpeg','600','600')", mail)).toBe(true);
    expect(hits("image_size_exact('png','400','600')", mail)).toBe(true);
    expect(hits("image_size_range('jpeg','10','10','20','30')", mail)).toBe(true);
    expect(hits("image_to_text_ratio('all', '0.000', '0.008')", mail)).toBe(true);
  });

  it('have names', () => {
    expect(hits("image_named('p.png')", mail)).toBe(true);
    expect(hits("image_name_regex('^p\\.')", mail)).toBe(true);
    expect(hits("image_name_regex('^q')", mail)).toBe(false);
  });

  it('that are not packed in base64, or broken, say nothing', () => {
    expect(hits("image_count('all','1')", parts('multipart/mixed', 'Content-Type: image/gif\n\nGIF89a'))).toBe(false);
    expect(hits("pixel_coverage('all','1')", parts('multipart/mixed', image('png', '\x89PNG\r\n\x1a\n')))).toBe(false);
    expect(hits("pixel_coverage('all','1')", parts('multipart/mixed', image('jpeg', '\xff\xd8\xff')))).toBe(false);
  });
});
