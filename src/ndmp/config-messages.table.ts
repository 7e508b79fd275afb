/**
 * CONFIG (ndmp2.x, ndmp3.x, ndmp4.x; spec4 3.2). What names the server and how to authenticate is told to anybody; what lies
 * behind it, to those who have.
 */
import { ndmpConfigRowsMax, ndmpExtensionsMax } from '#limits';
import { AuthAttributeCodec } from './authentication.js';
import { error, message } from './message.js';
import { AddressType, AuthType, Environment, Name, Text } from './types.js';
import { array, type Infer, since, struct, u16, u32, u64, until } from './xdr.js';

const AuthTypes = array(AuthType, ndmpConfigRowsMax);

export const ButypeInfo = struct({ butypeName: Name, defaultEnv: Environment, attrs: u32 });
export type ButypeInfo = Infer<typeof ButypeInfo>;

export const FsInfo = struct({
  /** `invalid` in version 3: bits of FS_INFO_UNSUPPORTED. */
  unsupported: u32,
  fsType: Name,
  fsLogicalDevice: Text,
  fsPhysicalDevice: Text,
  totalSize: u64,
  usedSize: u64,
  availSize: u64,
  totalInodes: u64,
  usedInodes: u64,
  fsEnv: Environment,
  fsStatus: Text,
});
export type FsInfo = Infer<typeof FsInfo>;

export const DeviceInfo = struct({
  model: Name,
  caplist: array(struct({ device: Name, attr: u32, capability: Environment }), ndmpConfigRowsMax),
});
export type DeviceInfo = Infer<typeof DeviceInfo>;
const DeviceInfos = array(DeviceInfo, ndmpConfigRowsMax);

export const configMessages = {
  configGetHostInfo: message({
    title: 'CONFIG_GET_HOST_INFO',
    code: 0x100,
    needs: 'connected',
    request: {},
    reply: {
      error,
      hostname: Name,
      osType: Name,
      osVers: Name,
      hostid: Name,
      authTypes: until(2, AuthTypes),
    },
  }),
  configGetButypeAttr: message({
    title: 'CONFIG_GET_BUTYPE_ATTR',
    code: 0x101,
    versions: [2],
    needs: 'connected',
    request: { name: Name },
    reply: { error, attrs: u32 },
  }),
  /** CONFIG_GET_MOVER_TYPE in version 2. */
  configGetConnectionType: message({
    title: 'CONFIG_GET_CONNECTION_TYPE',
    code: 0x102,
    needs: 'connected',
    request: {},
    reply: { error, addrTypes: array(AddressType, ndmpConfigRowsMax) },
  }),
  configGetAuthAttr: message({
    title: 'CONFIG_GET_AUTH_ATTR',
    code: 0x103,
    needs: 'connected',
    request: { authType: AuthType },
    reply: { error, serverAttr: AuthAttributeCodec },
  }),
  configGetButypeInfo: message({
    title: 'CONFIG_GET_BUTYPE_INFO',
    code: 0x104,
    versions: [3, 4],
    needs: 'connected',
    request: {},
    reply: { error, butypeInfo: array(ButypeInfo, ndmpConfigRowsMax) },
  }),
  configGetFsInfo: message({
    title: 'CONFIG_GET_FS_INFO',
    code: 0x105,
    versions: [3, 4],
    request: {},
    reply: { error, fsInfo: array(FsInfo, ndmpConfigRowsMax) },
  }),
  configGetTapeInfo: message({
    title: 'CONFIG_GET_TAPE_INFO',
    code: 0x106,
    versions: [3, 4],
    request: {},
    reply: { error, tapeInfo: DeviceInfos },
  }),
  configGetScsiInfo: message({
    title: 'CONFIG_GET_SCSI_INFO',
    code: 0x107,
    versions: [3, 4],
    request: {},
    reply: { error, scsiInfo: DeviceInfos },
  }),
  configGetServerInfo: message({
    title: 'CONFIG_GET_SERVER_INFO',
    code: 0x108,
    versions: [3, 4],
    needs: 'connected',
    request: {},
    reply: {
      error,
      vendorName: Name,
      productName: Name,
      revisionNumber: Name,
      authTypes: since(3, AuthTypes),
    },
  }),
  configSetExtList: message({
    title: 'CONFIG_SET_EXT_LIST',
    code: 0x109,
    versions: [4],
    needs: 'connected',
    /** The draft's shape: one version for each class. ndmp4.x of NDMJOB has another, and never sends it. */
    request: { selectedExt: array(struct({ classId: u16, version: u16 }), ndmpExtensionsMax) },
    reply: { error },
  }),
  configGetExtList: message({
    title: 'CONFIG_GET_EXT_LIST',
    code: 0x10a,
    versions: [4],
    needs: 'connected',
    request: {},
    reply: {
      error,
      classList: array(struct({ classId: u16, versions: array(u16, ndmpExtensionsMax) }), ndmpExtensionsMax),
    },
  }),
};
