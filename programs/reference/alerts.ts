// The reference of the alerts: the one catalogue of what an operator is told, and what to do about each.
import { ALERTS } from '../../logs/alerts.js';
import { code, writePage, writeTable } from './markdown.js';

/** docs/reference/alerts.md */
export function writeAlerts(): string {
  const rows = Object.entries(ALERTS).map(([name, { meaning, action }]) => [code(name), meaning, action]);
  return writePage('Alerts', [
    'Each is raised and cleared by itself; those raised now are in `weir doctor` and in the text log.',
    writeTable(['Alert', 'Meaning', 'What to do'], rows),
  ]);
}
