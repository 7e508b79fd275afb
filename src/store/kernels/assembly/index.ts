/** What the module exports. Nothing here has static data or a stack in memory: every address comes from the caller. */
export { cut } from './chunker';
export { lz4Encode } from './lz4';
export { lz4Decode } from './lz4-decoder';
export { probe } from './probe';

/** The ranges may overlap; nothing is allocated for it, as there is for views in JavaScript. */
export function move(from: usize, length: usize, to: usize): void {
  memory.copy(to, from, length);
}
