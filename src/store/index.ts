/** Face of the store. */
export type { Space, StorageGroup, Stream, Volume } from './store.js';
export { FileGroup } from './file-group.js';
export type { FileGroupOptions } from './file-group.js';
