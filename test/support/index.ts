/** Face of what tests share. */
export type { Answer, FakeTaskOptions, SenseView } from './fake-task.js';
export { BusyUnit, startWork } from './busy-unit.js';
export { FakeTask, fakeNexus, send, viewSense } from './fake-task.js';
export {
  FakeDrive,
  fakeCartridge,
  fakeDriveRow,
  fakeGroup,
  fakeLibraryRow,
  makeFakeLibrary,
  openFakeLibrary,
} from './fake-library.js';
export type { FakeCartridge, FakeLibrary } from './fake-library.js';
export { top } from './top.js';
export type { Ready } from './daemon.js';
export { Daemon, mainModule, startDaemon } from './daemon.js';
export type { Ended } from './programs.js';
export { isInstalled, mustRun, runProgram } from './programs.js';
export { testWith } from './test-with.js';
export type { NdmjobAgent, NdmjobAuth, NdmjobPhase, NdmpVersionNumber } from './ndmjob.js';
export { agentText, buildNdmjobShim, Ndmjob, ndmjobProgram, NdmjobReport } from './ndmjob.js';
export { startNdmjobFiler } from './ndmjob-filer.js';
export { describeTree, makeTree } from './tree.js';
export type { NdmpReply, Posted } from './ndmp-client.js';
export { isAskedIn, NdmpClient, NdmpClientClosed, ndmpDigest } from './ndmp-client.js';
export type { BackedUp, Recovered } from './tree-work.js';
export { backUp, backupOf, everythingIn, inlineEngine, MemoryImage, nameTo, recover } from './tree-work.js';
export type { NdmpRoute, NdmpSaved } from './ndmp-jobs.js';
export { nameToRecover, ndmpBackup, ndmpRecover } from './ndmp-jobs.js';
export type { FakeMember } from './fake-trees.js';
export { FakeTrees } from './fake-trees.js';
export { MemoryNet } from './memory-net.js';
export { DelayedCrew } from './delayed-crew.js';
export { MemoryGroup } from './memory-group.js';
export { hex, senseText, TapeBench } from './tape-bench.js';
export type { BenchOptions } from './tape-bench.js';
export { tempFolder } from './temp-folder.js';
export type {
  Dice,
  DiskCall,
  DiskCallKind,
  DiskFault,
  Fate,
  LifeOptions,
  SimDiskOptions,
} from './sim-disk.js';
export { SimDisk } from './sim-disk.js';
export type { Dissection } from './dissector.js';
export { dissect, dissectNdmp } from './dissector.js';
export type { Passed } from './relay.js';
export { Relay } from './relay.js';
export { PlainUnit, plainIdentity } from './plain-unit.js';
export type { Ran } from './scsi.js';
export { ask, attached, MemoryPersistence, takeAttentions, whyOf } from './scsi.js';
export { FakeDisk, fakeBlockBytes } from './fake-disk.js';
export type { ReserveOutOptions, ThreeNexuses } from './reserve.js';
export {
  readKeys,
  readReservation,
  registerAndMove,
  RESERVE_ACTION,
  reserveOut,
  threeNexuses,
  transportId,
  withLength,
} from './reserve.js';
export type { GeneratedCommand, GeneratorOptions } from './cdb-generator.js';
export { cdbArbitrary, commandArbitrary } from './cdb-generator.js';
export type { CommandOptions, CommandResult, LoginOptions } from './initiator.js';
export { defaultIsid, Initiator } from './initiator.js';
export type { PduOptions, Received } from './pdu-peer.js';
export { is, makeHeader } from './pdu-peer.js';
export type { IscsiTarget, IscsiTargetOptions } from './iscsi-target.js';
export { HandClock, iscsiTarget, openAccess, targetName } from './iscsi-target.js';
export type { Cut } from './link-pair.js';
export { linkPair } from './link-pair.js';
export { tapeDocs, tapePage, writeTapePage } from './tape-docs.js';
export {
  inquiry,
  oneBlock,
  pattern,
  ping,
  read10,
  ready,
  sync,
  testUnitReady,
  write10,
} from './disk-script.js';
export {
  initiatorName,
  inSecurity,
  pairs,
  refused,
  statusOf,
  toFullFeature,
  toOperational,
  who,
} from './login-script.js';
export {
  breathe,
  changerName,
  driveName,
  NdmpBench,
  type NdmpBenchOptions,
  ndmpSecret,
  ndmpUser,
} from './ndmp-bench.js';
export { idleMover, ndmpSession, NdmpStandIn } from './ndmp-stand-in.js';
