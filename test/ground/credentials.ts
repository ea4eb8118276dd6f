// Certificates and passwords for a private Postfix: a self-signed certificate by openssl, a Cyrus SASL password file by
// saslpasswd2. Everything lies below the test's directory; gives the main.cf settings that use it.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './packages.js';
import { mustRun } from './place.js';

/** Makes a certificate for that host name; gives the settings that offer STARTTLS with it. */
export async function offerStartTls(directory: string, host: string): Promise<Record<string, string>> {
  const key = join(directory, 'tls.key');
  const certificate = join(directory, 'tls.crt');
  const subject = ['-subj', `/CN=${host}`, '-days', '2'];
  const form = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    key,
    '-out',
    certificate,
  ];
  await mustRun('openssl', ['req', '-x509', ...form, ...subject]);
  return { smtpd_tls_security_level: 'may', smtpd_tls_cert_file: certificate, smtpd_tls_key_file: key };
}

/** What a Postfix needs so that people can log in: settings, and files below its configuration folder. */
export interface Login {
  readonly main: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

/** Makes a password file with one user, who may then log in as `user@realm` with AUTH PLAIN. */
export async function offerLogin(directory: string, realm: string, user: string, password: string): Promise<Login> {
  const database = join(directory, 'sasldb2');
  await mustRun(findProgram('saslpasswd2') ?? 'saslpasswd2', ['-p', '-c', '-f', database, '-u', realm, user], {
    input: password,
  });
  chmodSync(database, 0o644);
  const lines = [
    'pwcheck_method: auxprop',
    'auxprop_plugin: sasldb',
    `sasldb_path: ${database}`,
    'mech_list: PLAIN LOGIN',
  ];
  return {
    main: { smtpd_sasl_auth_enable: 'yes', smtpd_sasl_local_domain: realm },
    // Debian's Postfix looks for it in `sasl` below its own configuration folder.
    files: { 'sasl/smtpd.conf': `${lines.join('\n')}\n` },
  };
}
