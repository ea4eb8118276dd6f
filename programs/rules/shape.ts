// What all commands of `weir rules` share on the command line: exit codes, and an option that may be given several times.

export const RULES_EXIT = { done: 0, found: 1, usage: 64, noInput: 66, failed: 70 } as const;

/** Adds to the paths given before. */
export function readPaths(path: string, before: readonly string[] = []): readonly string[] {
  return [...before, path];
}
