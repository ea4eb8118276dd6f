// How a property of characters (`\p{…}`) may be called where JavaScript knows it, from how Perl calls it.

/** Perl's names of properties that are written otherwise here. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['alpha', 'Alphabetic'],
  ['upper', 'Uppercase'],
  ['lower', 'Lowercase'],
  ['space', 'White_Space'],
  ['digit', 'Nd'],
  ['punct', 'P'],
]);

/** Names to try in their order: as written, without `Is`, as a script, as a name of Perl's own. */
export function propertyForms(name: string): readonly string[] {
  const bare = name.replace(/^Is_?/i, '');
  const own = NAMES.get(bare.toLowerCase());
  return [name, bare, `Script=${bare}`, ...(own === undefined ? [] : [own])];
}
