// The `sealing` section: whether mail is sealed by ARC (RFC 8617) before it goes on, as which domain, with which key.
import { Type, type Static } from 'typebox';
import type { AttachedFiles } from '../config/attached.js';
import { section, type Objection, type Section, type SectionFile } from '../config/section.js';
import { readSealingKey } from '../filters/authentication/sealing-key.js';

const declared = section(
  'sealing',
  'ARC seals on mail that goes on: what was found when it came in, under our signature.',
  {
    when: Type.Union([Type.Literal('never'), Type.Literal('changed'), Type.Literal('always')], {
      default: 'never',
      description:
        'Which mail is sealed: changed = only what Weir changed beyond its own fields (subject, body, report); always = all that was authenticated.',
    }),
    domain: Type.String({
      default: '',
      maxLength: 253,
      pattern: '^[A-Za-z0-9._-]*$',
      description: 'Domain of the seal, in A-labels; its DNS holds the public key.',
    }),
    selector: Type.String({
      default: '',
      maxLength: 253,
      pattern: '^[A-Za-z0-9._-]*$',
      description: 'Selector of the key: its record is `<selector>._domainkey.<domain>`.',
    }),
    keyFile: Type.String({
      default: '',
      maxLength: 4_096,
      description: 'File with the private key (PEM, RSA or Ed25519), mode 0600; read at start and reload.',
    }),
  },
);

type Settings = Static<typeof declared.schema>;

/** The key's text. Throws an Error with the reason, and never anything of the key, where it cannot be read. */
export function sealingKeyText({ keyFile }: Settings, files: AttachedFiles): string {
  return files
    .read({ path: keyFile, suffix: '.pem' })
    .map(({ text }) => text)
    .join('');
}

/** What is wrong with the key, as the rest of "expected …", or null. */
function keyObjection(settings: Settings, files: AttachedFiles): string | null {
  let text: string;
  try {
    text = sealingKeyText(settings, files);
  } catch {
    // That it cannot be read here is told as a complaint, and refused where mail is sealed.
    return null;
  }
  try {
    readSealingKey(text, settings.keyFile);
    return null;
  } catch (error) {
    return `a key to sign with; ${error instanceof Error ? error.message : String(error)}`;
  }
}

export const sealingSection: Section<(typeof declared)['schema']> = {
  ...declared,
  files: ({ when, keyFile }): readonly SectionFile[] =>
    when === 'never' || keyFile === '' ? [] : [{ path: keyFile, suffix: '.pem', key: ['keyFile'], required: false }],
  check: (settings, files): readonly Objection[] => {
    if (settings.when === 'never') return [];
    const missing = (['domain', 'selector', 'keyFile'] as const).find((key) => settings[key] === '');
    if (missing !== undefined) return [{ path: [missing], expected: `a ${missing}, since sealing.when is not never` }];
    const expected = keyObjection(settings, files);
    return expected === null ? [] : [{ path: ['keyFile'], expected }];
  },
};

export type SealingSettings = Settings;
