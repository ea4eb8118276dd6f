// What clients do at the door, all cases in their order; a case's place decides its clients' addresses.
import { DEEP_CASES } from './screen-deep-cases.js';
import { EARLY_CASES } from './screen-early-cases.js';
import { LIST_CASES } from './screen-list-cases.js';
import type { ScreenCase } from './screen-scripts.js';

/** All cases. */
export const SCREEN_CASES: readonly ScreenCase[] = [...EARLY_CASES, ...LIST_CASES, ...DEEP_CASES];
