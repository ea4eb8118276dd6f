// Exit codes of `weir rules`, the same for all of its commands, and the sentence on them in their help.

export const RULES_EXIT = { done: 0, found: 1, usage: 64, noInput: 66, failed: 70, refused: 78 } as const;
