// Names that impostors borrow most, and the domains that may rightly speak for them. Data, kept short on purpose: only
// names that are seldom part of anybody else's.

export interface Brand {
  /** Lower case; the first is shown in evidence. */
  readonly names: readonly string[];
  /** Registered domains; one that ends in a dot stands for that name under any suffix (`amazon.` = amazon.de, amazon.co.uk …). */
  readonly domains: readonly string[];
}

function brand(names: string, domains: string): Brand {
  return { names: names.split(','), domains: domains.split(' ') };
}

export const BRANDS: readonly Brand[] = [
  brand('paypal', 'paypal. paypal-communication.com'),
  brand(
    'microsoft,office 365,office365,microsoft 365,onedrive,outlook team,sharepoint,microsoft teams',
    'microsoft. microsoftonline.com office.com office365.com live.com outlook.com sharepointonline.com sharepoint.com windows.com microsoftsupport.com azure.com onedrive.com skype.com xbox.com linkedin.com',
  ),
  brand('amazon,amazon prime,amazon.com', 'amazon. amazonaws.com amazonses.com primevideo.com amazonpay.com audible.'),
  brand('apple support,apple id,icloud,itunes,app store', 'apple.com icloud.com me.com itunes.com'),
  brand('netflix', 'netflix.com'),
  brand('facebook,facebook support', 'facebook.com facebookmail.com fb.com meta.com'),
  brand('instagram', 'instagram.com facebookmail.com meta.com'),
  brand('whatsapp', 'whatsapp.com facebookmail.com meta.com'),
  brand('dhl,dhl express', 'dhl. dpdhl.com deutschepost.de dhlparcel. dhlecommerce.'),
  brand('fedex', 'fedex.com'),
  brand('ups,united parcel service', 'ups.com'),
  brand('usps', 'usps.com usps.gov'),
  brand('docusign', 'docusign.com docusign.net'),
  brand('adobe sign,adobe document cloud', 'adobe.com adobesign.com echosign.com'),
  brand('dropbox', 'dropbox.com dropboxmail.com'),
  brand('wetransfer', 'wetransfer.com'),
  brand('coinbase', 'coinbase.com'),
  brand('binance', 'binance. binance.us'),
  brand('metamask', 'metamask.io consensys.net'),
  brand('trust wallet,trustwallet', 'trustwallet.com'),
  brand('ledger live', 'ledger.com'),
  brand('blockchain.com', 'blockchain.com'),
  brand('wells fargo,wellsfargo', 'wellsfargo.com'),
  brand('bank of america', 'bankofamerica.com bofa.com'),
  brand('chase bank,jpmorgan chase', 'chase.com jpmorgan.com jpmchase.com'),
  brand('citibank', 'citi.com citibank.com'),
  brand('hsbc', 'hsbc.'),
  brand('barclays', 'barclays.'),
  brand('lloyds bank', 'lloydsbank.co.uk lloydsbank.com'),
  brand('natwest', 'natwest.com'),
  brand('santander', 'santander. gruposantander.com'),
  brand('bradesco', 'bradesco.com.br bradesco.com'),
  brand('itaú,itau unibanco,banco itau', 'itau.com.br itau-unibanco.com.br itau.com'),
  brand('banco do brasil', 'bb.com.br'),
  brand('caixa econômica,caixa economica', 'caixa.gov.br'),
  brand('nubank', 'nubank.com.br'),
  brand('serasa', 'serasa.com.br serasaexperian.com.br'),
  brand('postbank', 'postbank.de'),
  brand('sparkasse', 'sparkasse.de sparkasse.at'),
  brand('commerzbank', 'commerzbank.'),
  brand('american express,americanexpress', 'americanexpress.com aexp.com'),
  brand('mastercard', 'mastercard.com'),
  brand('western union', 'westernunion.com'),
  brand('ebay', 'ebay. ebay.com.au'),
  brand('walmart', 'walmart.com'),
  brand('costco', 'costco.com'),
  brand('norton,nortonlifelock,norton lifelock', 'norton.com nortonlifelock.com gendigital.com'),
  brand('mcafee', 'mcafee.com'),
  brand('geek squad', 'geeksquad.com bestbuy.com'),
  brand('spotify', 'spotify.com'),
  brand('disney+,disney plus', 'disneyplus.com disney.com'),
  brand('godaddy', 'godaddy.com secureserver.net'),
  brand('wordpress.com', 'wordpress.com automattic.com'),
  brand('cpanel', 'cpanel.net cpanel.com'),
  brand('internal revenue service', 'irs.gov'),
  brand('hm revenue,hmrc', 'hmrc.gov.uk gov.uk'),
];
