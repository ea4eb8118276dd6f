// HTML as SpamAssassin 4.0.1 renders it; what is expected here was asked of it with these or like texts.
import { describe, expect, it } from 'vitest';
import { renderHtml, type HtmlFacts, type RenderedHtml } from '../../../rules/mail/html.js';
import { cpuMsSince } from '../../ground/cpu.js';

const render = (text: string, wide = false): RenderedHtml => renderHtml({ text, wide }, text.length);
const shown = (text: string, wide = false) => render(text, wide).all.text;
const facts = (text: string): HtmlFacts => render(text).facts;
const targets = (text: string) => [...facts(text).uris].map(([uri, { types }]) => [uri, ...types]);

describe('tags', () => {
  it('stand for white space at their start and end, or for nothing', () => {
    expect(shown('a<b>b</b>c<br>d<p>e</p>f<li>g')).toBe('abc\nd\n\ne\n\nf g');
    expect(shown('<h1>t</h1><td>c</td>')).toBe(' t  c ');
  });

  it('swallow one blank before and after them', () => {
    expect(shown('a  <br>  b')).toBe('a\nb');
    expect(shown('a <b> b</b>')).toBe('a  b');
  });

  it('are read with odd quotes, slashes and repeated attributes', () => {
    expect(targets('<a x="1"href=http://a.example HREF=http://b.example>')).toContainEqual(['http://a.example', 'a']);
    expect(targets('<img/src=x y>')).toEqual([]);
    expect(targets('<a x/href=http://a.example>')).toContainEqual(['http://a.example', 'a']);
    expect([...facts('<br/><p/align=x></_x>').inside.keys()]).toEqual(['br', 'p/align=x', '_x']);
  });

  it('end at a ">" outside quotes', () => {
    expect(shown('<a title="x>y">q</a \'z>w\'>r')).toBe('qr');
  });

  it('that are none stay as text', () => {
    expect(shown('a < b <3 c')).toBe('a < b <3 c');
  });

  it('without an end swallow the rest', () => {
    expect(shown('a <b href="x>y <i>z')).toBe('a ');
    expect(shown('w <b')).toBe('w ');
  });
});

describe('what is not shown', () => {
  it('is script, style, comments and declarations', () => {
    const html = '<!doctype html>a<script>b<i></script>c<style>d</style>e<!-- f -- >g<!x>h<?i>j';
    expect(shown(html)).toBe('aceghj');
    expect(facts(html).scripts).toEqual(['b<i>']);
    expect(facts(html).comments).toEqual(['<!-- f -- >', '<!x>']);
  });

  it('of comments and scripts without an end is the same', () => {
    expect(shown('a<!-- b > c')).toBe('a c');
    expect(shown('a<style>b')).toBe('a');
    expect(shown('a<script>b</script c')).toBe('a');
  });

  it('are sections to be ignored; the rest of them is text', () => {
    expect(shown('<![CDATA[ a&amp;<b> ]]>c')).toBe(' a&amp;<b> c');
    expect(shown('a<![IGNORE[ b ]]>c<![if !mso]>d<![endif]>')).toBe('acd');
  });

  it('leaves a title, and what stands in a text area unread', () => {
    expect(shown('<title>a<b>c</title>d<textarea><i></textarea>')).toBe('\n\na<b>c\n\nd<i>');
    expect(facts('<title>a<b>c</title>').titles).toEqual(['a<b>c']);
  });

  it('hides the facts too when a section to be ignored has no end', () => {
    expect([...facts('<img>a<![ignore[ b').values.keys()]).toEqual(['html', 'html_length', 'non_space_len', 'ratio']);
  });
});

describe('character references', () => {
  it('need no semicolon when they are of Latin-1, and end at the name', () => {
    expect(shown('&eacutex &amp &hellipx &hellip; &bogus;')).toBe('\xe9x & &hellipx \u2026 &bogus;');
  });

  it('in attributes end where the word ends', () => {
    expect(targets('<img src="http://a.example/?b&copyx&amp;c&#x26;d">')[0]![0]).toBe('http://a.example/?b&copyx&c&d');
  });

  it('are joined from surrogates, and replaced or left when they cannot be', () => {
    expect(shown('&#55357;&#56832; &#56832; &#0; &#xffff; &#x110000;')).toBe(
      '\u{1f600} \ufffd &#0; &#xffff; &#x110000;',
    );
  });

  it('decide whether text is Unicode', () => {
    expect(render('&eacute;').all).toEqual({ text: '\xe9', wide: false });
    expect(render('&eacute;&rsquo;').all).toEqual({ text: '\xe9\u2019', wide: true });
  });
});

describe('hidden text', () => {
  const hidden = (text: string) => render(text).invisible.text;

  it('is what has no contrast, no size, or is said to be hidden', () => {
    expect(hidden('<font color=white>a</font>b')).toBe('a');
    expect(hidden('<span style="color:#fffffe">a</span>b')).toBe('a');
    expect(hidden('<font size=1>a</font>b')).toBe('a');
    expect(hidden('<div style="x;display: NONE">a</div>b')).toBe('a');
    expect(hidden('<p style="visibility:hidden">a<td>b</td></p>c')).toBe('ab');
    expect(hidden('<span style="color:bogus">a</span>')).toBe('a');
  });

  it('stays in the text', () => {
    expect(shown('<font color=white>a</font>b')).toBe('ab');
  });

  it('follows backgrounds of styles, not of attributes', () => {
    expect(hidden('<td style="background: url(a, b) black"><font color=white>a</font>')).toBe('');
    expect(hidden('<td bgcolor=black><font color=white>a</font>')).toBe('a');
    expect(hidden('<td bgcolor=black>a')).toBe('');
  });

  it('ends with its element, a cell with the next cell', () => {
    expect(hidden('<table><tr><td style="color:#fff">a<td>b</table>c')).toBe('a');
  });

  it('is told by facts', () => {
    expect(facts('<font color=white>a').values.get('font_low_contrast')).toBe(1);
    expect(facts('<font color=bogus>a').values.get('font_invalid_color')).toBe(1);
    expect(facts('<p style="COLOR: ; x: y">a').values.get('font_invalid_color')).toBe(1);
    expect(facts('<p style="background:\n #111; color:#fff">a').values.has('font_low_contrast')).toBe(false);
    expect(facts('<p style="COLOR:; x: y">a').values.has('font_invalid_color')).toBe(false);
    expect(facts('<font color=white> ').values.has('font_low_contrast')).toBe(false);
  });
});

describe('values', () => {
  it('count tags that are none, and end tags without a start', () => {
    const { values, inside } = facts('<b>x</b></b><foo>');
    expect(values.get('closed_extra_ratio')).toBe(1 / 4);
    expect(values.get('bad_tag_ratio')).toBe(1 / 4);
    expect(values.get('non_element_ratio')).toBe(1 / 2);
    expect([...inside]).toEqual([
      ['b', 0],
      ['foo', 1],
    ]);
  });

  it('know words cut in two', () => {
    const { values } = facts('vi<b></b>agra <i>x</i>');
    expect(values.get('obfuscation_ratio')).toBe(1 / 4);
    expect(values.get('backhair_count')).toBe(1);
  });

  it('know sizes, images and fonts', () => {
    expect(facts('<font size=+3>').values.get('max_size')).toBe(6);
    expect(facts('<img width=10% height="30"><img width=x height=0>').values.get('image_area')).toBe(80 * 30 + 40_000);
    expect(facts('<font face="Arial, Times New Roman">').values.has('font_face_bad')).toBe(false);
    expect(facts('<font face="x--1">').values.get('font_face_bad')).toBe(1);
  });

  it('measure characters', () => {
    const { facts: found } = renderHtml({ text: '<b>\u{1f600} b</b>', wide: true }, 13);
    expect(['length', 'html_length', 'non_space_len'].map((name) => found.values.get(name))).toEqual([10, 3, 2]);
  });
});

describe('addresses', () => {
  it('come from attributes, with the tags they stand in', () => {
    const html =
      '<body background=b.gif><a href=" http://a.example/ "><img src="http://a.example/"></a><form action=mailto:x@y.example>';
    expect(targets(html)).toEqual([
      ['b.gif', 'body'],
      ['http://a.example/', 'a', 'img'],
      ['mailto:x@y.example', 'form'],
    ]);
  });

  it('are joined with the base', () => {
    const html = '<base href="http://a.example/b/c.html"><a href="../d/./e?f#g">x</a><a href="//h.example/i">';
    expect(targets(html).map(([uri]) => uri)).toEqual([
      'http://a.example/b/c.html',
      'http://a.example/d/e?f#g',
      '../d/./e?f#g',
      'http://h.example/i',
      '//h.example/i',
    ]);
  });

  it('come from a refresh', () => {
    expect(targets('<meta http-equiv=Refresh content="0; URL = http://a.example/b ; c">')).toEqual([
      ['http://a.example/b', 'meta'],
    ]);
  });

  it('carry the texts of their anchors', () => {
    const { uris, anchors } = facts('<a href=http://a.example>b<img><i>c</i></a>d');
    expect(anchors).toEqual(['b<img>\nc']);
    expect(uris.get('http://a.example')!.anchorTexts).toEqual(['b<img>\nc']);
  });

  it('are bounded', () => {
    const found = facts(`<a href="http://a.example/${'x'.repeat(10_000)}">`);
    expect([...found.uris.keys()][0]).toHaveLength(8_192);
    expect(found.values.get('uri_truncated')).toBe(1);
  });
});

it('takes hostile HTML in time', () => {
  const hostile = [
    '<div>'.repeat(200_000) + '</span>'.repeat(200_000),
    `<a ${'x=y '.repeat(300_000)}>`,
    `<font face="${' a'.repeat(300_000)}!">`,
    `<p style="color:${' '.repeat(500_000)}x">`,
    `<a href="/${'../'.repeat(300_000)}">`,
    '<!--'.repeat(300_000),
    '<![CDATA['.repeat(200_000),
    '&#'.repeat(500_000),
    `&${'a'.repeat(1_000_000)}`,
    '<a href="'.repeat(100_001),
    `<meta http-equiv=refresh content="${'url'.repeat(200_000)}=x">`,
    '<'.repeat(1_000_000),
    '</a '.repeat(300_000),
    `<base href="http://a/${'b.c'.repeat(200_000)}">`,
  ];
  for (const html of hostile) {
    const started = process.cpuUsage();
    render(html);
    expect(cpuMsSince(started), html.slice(0, 20)).toBeLessThan(3_000);
  }
});
