// The alert for stages that break: raised when one does, cleared when every one that did has worked again, at the same
// moment of the dialogue: a stage may work on messages and not on recipients.
import type { BrokenStage } from '../pipeline/stage-run.js';
import type { Moment } from '../pipeline/stage.js';

export class StageWatch {
  readonly #broken = new Set<string>();

  constructor(private readonly alert: (code: string, raised: boolean, detail: string) => void) {}

  /** What one run showed; `worked` names the stages that ran, the broken ones may be among them. */
  see(moment: Moment | 'refused' | 'end', broken: readonly BrokenStage[], worked: readonly string[]): void {
    for (const { stage, reason } of broken) {
      this.#broken.add(`${stage} ${moment}`);
      this.alert('stage-broken', true, `${stage}: ${reason}`);
    }
    if (broken.length > 0 || this.#broken.size === 0) return;
    for (const stage of worked) this.#broken.delete(`${stage} ${moment}`);
    if (this.#broken.size === 0) this.alert('stage-broken', false, 'every stage works again');
  }
}
