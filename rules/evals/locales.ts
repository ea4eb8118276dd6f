// Which charsets are used for which languages (`ok_locales`).

const CHARSETS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    ja:
      'EUCJP JISX020119760 JISX020819830 JISX020819900 JISX020819970 JISX021219900 JISX021320001 JISX021320002 ' +
      'SHIFT_JIS SHIFTJIS ISO2022JP SJIS JIS7 JISX0201 JISX0208 JISX0212',
    ko: 'EUCKR KSC56011987',
    ru: 'KOI8R KOI8U KOI8T ISOIR111 CP1251 GEORGIANPS PT154 CP866',
    th: 'TIS620',
    zh: 'GB1988 GB2312 GB231219800 GB18030 GBK BIG5HKSCS BIG5 EUCTW ISO2022CN',
  }).map(([locale, charsets]) => [locale, charsets.split(' ')]),
);

/** Languages that share a list with another. */
const SAME_AS: ReadonlyMap<string, string> = new Map(['ka', 'tg', 'be', 'uk', 'bg'].map((locale) => [locale, 'ru']));

const ALWAYS = /^(?:(?:USASCII|ASCII|IBM852|XUNKNOWN|ISO)$|ISO8859|ISO10646|UTF|UCS|CP125|WINDOWS|UNICODE11UTF[78])/;

/** Whether a charset is one of those that the languages are written in, or one that all are. */
export function isCharsetOfLocales(charset: string, locales: readonly string[]): boolean {
  const name = charset
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
    .replace(/^3D/, '');
  if (ALWAYS.test(name)) return true;
  return locales.some((locale) => {
    const language = locale === 'C' ? 'en' : locale.slice(0, 2);
    return CHARSETS.get(SAME_AS.get(language) ?? language)?.includes(name) === true;
  });
}
