/** Face of the outside world. */
import { realClock } from './clock.js';
import { realDatabases } from './databases.js';
import { realDisk } from './disk.js';
import { makeDurableDirectory } from './durable-folder.js';
import type { Env } from './env.js';
import { type Level, realLog, silentLog } from './log.js';
import { realNet } from './net.js';
import { realRandom } from './random.js';
import { realSecrets } from './secrets.js';

export type {
  Address,
  Clock,
  Database,
  Databases,
  Disk,
  DiskFile,
  Env,
  Link,
  LinkHandlers,
  Listener,
  Net,
  Random,
  Secrets,
  SqlValue,
  Timer,
  TlsIdentity,
  TlsListener,
} from './env.js';
export { bulkAlignBytes } from './env.js';
export { type CertificateRequest, selfSigned } from './certificate.js';
export { type CertificateFacts, readIdentity } from './tls.js';
export type { Level, Logger } from './log.js';
export type { Machine, Process, Signal } from './process.js';
export { expectLongLife, realProcess } from './process.js';
export { type FileSystemFigures, fileSystemOf, kindBeneath, type PlaceKind } from './file-systems.js';
export { openPageCache, type PageCache, type PageCacheRead } from './page-cache.js';
export { askForHugePages } from './huge-pages.js';
export { hasTreeCalls, posixTreeCalls } from './posix-tree-calls.js';
export { lanesBytes, openSha256Lanes, type Sha256Lanes } from './sha256-lanes.js';
export { E, S, statBytes, statLayout, type Times, type TreeCalls } from './tree-calls.js';
export { makeDurableDirectory, realLog, silentLog };

/** The machine itself. */
export function realEnv(level?: Level): Env {
  const log = level === undefined ? silentLog : realLog(level);
  return {
    clock: realClock,
    random: realRandom,
    disk: realDisk,
    net: realNet,
    databases: realDatabases,
    secrets: realSecrets,
    log,
  };
}
