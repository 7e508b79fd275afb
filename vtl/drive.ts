/**
 * Drive: an LTO drive as a machine. It knows cartridges, records, filemarks and places, and no command of any protocol.
 *
 * One operation at a time, in the order of the calls; the meeting point of iSCSI and NDMP. States:
 *
 *   empty ─insert→ unloaded ─load→ ready ─unload→ unloaded ─remove→ empty
 *                      └──────────→ refused (see refusal) or cleaning
 */
import type { Slab } from '#wire';
import type { Cartridge } from './cartridge.js';
import { DriveCore, type DriveOptions, type DriveState, type OverwriteAllowance } from './drive-core.js';
import type { DriveCounters, VolumeStatistics } from './drive-counters.js';
import { DriveError } from './drive-error.js';
import type { DriveEvent } from './drive-events.js';
import type { BlockEncryption, DriveEncryption } from './encryption.js';
import { type AttributeChange, Mam } from './mam.js';
import * as medium from './medium.js';
import * as motion from './motion.js';
import type { Destination, Position, SpaceResult, SpaceUnit, WriteResult } from './position.js';
import * as reading from './reading.js';
import type { ReadResult, ReadReverseResult } from './reading.js';
import * as recording from './recording.js';
import type { Refusal } from './refusal.js';
import { tapeAlertBits, type TapeAlertName } from './tape-alert.table.js';
import { zonesOf } from './early-warning.js';

/** Whether and why not the loaded medium may be written. */
export type Writable = 'yes' | 'write-protected' | 'read-only-generation' | 'worm';

export interface PartitionView {
  readonly capacityBytes: number;
  readonly usedBytes: number;
  /** Up to early warning. */
  readonly remainingBytes: number;
  readonly objects: number;
  readonly filemarks: number;
}

export class Drive {
  readonly #core: DriveCore;
  readonly #preventers = new Set<string>();

  constructor(options: DriveOptions) {
    this.#core = new DriveCore(options, recording.commitInBackground);
  }

  get id(): string {
    return this.#core.id;
  }
  get serial(): string {
    return this.#core.serial;
  }
  get generation(): number {
    return this.#core.generation;
  }
  get state(): DriveState {
    return this.#core.state;
  }
  /** While `state` is 'refused'. */
  get refusal(): Refusal | undefined {
    return this.#core.refusal;
  }
  /** What is in the bay, threaded or not. */
  get cartridge(): Cartridge | undefined {
    return this.#core.cartridge;
  }
  /** All zero while nothing is loaded. */
  get position(): Position {
    return this.#core.position;
  }
  /** As `position` says it. */
  get inEarlyWarning(): boolean {
    return this.#core.inEarlyWarning;
  }
  get writable(): Writable {
    const mounted = this.#core.mounted;
    if (mounted?.cartridge.writeProtected === true) return 'write-protected';
    if (mounted?.access === 'read-only') return 'read-only-generation';
    return mounted?.cartridge.worm === true ? 'worm' : 'yes';
  }
  get counters(): Readonly<DriveCounters> {
    return this.#core.counters;
  }
  /** What the loaded volume has been through. */
  get volumeStatistics(): Readonly<VolumeStatistics> | undefined {
    return this.#core.mounted?.image.label.statistics;
  }
  get encryption(): DriveEncryption {
    return this.#core.encryption;
  }
  /** Of the loaded medium. */
  get partitions(): readonly PartitionView[] {
    return (this.#core.mounted?.image.partitions ?? []).map(({ label, usedBytes, objects, filemarks }) => ({
      capacityBytes: label.capacityBytes,
      usedBytes,
      remainingBytes: Math.max(0, label.capacityBytes - usedBytes),
      objects,
      filemarks,
    }));
  }

  /** For partitions of the loaded medium together: what SET CAPACITY has left of it (SSC-4 7.11: until the next one). */
  get availableBytes(): number {
    const { mounted } = this.#core;
    return mounted === undefined ? 0 : medium.availableBytes(mounted);
  }

  /** One operation at a time; what the store throws becomes a DriveError. */
  async #turn<T>(body: () => Promise<T>, doing: 'reading' | 'writing' = 'reading'): Promise<T> {
    try {
      return await this.#core.turn.run(body);
    } catch (cause) {
      throw this.#core.failure(cause, doing);
    }
  }

  // --- the robot's side

  /** Puts a cartridge into the bay and threads it. A medium that cannot be used is a state, not an error. */
  async insert(cartridge: Cartridge): Promise<void> {
    await this.#turn(async () => {
      if (this.#core.cartridge !== undefined)
        throw new DriveError('occupied', 'There is a cartridge in the drive');
      this.#core.cartridge = cartridge;
      this.#core.enter('unloaded');
      await medium.load(this.#core);
    });
  }
  /** Takes it out, unloading it first. Throws 'empty', 'prevented', and 'full' when it cannot be made durable now. */
  async remove(): Promise<Cartridge> {
    return await this.#turn(async () => {
      const { cartridge } = this.#core;
      if (cartridge === undefined) throw new DriveError('empty', 'There is no cartridge in the drive');
      this.#checkRemoval();
      await this.#unloadForRemoval();
      this.#core.cartridge = undefined;
      this.#core.refusal = undefined;
      this.#core.enter('empty');
      this.#core.lower('cleaningMedia');
      this.#core.lower('unsupportedFormat');
      this.#core.tell({ kind: 'medium-removed' });
      return cartridge;
    });
  }
  async #unloadForRemoval(): Promise<void> {
    const { failed } = this.#core; // then the report has begun
    try {
      await medium.unload(this.#core);
    } catch (error) {
      // It is unthreaded all the same, unless it waits for space; the host learns of the loss by the deferred error.
      if (!(error instanceof DriveError) || this.#core.state === 'ready') throw error;
      if (!failed) this.#core.defer(error);
    }
  }

  // --- the host's side

  /** Threads what is in the bay, and stands at the beginning of partition 0. Throws 'empty'. */
  async load(): Promise<void> {
    await this.#turn(async () => {
      if (this.#core.state !== 'ready') return await medium.load(this.#core);
      await this.#rewind();
      this.#core.selectPartition(0);
      await this.#core.stand(0, 0);
    });
  }
  /** Makes everything durable and unthreads. Throws 'prevented', 'full' (still loaded) and 'io' (unloaded, with loss). */
  async unload(): Promise<void> {
    await this.#turn(async () => {
      this.#checkRemoval();
      await medium.unload(this.#core);
    });
  }
  /** For shutting down: makes what it can durable, closes the image, whatever the preventions and failures. */
  async close(): Promise<void> {
    await this.#turn(async () => {
      if (this.#core.state !== 'ready') return;
      try {
        await medium.unload(this.#core);
      } catch (error) {
        const facts = error instanceof DriveError ? error.facts : {};
        this.#core.log.error('Closing lost what was not synchronized', facts);
        if (this.#core.mounted !== undefined) await medium.dismount(this.#core);
      }
    });
  }

  /** `holder` is whatever tells nexuses apart. */
  prevent(holder: string, on: boolean): void {
    const before = this.removalPrevented;
    if (on) this.#preventers.add(holder);
    else this.#preventers.delete(holder);
    const prevented = this.removalPrevented;
    if (before !== prevented) this.#core.tell({ kind: 'removal-prevention', prevented });
  }
  /** An operator overrules whoever prevents the removal. */
  allowRemoval(): void {
    for (const holder of this.#preventers) this.prevent(holder, false);
  }
  get removalPrevented(): boolean {
    return this.#preventers.size > 0;
  }
  #checkRemoval(): void {
    if (!this.removalPrevented) return;
    this.#core.raise('noRemoval');
    throw new DriveError('prevented', 'A host prevents the removal of the medium');
  }

  /** To the beginning of the current partition, when what was written is durable. */
  async rewind(): Promise<void> {
    await this.#turn(async () => await this.#rewind());
  }
  async #rewind(): Promise<void> {
    const { image } = this.#core.ready();
    await recording.synchronize(this.#core);
    this.#core.counters.rewinds += 1;
    image.label.statistics.beginningPasses += 1;
    await this.#core.stand(0, 0);
  }
  /** Synchronizes first. Throws 'eod' (and stands there) when the destination lies beyond the end of data. */
  async locate(to: Destination): Promise<void> {
    await this.#core.turn.run(async () => {
      await recording.synchronize(this.#core);
      await motion.locate(this.#core, to);
    });
  }
  /** Synchronizes first when it goes back. Negative counts go towards the beginning. */
  async space(unit: SpaceUnit, count: number): Promise<SpaceResult> {
    return await this.#core.turn.run(async () => {
      await recording.synchronize(this.#core);
      return await motion.space(this.#core, unit, count);
    });
  }
  /**
   * Writes one record of 1 byte to 16 MiB − 1 at the place, removing everything behind it. The drive releases the slab,
   * whatever happens. The bytes are accepted, in order, when there is a result: at once, unless something has to be waited for.
   * `synchronize` makes them durable.
   */
  writeRecord(record: Slab): WriteResult | Promise<WriteResult> {
    const wait = this.#core.turn.take();
    return wait === undefined ? this.#write(record) : wait.then(() => this.#write(record));
  }
  /** With the turn, which it passes on. */
  #write(record: Slab): WriteResult | Promise<WriteResult> {
    let writing: WriteResult | Promise<WriteResult>;
    try {
      writing = recording.writeRecord(this.#core, record);
    } catch (cause) {
      this.#endWrite(record);
      throw this.#core.failure(cause, 'writing');
    }
    if (writing instanceof Promise) return this.#written(writing, record);
    this.#endWrite(record);
    return writing;
  }
  async #written(writing: Promise<WriteResult>, record: Slab): Promise<WriteResult> {
    try {
      return await writing;
    } catch (cause) {
      throw this.#core.failure(cause, 'writing');
    } finally {
      this.#endWrite(record);
    }
  }
  #endWrite(record: Slab): void {
    record.release();
    this.#core.turn.pass();
  }
  /**
   * Memory for a record that is on its way: see Stream.landing. Undefined where another would be written in its stead, sealed by the
   * drive.
   */
  landing(bytes: number): Slab | undefined {
    const core = this.#core;
    const isPlain = core.state === 'ready' && core.encryption.settings.encryption === 'disable';
    return isPlain ? core.current.landing(bytes) : undefined;
  }
  /** `immediate` false: resolves when everything is durable. A count of 0 writes none. facts.residue on volume-overflow. */
  async writeFilemarks(count: number, options: { readonly immediate: boolean }): Promise<WriteResult> {
    const { immediate } = options;
    return await this.#turn(
      async () => await recording.writeFilemarks(this.#core, count, immediate),
      'writing',
    );
  }
  async synchronize(): Promise<void> {
    await this.#turn(async () => await recording.synchronize(this.#core), 'writing');
  }
  /** The caller releases the record. Throws 'damaged' (the place is behind it), 'key-…' (the place stays). */
  async readRecord(): Promise<ReadResult> {
    const { turn } = this.#core;
    const wait = turn.take();
    if (wait !== undefined) await wait;
    try {
      return await reading.readRecord(this.#core);
    } catch (cause) {
      throw this.#core.failure(cause, 'reading');
    } finally {
      turn.pass();
    }
  }
  /** Records between the filemark before the place, or the beginning of the partition, and the place. */
  async recordOfFile(): Promise<number> {
    return await this.#turn(async () => {
      const { object, file, current } = this.#core;
      return file === 0 ? object : object - 1 - (await current.filemarkAt(file - 1));
    });
  }
  async readReverse(): Promise<ReadReverseResult> {
    return await this.#turn(async () => await reading.readReverse(this.#core));
  }
  /** What the next object is to the encryption settings; nothing moves. */
  async nextBlockEncryption(): Promise<BlockEncryption> {
    return await this.#turn(async () => await reading.nextBlockEncryption(this.#core));
  }

  /** Ends the data here. Throws 'worm-violation'. */
  async erase(long: boolean): Promise<void> {
    // What a long erase must achieve, that nothing behind can be read again, holds for the short one too (S9).
    void long;
    await this.#turn(async () => await medium.erase(this.#core), 'writing');
  }
  /** FORMAT MEDIUM: partitions of these sizes, up to early warning each. */
  async format(capacitiesBytes: readonly number[]): Promise<void> {
    await this.#turn(async () => await medium.format(this.#core, capacitiesBytes), 'writing');
  }
  /** SET CAPACITY: of 65535. */
  async setCapacity(proportion: number): Promise<void> {
    await this.#turn(async () => await medium.setCapacity(this.#core, proportion), 'writing');
  }
  setAppendOnly(on: boolean): void {
    this.#core.appendOnly = on;
    this.#core.overwriteAllowed = 'no';
  }
  get appendOnly(): boolean {
    return this.#core.appendOnly;
  }
  /** ALLOW OVERWRITE: for the next write at that place, or the next format. Ends with the load. */
  allowOverwrite(what: OverwriteAllowance): void {
    this.#core.ready();
    this.#core.overwriteAllowed = what;
  }
  /** Bytes before early warning at which writing tells once; 0 for none. */
  setProgrammableEarlyWarning(bytes: number): void {
    const core = this.#core;
    core.programmableBytes = bytes;
    if (core.mounted !== undefined) core.zones = zonesOf(core.current.label.capacityBytes, bytes);
  }

  /** Attributes of the loaded medium. */
  get mam(): Mam | undefined {
    const core = this.#core;
    const mounted = core.mounted;
    if (mounted === undefined) return undefined;
    return new Mam({
      cartridge: mounted.cartridge,
      label: mounted.image.label,
      remainingBytes: (partition) => this.partitions[partition]?.remainingBytes ?? 0,
    });
  }
  /** Writes attributes of hosts, durably. Throws MamError, and DriveError. */
  async writeAttributes(partition: number, changes: readonly AttributeChange[]): Promise<void> {
    await this.#turn(async () => {
      const mounted = this.#core.ready();
      if (mounted.cartridge.writeProtected)
        throw new DriveError('write-protected', 'The cartridge is write-protected');
      this.mam?.write(partition, changes);
      this.#core.changes += 1;
      await recording.commit(this.#core);
    });
    this.#core.tell({ kind: 'attributes-changed', partition });
  }

  /** The first failure that no command was told of; asking forgets it. */
  takeDeferredError(): DriveError | undefined {
    const error = this.#core.deferred;
    this.#core.deferred = undefined;
    return error;
  }
  /** Flags that are up. A log page that tells them may lower them. */
  get tapeAlerts(): ReadonlySet<TapeAlertName> {
    return this.#core.tapeAlerts;
  }
  lowerTapeAlert(name: TapeAlertName): void {
    this.#core.lower(name);
  }
  /** For tests and operators. */
  raiseTapeAlert(name: TapeAlertName): void {
    this.#core.raise(name);
  }
  /** As log page 12h has them: flag 1 is bit 63. */
  get tapeAlertBits(): bigint {
    return tapeAlertBits(this.#core.tapeAlerts);
  }
  watch(listener: (event: DriveEvent) => void): () => void {
    return this.#core.watch(listener);
  }
}
