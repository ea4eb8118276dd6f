// What the control socket offers on the record of greylisting, and what commands call directly when no server runs.
// Parameters come from outside and are checked; every change is audited.
import { Type } from 'typebox';
import {
  admitTriplet,
  forgetClient,
  forgetTriplets,
  listTriplets,
  passTriplets,
  type TripletFilter,
} from '../../filters/greylist/records.js';
import type { ControlMethods } from '../control.js';
import { method } from '../control-method.js';
import type { Stores } from '../stores.js';

const LIMIT_MAX = 1_000;
const IDS_MAX = 1_000;
const TEXT_MAX_CHARS = 1_000;
const KEEP_MAX_MS = 400 * 86_400_000;

const strict = { additionalProperties: false } as const;
const text = Type.String({ maxLength: TEXT_MAX_CHARS });
const ids = Type.Array(text, { maxItems: IDS_MAX });
const keepMs = Type.Integer({ minimum: 1, maximum: KEEP_MAX_MS });

const List = Type.Object(
  {
    filter: Type.Object(
      {
        state: Type.Enum(['waiting', 'passed', 'all']),
        client: Type.Optional(text),
        sender: Type.Optional(text),
        recipient: Type.Optional(text),
      },
      strict,
    ),
    limit: Type.Integer({ minimum: 1, maximum: LIMIT_MAX }),
  },
  strict,
);
const Pass = Type.Object({ ids, keepMs }, strict);
const Admit = Type.Object({ client: text, sender: text, recipient: text, keepMs }, strict);
const Forget = Type.Object({ ids, client: Type.Optional(text) }, strict);

/** `greylist.list`, `greylist.pass`, `greylist.admit`, `greylist.forget`. They reject where the state is away. */
export function greylistMethods(stores: Stores): ControlMethods {
  const audit = (deed: string, fields: object): void => stores.logger.info({ audit: deed, ...fields }, 'audit');
  return {
    'greylist.list': method(List, async ({ filter, limit }) =>
      listTriplets(await stores.state(), filter as TripletFilter, limit),
    ),
    'greylist.pass': method(Pass, async (params) => {
      const passed = await passTriplets(await stores.state(), params.ids, params.keepMs);
      audit('greylist.pass', { ids: passed });
      return passed;
    }),
    'greylist.admit': method(Admit, async ({ client, sender, recipient, keepMs: forMs }) => {
      const admitted = await admitTriplet(await stores.state(), { client, sender, recipient }, forMs);
      audit('greylist.admit', { client, sender, recipient, ...admitted });
      return admitted;
    }),
    'greylist.forget': method(Forget, async (params) => {
      const state = await stores.state();
      const gone = await forgetTriplets(state, params.ids);
      const client = params.client !== undefined && (await forgetClient(state, params.client));
      audit('greylist.forget', { ids: gone, ...(client && { client: params.client }) });
      return { ids: gone, client };
    }),
  };
}
