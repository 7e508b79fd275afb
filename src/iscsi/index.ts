/** Face of the iSCSI target layer. */
export type { AccessPolicy, DiscoveryPolicy } from './access-policy.js';
export { CHAP_ALGORITHMS, chapResponse, type ChapCredentials } from './chap.js';
export { KEYS, type KeyName, type KeyRow } from './keys.table.js';
export type { FieldsOf, LoginStatus, Pdu, PduName, RejectReason, TaskResponse } from './pdu.table.js';
export {
  ahsBytesMax,
  ASYNC_EVENT,
  ATTRIBUTE,
  bhsBytes,
  LOGIN_STATUS,
  LOGOUT_REASON,
  LOGOUT_RESPONSE,
  noTag,
  PDU,
  REJECT,
  STAGE,
  TASK_FUNCTION,
  TASK_RESPONSE,
} from './pdu.table.js';
export type { PortalSpec, PortalView } from './portal.js';
export { IscsiServer, type IscsiServerOptions, type SessionView } from './server.js';
export type { TargetSpec } from './target-node.js';
export { formatText, parseText, type Pair } from './text.js';
