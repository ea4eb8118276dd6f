// The words at the top of the sample configuration.

/** Paragraphs above the first section. */
export const SAMPLE_OPENING: readonly string[] = [
  'Weir, sample configuration. Every key stands here with its default, commented out: take away the # right before a ' +
    'key to set it, and before the key above it where there is one. A key that is not set keeps its default; new ' +
    'versions may change defaults, so set only what you mean to hold on to.',
  'Check a file with `weir config check FILE`; show what is in force with `weir config show --effective`. A running ' +
    'Weir reads its file again on SIGHUP; a bad file leaves the old settings in force and says so in the log.',
];
