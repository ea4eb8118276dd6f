// Two test runs: `npm test` takes everything but *.long.test.ts, `npm run test:long` takes only those.
import { defineConfig } from 'vitest/config';

const long = process.env['WEIR_TEST'] === 'long';

export default defineConfig({
  test: {
    include: [long ? 'test/**/*.long.test.ts' : 'test/**/*.test.ts'],
    exclude: long ? ['node_modules/**', 'dist/**'] : ['node_modules/**', 'dist/**', 'test/**/*.long.test.ts'],
    testTimeout: long ? 600_000 : 30_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
