// The ARC seal of one delivery (RFC 8617 §5.1): over the bytes as they leave, with every edit made. Takes the message,
// its edits and what authentication stated of it; gives further edits, or none where nothing is to be sealed.
import { statSync } from 'node:fs';
import type { Configuration } from '../config/load.js';
import { createSealer, type Sealer } from '../filters/authentication/seal.js';
import type { Edit } from '../pipeline/answer.js';
import { applyEdits } from '../pipeline/edits.js';
import type { SealBasis } from '../pipeline/stage.js';
import { sealingKeyText, sealingSection } from './sealing-settings.js';

/** Mode bits of others than the owner. */
const MODE_OTHERS = 0o077;

/** Seals under one version of the settings. */
export interface Sealing {
  /** `basis` null: nothing was authenticated, so nothing can be stated. */
  seal(content: Buffer, edits: readonly Edit[], basis: SealBasis | null, nowMs: number): readonly Edit[];
}

export const NO_SEALING: Sealing = { seal: () => [] };

/**
 * The sealing that the settings ask for. Throws an Error that names the file when the key cannot be read; raises or
 * clears the alert `sealing-key-open`.
 */
export function buildSealing(
  configuration: Configuration,
  alert: (code: string, raised: boolean, detail: string) => void,
): Sealing {
  const settings = configuration.section(sealingSection);
  if (settings.when === 'never') return NO_SEALING;
  const { domain, selector, keyFile, when } = settings;
  let privateKeyPem: string;
  try {
    privateKeyPem = sealingKeyText(settings, configuration.attached);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`sealing.keyFile ${keyFile}: ${why}`, { cause: error });
  }
  tellOpenKey(keyFile, alert);
  return makeSealing(createSealer({ domain, selector, privateKeyPem, keyFile }), when);
}

/** For tests too: a sealing on a sealer at hand. */
export function makeSealing(sealer: Sealer, when: 'changed' | 'always'): Sealing {
  return {
    seal(content, edits, basis, nowMs) {
      if (basis === null || (when === 'changed' && !edits.some(isChange))) return [];
      return sealer.seal(applyEdits(content, edits), basis, nowMs);
    },
  };
}

/** An edit that another's signature may have covered: the body, a field that was there, a field that readers are shown. */
function isChange(edit: Edit): boolean {
  switch (edit.kind) {
    case 'replace-body':
    case 'change-header':
      return true;
    case 'delete-header':
    case 'add-header':
    case 'prepend-header':
      return !/^(?:x-spam-|authentication-results$)/i.test(edit.name);
    default:
      return false;
  }
}

function tellOpenKey(keyFile: string, alert: (code: string, raised: boolean, detail: string) => void): void {
  const mode = statSync(keyFile, { throwIfNoEntry: false })?.mode;
  // Read by a process with more rights than this one, which may not even look at it: then it is not open to all.
  if (mode === undefined) return;
  const isOpen = (mode & MODE_OTHERS) !== 0;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  alert('sealing-key-open', isOpen, `${keyFile} has mode ${shown}`);
}
