// The nearest right name: near ones are found, far ones are not offered.
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from '../../config/nearest.js';

describe('nearestName', () => {
  const names = ['timeLimitMs', 'sizeMaxBytes', 'enabled', 'onBreak'];
  it.each([
    ['timeLimit', 'timeLimitMs'],
    ['time-limit-ms', 'timeLimitMs'],
    ['TIMELIMITMS', 'timeLimitMs'],
    ['enabeld', 'enabled'],
    ['maxSizeBytes', null],
    ['', null],
    ['enabled'.repeat(50), null],
    ['x', null],
  ])('%s → %s', (wrong, right) => {
    expect(nearestName(wrong, names)).toBe(right);
  });
});

describe('editDistance', () => {
  it.each([
    ['', 'abc', 3],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
    ['abc', '', 3],
  ])('%s, %s: %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});
