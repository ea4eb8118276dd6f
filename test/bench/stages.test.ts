// The bench of stages runs small: every stage gets figures, and cold and warm passes find the same.
import { expect, test } from 'vitest';
import { benchStages } from '../../bench/stages.js';
import { startDns } from '../ground/dns.js';
import { requirePackage } from '../ground/packages.js';
import { makePlace } from '../ground/place.js';

const MAIL = Buffer.from(
  'From: a@away.test\r\nTo: b@house.test\r\nSubject: hello\r\nMessage-ID: <1@away.test>\r\n' +
    'Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nSee http://away.test/\r\n',
);

test.skipIf(!requirePackage('dnsmasq-base'))(
  'figures for each stage, and the same findings from both caches',
  async () => {
    const place = makePlace('bench-stages');
    const dns = await startDns(place.directory, { txt: { 'away.test': ['v=spf1 -all'] } });
    try {
      const figures = await benchStages([MAIL, MAIL], dns.address, 1);
      const names = figures.map(({ stage }) => stage);
      expect(names).toContain('authentication');
      expect(names.at(-1)).toBe('all together');
      for (const one of figures) {
        expect(one.hash).toMatch(/^[0-9a-f]{12}$/);
        expect(one.coldCpuMs).toBeGreaterThan(0);
      }
      // The whole finds what its parts find, among them that SPF fails.
      expect(new Set(figures.map(({ hash }) => hash)).size).toBeGreaterThan(1);
    } finally {
      await dns.stop();
      place.remove();
    }
  },
);
