/** DATA requests, and what CONFIG says of the data service: between what travels and the service. */
import type { DataService } from './data-service.js';
import { butypeAttributes, butypes } from './data-types.js';
import { NdmpError } from './errors.table.js';
import { offeredExtensions } from './extensions.js';
import type { ReplyOf, RequestName, RequestOf } from './messages.js';
import type { AddressType } from './types.js';
import type { NdmpVersion } from './xdr.js';

type DataName =
  | Extract<RequestName, `data${string}`>
  | 'configGetButypeAttr'
  | 'configGetButypeInfo'
  | 'configGetFsInfo'
  | 'configGetConnectionType'
  | 'configGetExtList'
  | 'configSetExtList';
interface SessionOfData {
  readonly data: DataService;
  readonly version: NdmpVersion;
}
type DataHandlers = {
  readonly [K in DataName]: (
    session: SessionOfData,
    request: RequestOf<K>,
  ) => ReplyOf<K> | Promise<ReplyOf<K>>;
};

export const dataHandlers: DataHandlers = {
  dataGetState: async ({ data }) => await data.getState(),
  dataListen: async ({ data }, { addrType }) => ({ dataConnectionAddr: await data.listen(addrType) }),
  dataConnect: async ({ data }, { addr }) => await done(data.connect(addr)),
  dataStartBackup: async ({ data }, request) => await done(data.startBackup(request)),
  dataStartRecover: async ({ data }, request) => await done(data.startRecover(request)),
  dataStartRecoverFilehist: async ({ data }, request) => await done(data.startRecoverFilehist(request)),
  dataGetEnv: ({ data }) => ({ env: data.getEnv() }),
  dataAbort: async ({ data }) => await done(data.abort()),
  dataStop: async ({ data }) => await done(data.stop()),

  configGetButypeAttr({ data, version }, { name }) {
    if (!data.formats.some((format) => format === name))
      throw new NdmpError('illegal-args', `There is no backup type "${name}"`);
    return { attrs: butypeAttributes[version] };
  },
  configGetButypeInfo: ({ data, version }) => ({ butypeInfo: butypes(data.formats, version) }),
  configGetFsInfo: async ({ data }) => ({ fsInfo: await data.fileSystems() }),
  configGetConnectionType: ({ data }) => ({ addrTypes: connectionTypes(data) }),
  configGetExtList: () => ({ classList: offeredExtensions }),
  configSetExtList({ data }, { selectedExt }) {
    data.extensions.choose(selectedExt);
    return {};
  },
};
async function done(work: Promise<void>): Promise<object> {
  await work;
  return {};
}
const connectionTypes = ({ extensions }: DataService): readonly AddressType[] =>
  extensions.hasConnectionAddresses ? ['local', 'tcp', 'tcp-ipv6'] : ['local', 'tcp'];
