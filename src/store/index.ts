/** Face of the store. */
export type { Expectation, Space, StorageGroup, Stream, StreamShape, Volume } from './store.js';
export { DedupGroup } from './dedup-group.js';
export type { DedupGroupOptions } from './dedup-group.js';
export { FileGroup } from './file-group.js';
export type { FileGroupOptions } from './file-group.js';
export { cutsPerCallMax, Kernels, scratchBytes } from './kernels/index.js';
export type { AverageBytes, Codec, CutState } from './kernels/index.js';
export type { Density } from './engine/open-container.js';
export { plainKernels } from './engine/kernels.js';
