/** Face of the kernels. */
export { cutsPerCallMax, Kernels, scratchBytes } from './kernels.js';
export type { AverageBytes, Codec, CutState } from './kernels.js';
