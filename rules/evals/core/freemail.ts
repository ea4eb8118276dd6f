// Domains where anybody gets a mail box for nothing: a sender there proves nothing about who it is.

const FREEMAIL: ReadonlySet<string> = new Set(
  `gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com rocketmail.com aol.com aim.com
   icloud.com me.com mac.com gmx.com gmx.net gmx.de gmx.at gmx.ch web.de mail.com email.com usa.com consultant.com
   protonmail.com proton.me pm.me tutanota.com tuta.io zoho.com zohomail.com yandex.com yandex.ru ya.ru mail.ru bk.ru
   inbox.ru list.ru rambler.ru qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com 139.com naver.com
   daum.net hanmail.net nate.com rediffmail.com libero.it virgilio.it tiscali.it alice.it orange.fr laposte.net free.fr
   wanadoo.fr t-online.de freenet.de arcor.de seznam.cz email.cz wp.pl o2.pl onet.pl interia.pl terra.com.br uol.com.br
   bol.com.br hotmail.co.uk hotmail.fr hotmail.it hotmail.es hotmail.de live.co.uk live.fr live.nl outlook.fr outlook.de
   outlook.es yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.co.in yahoo.co.jp yahoo.com.br yahoo.com.hk
   yahoo.com.tw yahoo.com.cn yahoo.com.au yahoo.ca yahoo.in btinternet.com mail2world.com lycos.com excite.com
   mail.bg abv.bg ukr.net i.ua hushmail.com fastmail.com fastmail.fm inbox.lv inbox.com myway.com netscape.net
   email.it aliyun.com tom.com 21cn.com`.split(/\s+/),
);

/** Whether the address is at such a domain. */
export function isFreemail(address: string): boolean {
  return FREEMAIL.has(address.slice(address.lastIndexOf('@') + 1).toLowerCase());
}
