// The MTA's certificate as the dummy engine shows it: files as settings name them, and the context that TLS takes.
import { createSecureContext, type SecureContext } from 'node:tls';
import type { AttachedFiles, NamedFile } from '../config/attached.js';

/** The settings that name the files. */
export interface CertificateFiles {
  readonly tlsCertificateFile: string;
  readonly tlsKeyFile: string;
}

/** The files that are set, and the key that names each. */
export function tlsFiles(settings: CertificateFiles): readonly { readonly key: string; readonly named: NamedFile }[] {
  return (['tlsCertificateFile', 'tlsKeyFile'] as const)
    .filter((key) => settings[key] !== '')
    .map((key) => ({ key, named: { path: settings[key], suffix: '.pem' } }));
}

/** Null when no certificate is set. Throws when a file cannot be read, is no PEM, or both do not belong together. */
export function tlsContext(settings: CertificateFiles, files: AttachedFiles): SecureContext | null {
  const texts = tlsFiles(settings).map(({ named }) =>
    files
      .read(named)
      .map(({ text }) => text)
      .join('\n'),
  );
  const [cert, key] = texts;
  if (cert === undefined || key === undefined) return null;
  return createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
}
