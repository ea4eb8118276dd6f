// The antivirus bench, run small: both clients do the same work.
import { expect, it } from 'vitest';
import { benchAntivirus, benchStage } from '../../../bench/antivirus.js';
import { parseServerAddress } from '../../../filters/antivirus/server-address.js';
import { startClamd } from '../../ground/clamd.js';
import { requirePackage } from '../../ground/packages.js';
import { makePlace } from '../../ground/place.js';

it.skipIf(!requirePackage('clamav-daemon'))('gives the same answers by both clients at each width', async () => {
  const place = makePlace('bench');
  const clamd = await startClamd(`${place.directory}/clamd`);
  try {
    const lines = await benchAntivirus(parseServerAddress(clamd.unixServer), 20);
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map(({ hash }) => hash)).size).toBe(1);
    expect(new Set((await benchStage(clamd.unixServer, 20)).map(({ hash }) => hash)).size).toBe(1);
    for (const { scansPerSecond } of lines) expect(scansPerSecond).toBeGreaterThan(0);
  } finally {
    await clamd.stop();
    place.remove();
  }
});
