/** Face of the store. */
export type {
  DamagedRange,
  Expectation,
  PaceOptions,
  ReadableStream,
  Space,
  StorageGroup,
  Stream,
  StreamShape,
  VerifyReport,
  Volume,
  VolumeView,
} from './store.js';
export { DedupGroup } from './dedup-group.js';
export type { DedupGroupOptions, PointInTime } from './dedup-group.js';
export type { CollectionOptions, CollectionReport } from './engine/collector.js';
export type { DamageReport, ScrubOptions, ScrubReport } from './engine/scrubber.js';
export type { GroupSizes, VolumeSizes } from './engine/sizes.js';
export type { DedupVerifyReport } from './engine/verifier.js';
export type { KeySource } from './key-source.js';
export { FileGroup } from './file-group.js';
export type { FileGroupOptions } from './file-group.js';
export { cutsPerCallMax, Kernels, scratchBytes } from './kernels/index.js';
export type { AverageBytes, Codec, CutState } from './kernels/index.js';
export type { Density } from './engine/open-container.js';
export { Arena } from './engine/arena.js';
export type { Crew } from './engine/crew.js';
export { threadsFor } from './engine/means.js';
export { plainKernels } from './engine/kernels.js';
export { Pacer } from './engine/pacer.js';
export { Upkeep } from './upkeep.js';
export type { UpkeepKind, UpkeepOptions, UpkeepRules, UpkeepState } from './upkeep.js';
