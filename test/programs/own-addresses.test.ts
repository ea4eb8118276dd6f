// The check of own addresses: an alert while one is listed, none taken back by a list that cannot tell, and the newest
// result at hand.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { startOwnAddressCheck, type OwnAddressCheck } from '../../programs/own-addresses.js';
import { SECTIONS } from '../../programs/sections.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';

const OWN = '25.113.0.203';

let dns: ScriptedDns;
beforeAll(async () => {
  dns = await startScriptedDns({
    '2.0.0.127.bl.test': { A: ['127.0.0.2'] },
    '2.0.0.127.own.test': { A: ['127.0.0.2'] },
    '2.0.0.127.wl.test': { A: ['127.0.0.2'] },
    [`${OWN}.wl.test`]: { A: ['127.0.0.2'] },
  });
});
afterAll(() => dns.stop());

interface Said {
  readonly code: string;
  readonly raised: boolean;
  readonly detail: string;
}

function start(addresses: string): { check: OwnAddressCheck; said: Said[] } {
  const text = `resolver: { servers: ["${dns.address}"], timeoutMs: 500, failureTtlS: 1 }
lists:
  ownAddresses: [${addresses}]
  ownCheckLists: ['own.test=127.0.0.[2..9]']
  sites:
    - { list: 'bl.test', ask: [client] }
    - { list: 'wl.test*-2', ask: [client] }
    - { list: 'dom.test', ask: [url] }
`;
  const loaded = parseConfiguration(SECTIONS, text, 'weir.yaml');
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const said: Said[] = [];
  const check = startOwnAddressCheck(
    loaded.configuration,
    (code, raised, detail) => void said.push({ code, raised, detail }),
    (error) => {
      throw error;
    },
  );
  onTestFinished(() => check.stop());
  return { check, said };
}

describe('the check of own addresses', () => {
  it('asks block lists for clients and those set for it, and raises an alert that ends', async () => {
    dns.set(`${OWN}.bl.test`, { A: ['127.0.0.2'] });
    const { check, said } = start("'203.0.113.25', '2001:db8::25'");
    expect(check.last()).toEqual({ checkedAt: null, addresses: [], contradicted: [] });
    await check.check();
    expect(said).toEqual([{ code: 'own-address-listed', raised: true, detail: '203.0.113.25 on bl.test' }]);
    expect(check.last().addresses).toMatchObject([
      {
        address: '203.0.113.25',
        verdicts: [
          { list: 'bl.test', state: 'listed', codes: ['127.0.0.2'] },
          { list: 'own.test', state: 'not-listed' },
        ],
      },
      { address: '2001:db8::25', verdicts: [{ state: 'not-listed' }, { state: 'not-listed' }] },
    ]);
    expect(check.last().contradicted).toEqual([]);
    dns.set(`${OWN}.bl.test`, null);
    await check.check();
    expect(said.at(-1)).toMatchObject({ raised: false });
  });

  it('takes no alert back while a list cannot tell', async () => {
    const { check, said } = start("'203.0.113.25'");
    dns.set(`${OWN}.bl.test`, { behaviour: 'servfail' });
    await check.check();
    dns.set(`${OWN}.bl.test`, null);
    expect(said).toEqual([]);
    expect(check.last().addresses[0]?.verdicts[0]).toMatchObject({ state: 'unknown' });
  });

  it('asks nothing where no address is set', async () => {
    dns.forget();
    const { check, said } = start('');
    await check.check();
    expect(said).toEqual([{ code: 'own-address-listed', raised: false, detail: 'no own address is set' }]);
    expect(dns.asked).toEqual([]);
  });
});
