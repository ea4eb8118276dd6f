// The ordered list of stages. The order here is the order in which they run; a new stage is one line.
import type { StageModule } from '../pipeline/stage.js';
import { accessStage } from './access/stage.js';
import { antivirusStage } from './antivirus/stage.js';
import { attachmentsStage } from './attachments/stage.js';
import { authenticationStage } from './authentication/stage.js';
import { clientStage } from './client/stage.js';
import { conductStage } from './conduct/stage.js';
import { customStage } from './custom/stage.js';
import { greylistStage } from './greylist/stage.js';
import { limitsStage } from './limits/stage.js';
import { listsStage } from './lists/stage.js';
import { mcpStage } from './mcp/stage.js';
import { rulesStage } from './rules/stage.js';
import { senderStage } from './sender/stage.js';

export const STAGES: readonly StageModule[] = [
  limitsStage,
  authenticationStage,
  accessStage,
  clientStage,
  conductStage,
  senderStage,
  listsStage,
  customStage,
  mcpStage,
  attachmentsStage,
  antivirusStage,
  rulesStage,
  greylistStage,
];
