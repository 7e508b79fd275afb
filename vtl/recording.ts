/**
 * Recording: records and filemarks at the place, and what makes them durable.
 *
 * Buffered mode: a record counts as written when the store has its bytes; a commit follows at a barrier, after
 * `commitBytes`, or when writing pauses. A commit that fails in the background becomes the deferred error (P5).
 */
import type { Slab } from '#wire';
import type { DriveCore, Mounted } from './drive-core.js';
import { DriveError } from './drive-error.js';
import type { Sealed } from './encryption.js';
import { filemarkOverheadBytes, recordOverheadBytes } from './partition.js';
import type { WriteResult } from './position.js';
import { recordBytesMax } from '#limits';

const MiB = 1024 * 1024;
/** What kill -9 can cost a host that never synchronizes. */
const commitBytes = 256 * MiB;

/** At once, unless something has to be waited for. */
export function writeRecord(core: DriveCore, record: Slab): WriteResult | Promise<WriteResult> {
  const mounted = core.ready();
  if (record.length === 0 || record.length > recordBytesMax) {
    throw new DriveError('record-too-large', `A record of ${record.length} bytes`, { bytes: record.length });
  }
  const blocked = prepare(core, mounted);
  return blocked === undefined ? append(core, mounted, record) : appendAfter(blocked, core, mounted, record);
}
/** For what is to be added at the place. What must be awaited before it is; undefined: nothing. */
function prepare(core: DriveCore, mounted: Mounted): Promise<void> | undefined {
  if (core.object !== core.current.objects || mounted.image.truncated) return prepareInside(core, mounted);
  checkWritable(core, mounted);
  return core.room.isDue ? lookAtGroup(core, mounted) : undefined;
}
async function prepareInside(core: DriveCore, mounted: Mounted): Promise<void> {
  await prepareOverwrite(core, mounted);
  if (core.room.isDue) await lookAtGroup(core, mounted);
}
async function lookAtGroup({ room }: DriveCore, { cartridge }: Mounted): Promise<void> {
  room.look(await cartridge.group.space());
}
async function appendAfter(
  blocked: Promise<void>,
  core: DriveCore,
  mounted: Mounted,
  record: Slab,
): Promise<WriteResult> {
  await blocked;
  return await append(core, mounted, record);
}
function append(core: DriveCore, mounted: Mounted, record: Slab): WriteResult | Promise<WriteResult> {
  const sealed = sealedOf(core, record);
  const storedBytes = sealed?.storedBytes ?? record.length;
  const partition = core.current;
  const usedAfter = partition.usedBytes + storedBytes + recordOverheadBytes;
  if (usedAfter > core.zones.end) throw overflow(core);
  noteChange(core, mounted);
  const { slices = record.slices, prefixBytes = 0 } = sealed ?? {};
  const isEncrypted = sealed !== undefined;
  const appending = partition.append(slices, storedBytes, isEncrypted, prefixBytes);
  return appending === undefined
    ? accepted(core, record.length, storedBytes, isEncrypted, usedAfter)
    : acceptedAfter(appending, core, record.length, storedBytes, isEncrypted, usedAfter);
}
/** Undefined: it is stored as it came. */
function sealedOf({ encryption }: DriveCore, record: Slab): Sealed | undefined {
  const mode = encryption.settings.encryption;
  if (mode === 'disable') return undefined;
  return mode === 'encrypt' ? encryption.seal(record) : encryption.sealExternal(record);
}
async function acceptedAfter(
  appending: Promise<void>,
  ...record: Parameters<typeof accepted>
): Promise<WriteResult> {
  try {
    await appending;
  } catch (cause) {
    throw writeFailure(record[0], cause);
  }
  return accepted(...record);
}
function accepted(
  core: DriveCore,
  recordBytes: number,
  storedBytes: number,
  isEncrypted: boolean,
  usedAfter: number,
): WriteResult {
  noteEncryption(core, isEncrypted);
  core.object += 1;
  core.countRecord(recordBytes, storedBytes);
  return wrote(core, storedBytes, usedAfter);
}

/** `immediate`: GOOD before it is durable. A count of 0 only synchronizes. */
export async function writeFilemarks(
  core: DriveCore,
  count: number,
  immediate: boolean,
): Promise<WriteResult> {
  const mounted = core.ready();
  let result: WriteResult = { earlyWarning: core.inEarlyWarning, programmableEarlyWarning: false };
  if (count > 0) {
    await prepare(core, mounted);
    const partition = core.current;
    let [earlyWarning, programmableEarlyWarning] = [false, false];
    for (let written = 0; written < count; written++) {
      const usedAfter = partition.usedBytes + filemarkOverheadBytes;
      if (usedAfter > core.zones.end) throw overflow(core, count - written);
      noteChange(core, mounted);
      try {
        await partition.appendFilemark();
      } catch (cause) {
        throw writeFailure(core, cause);
      }
      core.object += 1;
      core.file += 1;
      core.count('filemarksWritten', 1);
      result = wrote(core, filemarkOverheadBytes, usedAfter);
      earlyWarning ||= result.earlyWarning;
      programmableEarlyWarning ||= result.programmableEarlyWarning;
      if (written % breathAfter === breathAfter - 1) await core.env.clock.sleep(0);
    }
    result = { earlyWarning, programmableEarlyWarning };
  }
  if (!immediate) await synchronize(core);
  return result;
}

function wrote(core: DriveCore, storedBytes: number, usedAfter: number): WriteResult {
  const before = core.usedBefore;
  core.usedBefore = usedAfter;
  core.room.wrote(storedBytes);
  core.uncommittedBytes += storedBytes;
  core.changes += 1;
  if (core.uncommittedBytes >= commitBytes) core.commits.startSoon();
  else core.commits.arm();
  const { programmableFrom, earlyFrom } = core.zones;
  const earlyWarning = core.room.takeWarning() || usedAfter >= earlyFrom;
  const programmableEarlyWarning = usedAfter >= programmableFrom && before < programmableFrom;
  return earlyWarning || programmableEarlyWarning ? { earlyWarning, programmableEarlyWarning } : noWarning;
}
const noWarning: WriteResult = { earlyWarning: false, programmableEarlyWarning: false };

function overflow(core: DriveCore, residue = 1): DriveError {
  const facts = { partition: core.partition, position: core.object, residue };
  return new DriveError('volume-overflow', 'The end of the partition is reached', facts);
}
function writeFailure(core: DriveCore, cause: unknown): DriveError {
  const error = core.failure(cause, 'writing');
  if (error.code === 'full') core.room.refused();
  else {
    core.count('uncorrectedWriteErrors', 1);
    core.raise('writeFailure');
  }
  return error;
}

/** Filemarks after which others get a turn of the processor: a command can ask for sixteen million. */
export const breathAfter = 32_768;

/** Whether this medium may be written at all. */
export function checkWritable(core: DriveCore, { cartridge, access }: Mounted): void {
  if (cartridge.writeProtected) {
    core.raise('writeProtect');
    throw new DriveError('write-protected', 'The cartridge is write-protected');
  }
  if (access === 'read-only') {
    core.raise('readOnlyFormat');
    throw new DriveError('read-only-generation', `LTO-${core.generation} only reads ${cartridge.medium.key}`);
  }
}

/** Removes what lies behind the place, if that is allowed, and makes it durable: only then may there be new data (T1, T5). */
export async function prepareOverwrite(core: DriveCore, mounted: Mounted): Promise<void> {
  checkWritable(core, mounted);
  const partition = core.current;
  if (core.object < partition.objects) {
    await checkOverwrite(core, mounted);
    noteChange(core, mounted);
    mounted.image.label.statistics.overwrites += 1;
    try {
      await mounted.image.truncate(core.partition, core.object, core.file);
    } catch (cause) {
      throw core.failure(cause, 'writing');
    }
  }
  await commit(core);
  await core.stand(partition.objects, partition.filemarks);
}

async function checkOverwrite(core: DriveCore, { cartridge }: Mounted): Promise<void> {
  if (!cartridge.worm && !core.appendOnly) return;
  if (await isAmongLastFilemarks(core)) return;
  const place = { partition: core.partition, object: core.object, position: core.object };
  if (cartridge.worm) {
    core.raise('wormOverwrite');
    throw new DriveError('worm-violation', 'A WORM medium is only written at the end of data', place);
  }
  const allowed = core.overwriteAllowed;
  if (
    typeof allowed === 'object' &&
    allowed.partition === place.partition &&
    allowed.object === place.object
  ) {
    core.overwriteAllowed = 'no';
    return;
  }
  throw new DriveError('append-only-violation', 'In append-only mode only the end of data is written', place);
}

/**
 * Filemarks that end the data may be written over, all but the first of them, or no application could append behind its own
 * closing marks (mode page 1Dh, WORM mode filemark restrictions 02h).
 */
async function isAmongLastFilemarks({ current, object, file }: DriveCore): Promise<boolean> {
  if (file === 0 || current.filemarks - file !== current.objects - object) return false;
  return (await current.filemarkAt(file - 1)) === object - 1;
}

/** T7: the volume change reference changes with the first change of content after a load. */
export function noteChange(core: DriveCore, { image }: Mounted): void {
  if (core.changedSinceLoad) return;
  core.changedSinceLoad = true;
  image.label.changeReference = (image.label.changeReference + 1) % 0x1_0000_0000;
}
/** MAM 0224h and 0225h, of the record that was just written. */
function noteEncryption(core: DriveCore, encrypted: boolean): void {
  const { label } = core.current;
  if (encrypted) label.firstEncrypted ??= core.object;
  else if (label.firstEncrypted !== undefined) label.firstPlainAfterEncrypted ??= core.object;
}

/** Everything accepted is durable when it resolves. Throws what could not be made so. */
export async function synchronize(core: DriveCore): Promise<void> {
  const { image } = core.ready();
  if (core.changes === core.changesCommitted && !image.truncated) return;
  core.counters.synchronizations += 1;
  await commit(core);
}

/** A commit, with the turn held all the while. */
export async function commit(core: DriveCore): Promise<void> {
  const { done } = await beginCommit(core);
  await done;
}

/**
 * Hands everything to the store and begins a commit of it. What is resolved is the begun commit: the turn may be passed on
 * before it is done. Both reject with DriveError.
 */
async function beginCommit(core: DriveCore): Promise<{ readonly done: Promise<void> }> {
  const mounted = core.ready();
  core.commits.disarm();
  try {
    await mounted.image.flush();
  } catch (cause) {
    throw commitFailure(core, mounted, cause);
  }
  const changes = core.changes;
  core.uncommittedBytes = 0;
  const done = mounted.image.commit().then(
    () => {
      core.changesCommitted = Math.max(core.changesCommitted, changes);
    },
    (cause: unknown) => {
      throw commitFailure(core, mounted, cause);
    },
  );
  return { done };
}

/** With the place of the first object that is not durable. */
function commitFailure(core: DriveCore, { image }: Mounted, cause: unknown): DriveError {
  const error = writeFailure(core, cause);
  // Nothing is lost while the store waits for space: the next pause tries again.
  if (error.code === 'full') core.commits.retryLater();
  else core.failed = true;
  const lost = image.partitions.findIndex(
    ({ objects }, index) => objects > (image.committed.objects[index] ?? 0),
  );
  const partition = lost === -1 ? core.partition : lost;
  const facts = { ...error.facts, partition, position: image.committed.objects[partition] ?? core.object };
  return new DriveError(error.code, error.message, facts, { cause });
}

/** For `Commits`: takes the turn only until the commit has begun. */
export async function commitInBackground(core: DriveCore): Promise<void> {
  try {
    const begun = await core.turn.run(async () => {
      const due = core.state === 'ready' && core.changes !== core.changesCommitted;
      return due && !core.failed ? await beginCommit(core) : undefined;
    });
    await begun?.done;
  } catch (cause) {
    const error = core.failure(cause, 'writing');
    if (error.code !== 'full') core.defer(error);
  }
}
