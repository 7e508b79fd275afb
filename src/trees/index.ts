/** Face of the tree engine. */
export type {
  BackupRequest,
  BackupSink,
  FileSystemFigures,
  HistoryEntry,
  ImageSource,
  IncrementalBase,
  ListRequest,
  ListSink,
  RecoverName,
  RecoverRequest,
  RecoverSink,
  RecoverStatus,
  TreeEngine,
  TreeFileType,
  TreeFormat,
  TreeJob,
  TreeLogEntry,
  TreeProgress,
  TreeResult,
} from './tree-engine.js';
export { toTheEnd } from './tree-engine.js';
export { inlineTreeEngine } from './inline-engine.js';
export { threadedTreeEngine } from './threaded-engine.js';
