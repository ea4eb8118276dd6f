// The HTML renderer: what a reader sees, what is hidden from him and by what means, and the links with their texts.
import { describe, expect, test } from 'vitest';
import { color } from '../../message/color.js';
import { declarations, FIRST_LOOK, applyDeclarations, hides } from '../../message/html-style.js';
import { renderHtml } from '../../message/html-text.js';

const seen = (html: string): string => renderHtml(html).visible.trim();
const hidden = (html: string): string => renderHtml(html).hidden.trim();

describe('layout', () => {
  test.each([
    ['a<b>b</b>c', 'abc'],
    ['a \n\t b', 'a b'],
    ['<p>a</p><p>b</p>', 'a\nb'],
    ['a<br>b<br/>c', 'a\nb\nc'],
    ['<div><div>a</div></div><div>b</div>', 'a\nb'],
    ['<table><tr><td>a<td>b<tr><td>c</table>', 'a b\nc'],
    ['<ul><li>a<li>b</ul>', 'a\nb'],
    ['<pre>a  b\n c</pre>', 'a  b\n c'],
    ['a&nbsp;&amp;&#66;&eacute;', 'a &Bé'],
    ['a<script>b</script><style>c</style><!--d-->e', 'ae'],
    ['a<noscript>b</noscript>', 'ab'],
    ['<textarea>a<b></textarea>', 'a<b>'],
    ['<iframe>a</iframe>b', 'b'],
    ['<svg><text>a</text></svg>b', 'ab'],
    ['a<foo>b</foo>', 'ab'],
    ['plain < text > here', 'plain < text > here'],
    ['a</p>b', 'a\nb'],
    ['</body>after</html>', 'after'],
    ['<head><style>a</style><p>b', 'b'],
    ['<html><head><title>t</title>a<body>b', 'a\nb'],
    ['<object data=x>a</object><map><p>b</map>', 'a\nb'],
    ['', ''],
  ])('%s', (html, text) => {
    expect(seen(html)).toBe(text);
  });
});

describe('hidden text', () => {
  test.each([
    '<div style="display:none">x</div>',
    '<div style="DISPLAY : NONE !important">x</div>',
    '<span style="visibility:hidden">x</span>',
    '<span style="font-size:0">x</span>',
    '<span style="font-size:1px">x</span>',
    '<span style="font-size:.1em">x</span>',
    '<span style="font:0px Arial">x</span>',
    '<span style="opacity:0">x</span>',
    '<span style="color:#fff">x</span>',
    '<span style="color:rgb(255, 255, 255)">x</span>',
    '<span style="color:white">x</span>',
    '<span style="color:#fefefe">x</span>',
    '<span style="color:transparent">x</span>',
    '<span style="color:rgba(0,0,0,0)">x</span>',
    '<font color="white">x</font>',
    '<font color="#FFFFFF">x</font>',
    '<body bgcolor="black"><p>x</p>',
    '<table bgcolor="#123456"><tr><td style="color:#123456">x</td></tr></table>',
    '<div style="background:#ff0000 none"><b style="color:red">x</b></div>',
    '<div hidden>x</div>',
    '<div style="mso-hide:all">x</div>',
    '<div style="max-height:0;overflow:hidden">x</div>',
    '<div style="width:0px;overflow:hidden">x</div>',
    '<div style="position:absolute;left:-9999px">x</div>',
    '<div style="text-indent:-5000px">x</div>',
    '<div style="position:absolute;clip:rect(0,0,0,0)">x</div>',
    '<style>.h{display:none}</style><p class="a h">x</p>',
    '<style>p.h, #k {font-size:0}</style><p class=h>x</p>',
    '<style>#k {font-size:0}</style><p id=k>x</p>',
    '<style><!-- .h /* c */ { color : white } --></style><p class=H>x</p>',
    '<title>x</title>',
    '<template>x</template>',
    '<div style="display:none"><p><b>x</b></p></div>',
    '<div style="display:none"><span style="display:inline">x</span></div>',
    '<div style="color:/* c */white">x</div>',
  ])('%s', (html) => {
    expect(seen(html)).toBe('');
    expect(hidden(html)).toBe('x');
  });

  test.each([
    '<div style="display:none"></div>x',
    '<div style="display:none">h</div>x',
    '<div style="visibility:hidden"><b style="visibility:visible">x</b></div>',
    '<font color="white"><table bgcolor="black"><tr><td>x</td></tr></table></font>',
    '<body bgcolor="black" text="white">x',
    '<div style="background:url(a.png)"><b style="color:white">x</b></div>',
    '<div style="overflow:hidden">x</div>',
    '<div style="max-height:100px;overflow:hidden">x</div>',
    '<span style="font-size:0"><b style="font-size:12px">x</b></span>',
    '<style>@media print { .h {display:none} }</style><p class=h>x</p>',
    '<style>.other .h{display:none}</style><p class=h>x</p>',
    '<td style="display:none">h<td>x',
    '<p style="display:none">h<p>x',
    '<li style="display:none">h<li>x',
    '<span style="color:#eee;background:#333">x</span>',
    '<span style="color:nonsense">x</span>',
    '<input type=hidden value=h>x',
    '<b style="display:none"><div>h</div></b>x',
    '<div style="display:none"><b>h</div>x',
  ])('seen all the same: %s', (html) => {
    expect(seen(html)).toBe('x');
  });

  test('a formatting end tag does not close the block within it', () => {
    expect(seen('<b><div style="display:none">a</b>b</div>x')).toBe('x');
  });
});

describe('links', () => {
  test('targets, kinds and visible texts', () => {
    const { links, base } = renderHtml(
      '<base href="http://base.example/"><a href=" http://a.example/?x=1&amp;y=2 ">A <b>B</b><img src="i.png"></a><a href="#top">no</a>' +
        '<form action=f.php></form><body background=bg.png><a href=b>hidden <span style="display:none">no</span></a><div style="background:url(\'c.png\')">' +
        '<area href=d><link href=e><meta http-equiv=refresh content="0; URL=http://r.example/"><a name=x>none</a>',
    );
    expect(base).toBe('http://base.example/');
    expect(links).toEqual([
      { target: 'http://a.example/?x=1&y=2', kind: 'link', text: 'A B' },
      { target: 'i.png', kind: 'image', text: null },
      { target: 'f.php', kind: 'form', text: null },
      { target: 'bg.png', kind: 'image', text: null },
      { target: 'b', kind: 'link', text: 'hidden' },
      { target: 'c.png', kind: 'image', text: null },
      { target: 'd', kind: 'link', text: '' },
      { target: 'e', kind: 'other', text: null },
      { target: 'http://r.example/', kind: 'other', text: null },
    ]);
  });

  test('an anchor left open ends at the next one', () => {
    expect(renderHtml('<a href=1>one <a href=2>two').links.map(({ text }) => text)).toEqual(['one', 'two']);
  });
});

describe('styles', () => {
  test('declarations and colours', () => {
    expect(declarations('a:b; C : D !important;;x')).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(['#abc', '#aabbcc', 'RED', 'rgb(100%,0,0)', 'rgb(300, -5, 0)', 'aabbcc'].map(color)).toEqual([
      0xaabbcc, 0xaabbcc, 0xff0000, 0xff0000, 0xff0000, 0xaabbcc,
    ]);
    expect(['', 'nonsense', '#12', 'rgb(', 'rgb(1)', 'url(x)'].map(color)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  test('a look that hides nothing', () => {
    expect(hides(FIRST_LOOK)).toBe(false);
    expect(applyDeclarations(FIRST_LOOK, [])).toBe(FIRST_LOOK);
  });
});
