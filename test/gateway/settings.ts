// Settings of the gateway for its tests: the defaults, with what a test wants otherwise.
import { Value } from 'typebox/value';
import { forwardingSection, type ForwardingSettings } from '../../gateway/forward-settings.js';
import {
  encapsulationSection,
  marksSection,
  type EncapsulationSettings,
  type MarksSettings,
} from '../../gateway/mark-settings.js';
import type { MarkSettings } from '../../gateway/marks.js';
import { noticesSection, type NoticeKind, type NoticesSettings } from '../../gateway/notice-settings.js';

export function markSettings(
  fields: {
    readonly headers?: MarkSettings['headers'];
    readonly marks?: Partial<MarksSettings>;
    readonly encapsulation?: Partial<EncapsulationSettings>;
  } = {},
): MarkSettings {
  const marks = Value.Default(marksSection.schema, {}) as MarksSettings;
  const encapsulation = Value.Default(encapsulationSection.schema, {}) as EncapsulationSettings;
  return {
    headers: fields.headers ?? 'all',
    marks: { ...marks, ...fields.marks },
    encapsulation: { ...encapsulation, ...fields.encapsulation },
  };
}

/** With the notices named switched on, and their templates where given; all others off. */
export function noticesSettings(
  on: Partial<Record<NoticeKind, { readonly subject?: string; readonly text?: string }>>,
  fields: Partial<NoticesSettings> = {},
): NoticesSettings {
  const defaults = Value.Default(noticesSection.schema, {}) as NoticesSettings;
  const off = { ...defaults.recipientOnAttachment, enabled: false };
  const chosen = Object.entries(on).map(([kind, template]) => [
    kind,
    { ...defaults[kind as NoticeKind], enabled: true, ...template },
  ]);
  return { ...defaults, recipientOnAttachment: off, ...fields, ...Object.fromEntries(chosen) } as NoticesSettings;
}

export function forwardingSettings(fields: Partial<ForwardingSettings> = {}): ForwardingSettings {
  return { ...(Value.Default(forwardingSection.schema, {}) as ForwardingSettings), ...fields };
}
