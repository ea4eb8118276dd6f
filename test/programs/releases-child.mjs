// Run by rule-channel.long.test.ts and killed by it: installs one release after the other without end
// and tells each version on standard output when it is in force. Arguments: the
// built rules/channel/releases.js, the directory of rules, the name of the channel, the first version.
const [modulePath, directory, channel, first] = process.argv.slice(2);
const { ChannelReleases } = await import(modulePath);
const releases = new ChannelReleases(directory, channel);
for (let version = Number(first); ; version += 1) {
  const files = Array.from({ length: 12 }, (_, at) => ({ name: `${at}.cf`, text: `# ${version}\n`.repeat(50) }));
  const facts = { version, installedAt: Date.now(), mirror: '', sha256: '', signer: null, signedAt: null };
  releases.tidy();
  releases.swap(releases.stage(files, { ...facts, files: files.length, rules: 1, leftOut: 0 }));
  process.stdout.write(`${version}\n`);
}
