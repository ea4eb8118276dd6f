// An independent signer and verifier of DKIM and ARC: dkimpy, of Debian's package python3-dkim, in a process of its own.
// Takes a batch of tasks, gives one answer each; asks no DNS, since the keys come with the task.
import { spawnSync } from 'node:child_process';

/** Debian's own interpreter: the package is there and nowhere else. */
const PYTHON = '/usr/bin/python3';
const TIMEOUT_MS = 60_000;

/** Messages and records as latin1. */
export type DkimpyTask =
  | {
      readonly do: 'sign';
      readonly message: string;
      readonly domain: string;
      readonly selector: string;
      /** PEM for RSA, base64 of the 32 bytes for Ed25519. */
      readonly key: string;
      readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
      /** `relaxed/simple` and so on. */
      readonly canonicalisation: string;
      readonly headers?: readonly string[];
      readonly length?: boolean;
    }
  | {
      readonly do: 'seal';
      readonly message: string;
      readonly domain: string;
      readonly selector: string;
      readonly key: string;
      readonly authservId: string;
    }
  | {
      readonly do: 'verify' | 'verify-arc';
      readonly message: string;
      /** Name → text of the key record. */
      readonly keys: Readonly<Record<string, string>>;
    };

const SCRIPT = `
import sys, json, dkim

def keys_of(task):
    keys = {name.encode().lower(): text.encode('latin1') for name, text in task['keys'].items()}
    return lambda name, timeout=5: keys.get(name.rstrip(b'.').lower())

def do(task):
    message = task['message'].encode('latin1')
    kind = task['do']
    if kind == 'sign':
        header, body = task['canonicalisation'].encode().split(b'/')
        given = task.get('headers')
        names = None if given is None else [name.encode() for name in given]
        made = dkim.sign(message, task['selector'].encode(), task['domain'].encode(), task['key'].encode(),
            canonicalize=(header, body), signature_algorithm=task['algorithm'].encode(), include_headers=names,
            length=bool(task.get('length')))
        return made.decode('latin1')
    if kind == 'seal':
        made = dkim.arc_sign(message, task['selector'].encode(), task['domain'].encode(), task['key'].encode(),
            task['authservId'].encode())
        return b''.join(made).decode('latin1')
    if kind == 'verify':
        return 'pass' if dkim.verify(message, dnsfunc=keys_of(task)) else 'fail'
    cv, results, reason = dkim.arc_verify(message, dnsfunc=keys_of(task))
    return (cv or b'none').decode()

def guarded(task):
    try:
        return do(task)
    except Exception as error:
        return 'error: ' + type(error).__name__ + ': ' + str(error)

json.dump([guarded(task) for task in json.load(sys.stdin)], sys.stdout)
`;

/** Runs the tasks in order. Signers give the header fields to put on top; verifiers `pass`, `fail` or `none`; or `error: …`. */
export function runDkimpy(tasks: readonly DkimpyTask[]): readonly string[] {
  const result = spawnSync(PYTHON, ['-c', SCRIPT], {
    input: JSON.stringify(tasks),
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: 256 * 1_048_576,
  });
  if (result.status !== 0) throw new Error(`dkimpy ended: ${result.stderr || String(result.error)}`);
  return JSON.parse(result.stdout) as string[];
}
