/** Medium: loading and unloading, formatting and erasing, and the rules of generations and cleaning cartridges. */
import { StoreError, type StoreErrorCode } from '#errors';
import type { Cartridge } from './cartridge.js';
import type { DriveCore, Mounted } from './drive-core.js';
import { noTraffic } from './drive-counters.js';
import { DriveError } from './drive-error.js';
import { accessOf } from './media.table.js';
import { commit, noteChange, checkWritable, prepareOverwrite } from './recording.js';
import type { Refusal } from './refusal.js';
import { tapeAlertBits } from './tape-alert.table.js';
import type { TapeImage } from './tape-image.js';

const loadHistory = 4;
/** Vendor identification is 8 characters wide, the serial number follows (MAM 020Ah). */
const vendorWidth = 8;

/** Threads what is in the bay. Does not throw for the medium's sake: a refused one is a state. */
export async function load(core: DriveCore): Promise<void> {
  const { cartridge } = core;
  if (cartridge === undefined) throw new DriveError('empty', 'There is no cartridge in the drive');
  if (core.state === 'ready') return;
  if (core.state === 'refused' || core.state === 'cleaning') core.enter('unloaded');
  core.refusal = undefined;
  if (cartridge.cleaning !== undefined) return clean(core, cartridge);
  const access = accessOf(core.generation, cartridge.medium);
  if (access === undefined) {
    core.raise('unsupportedFormat');
    return refuse(core, 'incompatible');
  }
  const image = await openImage(core, cartridge);
  if (image === undefined) return;
  mount(core, { cartridge, image, access });
}

async function openImage(core: DriveCore, cartridge: Cartridge): Promise<TapeImage | undefined> {
  try {
    return await cartridge.open();
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    core.log.error(`${cartridge.barcode} does not open: ${cause.message}`, cause.facts);
    core.raise('loadingFailure');
    if (cause.code === 'corrupt') core.raise('directoryCorrupted');
    const later = cause.facts['version'] !== undefined;
    refuse(core, OF_STORE[cause.code] ?? (later ? 'unsupported' : 'damaged'));
    return undefined;
  }
}
const OF_STORE: Readonly<Partial<Record<StoreErrorCode, Refusal>>> = {
  locked: 'in-use',
  unavailable: 'unavailable',
};

function mount(core: DriveCore, mounted: Mounted): void {
  const { label } = mounted.image;
  core.mounted = mounted;
  core.enter('ready');
  core.changedSinceLoad = false;
  core.changes = core.changesCommitted = 0;
  core.uncommittedBytes = 0;
  core.room.forget();
  core.overwriteAllowed = 'no';
  core.failed = false;
  core.tapeAlertsOfLoad.clear();
  core.counters.loads += 1;
  core.counters.sinceLoad = noTraffic();
  label.statistics.loads += 1;
  label.statistics.lastLoad = noTraffic();
  const name = core.vendor.padEnd(vendorWidth).slice(0, vendorWidth) + core.serial;
  label.loadedBy = [name, ...label.loadedBy].slice(0, loadHistory);
  core.selectPartition(0);
  core.object = core.file = core.usedBefore = 0;
  for (const name of ['writeProtect', 'noRemoval', 'unsupportedFormat', 'readOnlyFormat'] as const)
    core.lower(name);
  core.tell({ kind: 'medium-changed' });
}

function refuse(core: DriveCore, refusal: Refusal): void {
  core.refusal = refusal;
  core.counters.loadFailures += 1;
  core.enter('refused');
  core.tell({ kind: 'load-refused', refusal });
}

function clean(core: DriveCore, cartridge: Cartridge): void {
  if (!cartridge.takeCleaning()) {
    core.raise('expiredCleaning');
    refuse(core, 'expired-cleaning');
    return;
  }
  core.counters.cleanings += 1;
  core.counters.bytesSinceCleaning = 0;
  core.lower('cleanNow');
  core.lower('cleanPeriodic');
  core.lower('expiredCleaning');
  core.raise('cleaningMedia');
  core.enter('cleaning');
}

/**
 * Makes everything durable and unthreads. When that fails for want of space the medium stays loaded, and nothing is lost;
 * after an 'io' error it is unthreaded without what is lost anyway.
 */
export async function unload(core: DriveCore): Promise<void> {
  if (core.state === 'refused' || core.state === 'cleaning') {
    core.enter('unloaded');
    core.tell({ kind: 'medium-unloaded' });
    return;
  }
  if (core.state !== 'ready') return;
  const { label } = core.ready().image;
  label.tapeAlerts = tapeAlertBits(core.tapeAlertsOfLoad).toString(16);
  try {
    await commit(core);
  } catch (error) {
    if (error instanceof DriveError && error.code !== 'full') await dismount(core);
    throw error;
  }
  await dismount(core);
}

/** Unthreads whatever happens: what was not committed is lost. */
export async function dismount(core: DriveCore): Promise<void> {
  core.commits.disarm();
  const { cartridge, image } = core.ready();
  await image.settled();
  if (core.encryption.settings.clearOnDemount) core.encryption.clear();
  core.mounted = undefined;
  core.partition = core.object = core.file = core.usedBefore = 0;
  core.counters.unloads += 1;
  core.enter('unloaded');
  await cartridge.close();
  core.tell({ kind: 'medium-unloaded' });
}

/** ERASE: the end of data is here now. What lay behind can never come back; `long` costs no more than short. */
export async function erase(core: DriveCore): Promise<void> {
  const mounted = core.ready();
  if (mounted.cartridge.worm) {
    core.raise('wormOverwrite');
    throw new DriveError('worm-violation', 'A WORM medium is not erased');
  }
  await prepareOverwrite(core, mounted);
}

/** FORMAT MEDIUM: new partitions of these sizes; everything recorded is gone. At the beginning of partition 0 only. */
export async function format(core: DriveCore, capacitiesBytes: readonly number[]): Promise<void> {
  const mounted = core.ready();
  checkWritable(core, mounted);
  checkAtBeginning(core);
  if (mounted.cartridge.worm) {
    core.raise('wormOverwrite');
    throw new DriveError('worm-violation', 'A WORM medium is not formatted');
  }
  if (core.appendOnly && core.overwriteAllowed !== 'format') {
    throw new DriveError('append-only-violation', 'Formatting is not allowed in append-only mode');
  }
  const { medium } = mounted.cartridge;
  if (capacitiesBytes.length < 1 || capacitiesBytes.length > medium.partitionsMax) {
    const facts = { partitions: capacitiesBytes.length, max: medium.partitionsMax };
    throw new DriveError('not-possible', `${medium.key} has up to ${medium.partitionsMax} partitions`, facts);
  }
  core.overwriteAllowed = 'no';
  noteChange(core, mounted);
  try {
    await mounted.image.format(capacitiesBytes);
  } catch (cause) {
    throw core.failure(cause, 'writing');
  }
  await commit(core);
  core.selectPartition(0);
  await core.stand(0, 0);
}

/** SET CAPACITY: one partition of `proportion` / 65535 of the cartridge; everything recorded is gone. */
export async function setCapacity(core: DriveCore, proportion: number): Promise<void> {
  const mounted = core.ready();
  const { image } = mounted;
  const before = image.label.capacityProportion;
  image.label.capacityProportion = proportion;
  try {
    await format(core, [availableBytes(mounted)]);
  } catch (error) {
    image.label.capacityProportion = before;
    throw error;
  }
}
/** What SET CAPACITY has left of the cartridge. */
export function availableBytes({ cartridge, image }: Mounted): number {
  const share = Math.max(1, image.label.capacityProportion) / 0xffff;
  return Math.max(1, Math.floor(cartridge.sizeBytes * share));
}
function checkAtBeginning(core: DriveCore): void {
  if (core.partition === 0 && core.object === 0) return;
  const facts = { partition: core.partition, position: core.object };
  throw new DriveError('not-possible', 'Only at the beginning of the medium', facts);
}
