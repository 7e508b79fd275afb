/** Face of the store. */
export type { Space, StorageGroup, Stream, Volume } from './store.js';
