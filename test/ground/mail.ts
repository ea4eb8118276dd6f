// Mails of our own making for the journeys, and what is compared at the far end: the trace fields that servers add in
// transit are told apart from what the sender wrote.

export interface MailParts {
  readonly subject?: string;
  readonly from?: string;
  readonly to?: string;
  /** Without angle brackets. */
  readonly messageId?: string;
  /** Whole header lines, without line ends. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

let count = 0;

/** A Message-ID that no other mail of this run has. */
export function nextId(): string {
  count += 1;
  return `${process.pid}.${Date.now()}.${count}@away.test`;
}

/** A plain mail with CRLF line ends. */
export function writeMail(parts: MailParts = {}): string {
  const lines = [
    `From: ${parts.from ?? 'Anna Away <anna@away.test>'}`,
    `To: ${parts.to ?? 'Hans House <hans@house.test>'}`,
    `Subject: ${parts.subject ?? 'Minutes of Thursday'}`,
    `Message-ID: <${parts.messageId ?? nextId()}>`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    ...(parts.headers ?? ['Content-Type: text/plain; charset=us-ascii']),
    '',
    parts.body ?? 'Dear Hans,\r\n\r\nthe minutes of Thursday follow tomorrow.\r\n\r\nAnna\r\n',
  ];
  return lines.join('\r\n');
}

/** A mail with one attachment in base64. */
export function writeAttachment(parts: MailParts, name: string, type: string, content: Buffer | string): string {
  const encoded = Buffer.from(content)
    .toString('base64')
    .replace(/(.{76})/g, '$1\r\n');
  const body = [
    '--edge',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    parts.body ?? 'see the attachment',
    '--edge',
    `Content-Type: ${type}; name="${name}"`,
    `Content-Disposition: attachment; filename="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    encoded,
    '--edge--',
    '',
  ];
  return writeMail({ ...parts, headers: ['Content-Type: multipart/mixed; boundary=edge'], body: body.join('\r\n') });
}

/** Header fields, folds kept, in order; and the body. */
export function splitMail(content: Buffer): { readonly fields: readonly string[]; readonly body: string } {
  const text = content.toString('latin1');
  const end = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n') + 2;
  const header = text.slice(0, end);
  const fields = header.split(/\r\n(?![ \t])/).filter(Boolean);
  return { fields, body: text.slice(end + 2) };
}

/** Values of all fields of that name, unfolded. */
export function fieldsNamed(content: Buffer, name: string): readonly string[] {
  const prefix = `${name.toLowerCase()}:`;
  const { fields } = splitMail(content);
  return fields
    .filter((field) => field.toLowerCase().startsWith(prefix))
    .map((field) => field.slice(prefix.length).replace(/\r\n/g, '').trim());
}

/** The mail without what was added in transit: Received and Return-Path fields, and those named besides. */
export function withoutTrace(content: Buffer, ...besides: readonly string[]): string {
  const added = ['received:', 'return-path:', ...besides.map((name) => `${name.toLowerCase()}:`)];
  const { fields, body } = splitMail(content);
  const kept = fields.filter((field) => !added.some((name) => field.toLowerCase().startsWith(name)));
  return `${kept.join('\r\n')}\r\n\r\n${body}`;
}
