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
export { welcomeGroup } from './group-verbs.js';
export { Groups, settingsOf } from './groups.js';
export type { WorkReport, WorkView } from './group-work.js';
export type { MakeKeeper, OpenStore } from './groups.js';
export type { Store } from './installed-group.js';
export { Installation } from './installation.js';
export { identityOfFiles } from './ndmp-certificate.js';
export type { MakeNdmpServer, NdmpRoot, NdmpServing, NdmpWorld } from './ndmp-face.js';
export { installationId } from './plugging.js';
export { portOfNdmp } from './ndmp-portals.js';
export { NdmpSite } from './ndmp-site.js';
export { Network } from './network.js';
export { catalogPath, defaultHome, dumpDatesFolder, forgetSocket, placeSocket } from './home.js';
export type { Parameter } from './parameter.js';
export { readParameters, typedName } from './parameter.js';
export type { ServedView } from './portal-verbs.js';
export { viewServed } from './portal-verbs.js';
export type { Failure, FailureCode, Reply, Success } from './protocol.js';
export { AdminError } from './protocol.js';
export type { StoreKind } from '#catalog';
export type { NdmpServeOptions, ServeOptions } from './serve-options.js';
export { storeKinds } from './serve-options.js';
export { AdminServer } from './server.js';
export { AdminService } from './service.js';
export { formatSize } from './size.js';
export type { Column, Verb, View } from './verb.js';
export { verbs } from './verbs.table.js';
