/** What the module exports. Nothing here has static data or a stack in memory: every address comes from the caller. */
export { cut } from './chunker';
export { lz4Encode, lz4Decode } from './lz4';
export { probe } from './probe';
