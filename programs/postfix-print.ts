// Writes the lines for Postfix as text that can be pasted into main.cf and master.cf, each setting under its reason.
import { printFront } from './postfix-front.js';
import { mainLines, type PostfixSite } from './postfix-lines.js';
import { nameListener, releaseOptions } from './postfix-listener.js';

/** The whole text, with a newline at the end. */
export function printLines(site: PostfixSite): string {
  return `${[...printSocket(site), ...printMain(site), ...printMaster(site), ...printLast(site)].join('\n')}\n`;
}

/** A UNIX socket must lie where Postfix's chroot sees it, and let Postfix's group in. */
function printSocket(site: PostfixSite): string[] {
  if (!site.milter.startsWith('unix:')) return adviseSocket(site);
  const path = site.milter.slice('unix:'.length);
  const folder = path.slice(0, path.lastIndexOf('/'));
  const inside = path.startsWith(`${site.queueDirectory}/`);
  const group = site.socketGroup === '' ? 'postfix' : site.socketGroup;
  const opening = inside
    ? `# Weir listens on ${path}, which is below Postfix's chroot ${site.queueDirectory}.`
    : `# WARNING: Weir listens on ${path}, which is not below ${site.queueDirectory}: a chrooted Postfix, as Debian's is, cannot see it.`;
  return [
    opening,
    '# Its folder, made once (USER is the user Weir runs as, root where processes.user is not set):',
    `#   install -d -o USER -g ${group} -m 2710 ${folder}`,
    `# The socket belongs to group ${group}, mode 0660: only Postfix and Weir get at it.`,
    '',
  ];
}

/** Over TCP it works as well; a socket in the chroot is closed to other users of the machine, and quicker. */
function adviseSocket(site: PostfixSite): string[] {
  const path = `${site.queueDirectory}/weir/milter.sock`;
  return [
    `# Weir listens on ${site.milter}: any user of this machine can talk to it there. Closed to them, and quicker, is a UNIX`,
    "# socket inside Postfix's chroot. To change over, write into weir.yaml, and run `weir postfix` again:",
    '#   milter:',
    `#     listen: ["unix:${path}"]`,
    '#     socketGroup: postfix',
    '',
  ];
}

function printMain(site: PostfixSite): string[] {
  const lines = mainLines(site).flatMap((line) => {
    const since = line.since === undefined ? '' : ` Known since Postfix ${line.since}.`;
    return [`# ${sentence(line.why)}${since}`, `${line.name} = ${line.value}`, ''];
  });
  return ['# ---- main.cf', '', ...lines];
}

function printMaster(site: PostfixSite): string[] {
  const options = releaseOptions();
  const reasons = options.map((option) => `#   ${option.name}: ${option.why}.`);
  const settings = options.map((option) => `  -o ${option.name}=${option.value}`);
  return [
    '# ---- master.cf',
    '',
    ...(site.front === null ? [] : printFront(site.front)),
    '# Where Weir hands in what it releases: bound to this machine, filtered by nothing, and closed to everybody else.',
    ...reasons,
    `${nameListener(site)} inet n - y - - smtpd`,
    ...settings,
    '',
    '# On listeners for your own users (submission, smtps), add this, so that Weir tells sent mail from received:',
    '#   -o milter_macro_daemon_name=ORIGINATING',
    '',
  ];
}

function printLast(site: PostfixSite): string[] {
  return [
    '# ---- then',
    '',
    `# message_size_limit must not be over ${site.messageMaxBytes} bytes (the largest mail Weir takes whole), and not 0.`,
    '# Weir tells Postfix itself which macros it wants: the milter_*_macros settings stay as they are.',
    '#   postfix check && postfix reload && weir postfix check',
  ];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
