/** Face of administration. */
export { formatAddress, parseAddress } from './address.js';
export { AdminClient } from './client.js';
export type {
  ChangerFace,
  Factory,
  PersonalityView,
  TapeFace,
  TapeLibrary,
  TargetServer,
} from './factory.js';
export { failureOf } from './faults.table.js';
export { makeFirstLibrary } from './first-start.js';
export { Installation } from './installation.js';
export { Network } from './network.js';
export { catalogPath, defaultHome, forgetSocket, placeSocket, storePath } from './home.js';
export type { Parameter } from './parameter.js';
export { readParameters, typedName } from './parameter.js';
export type { ServedView } from './portal-verbs.js';
export { viewServed } from './portal-verbs.js';
export type { Failure, FailureCode, Reply, Success } from './protocol.js';
export { AdminError } from './protocol.js';
export type { ServeOptions, StoreKind } from './serve-options.js';
export { storeKinds } from './serve-options.js';
export { AdminServer } from './server.js';
export { AdminService } from './service.js';
export { formatSize } from './size.js';
export type { Column, Verb, View } from './verb.js';
export { verbs } from './verbs.table.js';
