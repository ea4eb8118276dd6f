// Many mails at once through one SMTP port: a fixed number of sessions, each handing in mails one after the other.
import { SmtpClient, type ClientMail, type ClientReply } from './smtp-client.js';

/** Hands in every mail, `atOnce` sessions at a time; gives the deciding reply of each, in the order of the mails. */
export async function deliverMany(
  port: number,
  mails: readonly ClientMail[],
  atOnce: number,
): Promise<readonly ClientReply[]> {
  const replies: ClientReply[] = [];
  let next = 0;
  const session = async (): Promise<void> => {
    const client = await SmtpClient.open(port);
    for (let index = next++; index < mails.length; index = next++) {
      const mail = mails[index];
      if (mail !== undefined) replies[index] = (await client.deliver(mail)).last;
    }
    await client.quit();
  };
  await Promise.all(Array.from({ length: atOnce }, session));
  return replies;
}
