// Every section of the configuration, in the order of the reference and the sample. A new section is one line here; the
// stages bring theirs through filters/index.ts.
import type { Section } from '../config/section.js';
import { STAGES } from '../filters/index.js';
import { forwardingSection } from '../gateway/forward-settings.js';
import { encapsulationSection, marksSection } from '../gateway/mark-settings.js';
import { noticesSection } from '../gateway/notice-settings.js';
import { sealingSection } from '../gateway/sealing-settings.js';
import { directionsSection } from '../gateway/settings.js';
import { logSection } from '../logs/settings.js';
import { MILTER_SECTION } from '../milter/settings.js';
import { outboxSection } from '../outbox/settings.js';
import { pipelineSection, verdictSection } from '../pipeline/settings.js';
import { stageSection } from '../pipeline/stage-section.js';
import { POLICY_SECTION } from '../policy/settings.js';
import { quarantineSection } from '../quarantine/settings.js';
import { SCREEN_SECTION } from '../screen/settings.js';
import { stateSection } from '../state/settings.js';
import { countriesSection } from './countries-settings.js';
import { processesSection } from './processes-settings.js';
import { resolverSection } from './resolver-settings.js';
import { storageSection } from './storage-settings.js';

/** The sections that are no stage's. */
export const HOUSE_SECTIONS: readonly Section[] = [
  MILTER_SECTION,
  POLICY_SECTION,
  SCREEN_SECTION,
  directionsSection,
  countriesSection,
  pipelineSection,
  verdictSection,
  marksSection,
  encapsulationSection,
  sealingSection,
  noticesSection,
  forwardingSection,
  quarantineSection,
  outboxSection,
  logSection,
  storageSection,
  stateSection,
  resolverSection,
  processesSection,
];

/** All sections. */
export const SECTIONS: readonly Section[] = [...HOUSE_SECTIONS, ...STAGES.map(({ spec }) => stageSection(spec))];
