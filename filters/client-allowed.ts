// Whether a rule of the block and allow lists vouches for the client itself. What must not be spared by rules on senders
// and recipients (anybody can claim those) asks here.
import type { EarlyJob, EarlyReport, StageReport } from '../pipeline/stage.js';

/** The stage that reads those rules. */
export const ACCESS = 'access';

/** Only rules on addresses and networks can speak at the connect: what was spared then was spared for the client. */
export function isClientAllowed(job: EarlyJob): boolean {
  return job.results(ACCESS).some((report) => {
    const moment = (report as StageReport & Partial<EarlyReport>).moment ?? job.moment;
    return moment === 'connect' && report.exempts?.some(({ check }) => check === 'restriction') === true;
  });
}
