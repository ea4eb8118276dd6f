// A world for the stage `lists`: a scripted DNS server that plays lists, the real resolver asking it, alerts kept. Takes
// what lists say, gives stages made on it; everything is closed by `stop`.
import { afterAll } from 'vitest';
import { FILES_ON_DISK } from '../../../config/attached.js';
import { listsStage } from '../../../filters/lists/stage.js';
import { listsSettings, type ListsSettings, type SiteSettings } from '../../../filters/lists/settings.js';
import { createResolver, type DnsResolver, type ResolverOptions } from '../../../outside/dns-resolver.js';
import { systemClock } from '../../../outside/clock.js';
import type { Finding } from '../../../pipeline/finding.js';
import type { Stage, StageReport } from '../../../pipeline/stage.js';
import { Value } from 'typebox/value';
import { startScriptedDns, type ScriptedDns, type Zone } from '../../ground/scripted-dns.js';
import { makeTransaction } from '../../ground/transaction.js';
import { makeJob, mail, runStage, type RaisedAlert } from '../message-job.js';

/** Zone file of a list by addresses whose test entries are as RFC 5782 wants them. `listed` by reversed address. */
export function addressList(zone: string, listed: Readonly<Record<string, readonly string[]>>): Zone {
  return zoneOf(zone, { '2.0.0.127': ['127.0.0.2'], ...listed });
}

/** The same by domains. */
export function domainList(zone: string, listed: Readonly<Record<string, readonly string[]>>): Zone {
  return zoneOf(zone, { test: ['127.0.0.2'], ...listed });
}

export function zoneOf(zone: string, listed: Readonly<Record<string, readonly string[]>>): Zone {
  return Object.fromEntries(Object.entries(listed).map(([label, A]) => [`${label}.${zone}`, { A }]));
}

export interface ListGround {
  readonly dns: ScriptedDns;
  readonly resolver: DnsResolver;
  readonly alerts: RaisedAlert[];
  /** Makes a stage with these lists; `list` alone asks about the client. */
  stage(sites: readonly (string | Partial<SiteSettings>)[], more?: Partial<ListsSettings>): Promise<Stage>;
  /** The newest word on an alert: raised, with what detail; null when cleared or never spoken of. */
  raised(code: string): string | null;
}

/** Starts a server that knows these names; stopped after the tests of the file. */
export async function startLists(zone: Zone, options: Partial<ResolverOptions> = {}): Promise<ListGround> {
  const dns = await startScriptedDns(zone);
  const resolver = createResolver({ servers: [dns.address], timeoutMs: 1_500, ...options }, { clock: systemClock });
  const alerts: RaisedAlert[] = [];
  const stages: Stage[] = [];
  afterAll(async () => {
    for (const stage of stages) await stage.close?.();
    resolver.close();
    await dns.stop();
  });
  const outside = {
    clock: systemClock,
    resolver,
    countries: null,
    state: null,
    alert: (code: string, raised: boolean, detail: string) => void alerts.push({ code, raised, detail }),
  };
  return {
    dns,
    resolver,
    alerts,
    stage: async (sites, more = {}) => {
      const settings = makeSettings(sites, more);
      const stage = await listsStage.create(settings, outside, FILES_ON_DISK);
      stages.push(stage);
      return stage;
    },
    raised: (code) => {
      const last = alerts.findLast((alert) => alert.code === code);
      return last?.raised === true ? last.detail : null;
    },
  };
}

/** Settings with their defaults but for these. */
export function makeSettings(
  sites: readonly (string | Partial<SiteSettings>)[],
  more: Partial<ListsSettings> = {},
): ListsSettings {
  const full = sites.map((site): SiteSettings => {
    const given = typeof site === 'string' ? { list: site } : site;
    return { list: '', ask: ['client'], ...given };
  });
  return { ...Value.Create(listsSettings), sites: full, ...more };
}

/** One mail as the stage sees it. */
export interface Given {
  readonly client?: string | null;
  readonly helo?: string;
  readonly mailFrom?: string;
  readonly lines?: readonly string[];
  readonly timeMs?: number;
}

/** What the stage reports of a mail from that client. */
export function report(stage: Stage, given: Given = {}): Promise<StageReport> {
  const raw = mail(...(given.lines ?? ['From: a@outside.test', 'Subject: x', '', 'text', '']));
  const job = makeJob(raw, { timeMs: given.timeMs ?? 10_000 });
  const connection = {
    clientAddress: given.client === undefined ? '203.0.113.9' : given.client,
    helo: given.helo ?? 'client.example',
  };
  const transaction = makeTransaction(raw, {
    connection,
    ...(given.mailFrom !== undefined && { mailFrom: given.mailFrom }),
  });
  return runStage(stage, { ...job, transaction });
}

/** `ID score`, in order. */
export const briefly = ({ findings }: StageReport): readonly string[] =>
  findings.map(({ id, score }) => `${id} ${score}`);

export function findingOf({ findings }: StageReport, id: string): Finding {
  const found = findings.find((finding) => finding.id === id);
  if (!found) throw new Error(`no ${id} among ${findings.map((finding) => finding.id).join(', ')}`);
  return found;
}
