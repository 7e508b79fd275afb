/** Face of the NDMP server. */
export { type AddressPolicy, addressPolicy, type PolicyOptions, type SessionEnds } from './address-policy.js';
export { md5Digest } from './connect-service.js';
export type { ChangerDevice, NdmpDevice, NdmpDevices, TapeDevice } from './devices.js';
export { DumpDates } from './dump-dates.js';
export type { NdmpRoot } from './data-roots.js';
export { NdmpError, ndmpStatuses } from './errors.table.js';
export type { NdmpErrorName, NdmpStatus } from './errors.table.js';
export { explainMessage } from './explain.js';
export {
  BUTYPE_V2,
  BUTYPE_V3,
  BUTYPE_V4,
  DATA_UNSUPPORTED,
  FILE_STAT_UNSUPPORTED,
  FS_INFO_UNSUPPORTED,
  SCSI_FLAG,
  TAPE_ATTRIBUTE,
  TAPE_FLAG,
  TAPE_UNSUPPORTED,
} from './flags.table.js';
export { Header, headerBytes, parseMessage } from './header.js';
export type { NdmpHeader } from './header.js';
export {
  codeIn,
  decodeReply,
  decodeRequest,
  encodePost,
  encodeRefusal,
  encodeReply,
  encodeRequest,
  isPost,
  isRequest,
  messageNames,
  messageOf,
  MESSAGES,
  rowOf,
} from './messages.js';
export type { MessageName, PostName, PostOf, ReplyOf, RequestName, RequestOf } from './messages.js';
export { framed, RecordFramer } from './record-framer.js';
export type { MessageReceiver } from './record-framer.js';
export type { Answer, Message, Needs, Slices } from './message.js';
export { XdrError, XdrReader, XdrWriter } from './xdr.js';
export type { NdmpVersion, Xdr } from './xdr.js';
export type { MoverView } from './mover.js';
export { type NdmpPortalSpec, NdmpServer } from './server.js';
export type {
  DataView,
  NdmpAccess,
  NdmpArrival,
  NdmpPortalView,
  DataOptions,
  NdmpServerOptions,
  NdmpSessionView,
  PortRange,
  ServerIdentity,
} from './server-options.js';
export type { SessionContext } from './session.js';
