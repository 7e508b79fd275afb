/**
 * One host at work on a library: weighted random steps, each held against the models. What the host cannot know (a command
 * whose answer was lost) stays open in the models until it looks again.
 */
import { type Host, Violation } from './host.js';
import type { InventoryModel } from './inventory-model.js';
import type { SimRandom } from './sim-random.js';
import { recordBytes, type TapeModel, type TapeObject } from './tape-model.js';

export interface Bay {
  /** LUN of the drive at the target. */
  readonly lun: number;
  /** Address of its element. */
  readonly element: number;
}
export interface Layout {
  readonly changerLun: number;
  readonly bays: readonly Bay[];
  readonly slots: readonly number[];
}

const STEPS = {
  write: 30,
  filemarks: 12,
  read: 16,
  space: 10,
  locate: 8,
  rewind: 4,
  eod: 8,
  load: 8,
  unload: 4,
  shuffle: 4,
};
/** How often each step is taken. */
export type StepWeights = Readonly<Record<Step, number>>;
/** A backup in a drive of its own: it writes nearly all the time, reads and positions at times, and never changes the cartridge. */
export const STREAMING: StepWeights = {
  write: 70,
  filemarks: 14,
  read: 4,
  space: 2,
  locate: 3,
  rewind: 1,
  eod: 6,
  load: 0,
  unload: 0,
  shuffle: 0,
};
type Step = keyof typeof STEPS;
type TapeRecord = TapeObject & { readonly kind: 'record' };

/** Those of a backup are among them. */
const recordLengths = [1, 17, 512, 4096, 10_240, 32_768, 65_536, 65_537, 150_000, 300_000];

export class Workload {
  readonly #random: SimRandom;
  readonly #layout: Layout;
  readonly #tapes: ReadonlyMap<string, TapeModel>;
  readonly #inventory: InventoryModel;
  readonly #trace: (what: string) => void;
  readonly #records: TapeRecord[] = [];
  readonly #steps: StepWeights;
  /** Barcodes of the cartridges that were ever in a drive. */
  readonly #loaded = new Set<string>();
  host: Host;

  constructor(parts: {
    readonly random: SimRandom;
    readonly layout: Layout;
    readonly tapes: ReadonlyMap<string, TapeModel>;
    readonly inventory: InventoryModel;
    readonly host: Host;
    readonly trace: (what: string) => void;
    /** Those of somebody who does a little of everything, if not given. */
    readonly steps?: StepWeights;
  }) {
    this.#random = parts.random;
    this.#steps = parts.steps ?? STEPS;
    this.#layout = parts.layout;
    this.#tapes = parts.tapes;
    this.#inventory = parts.inventory;
    this.host = parts.host;
    this.#trace = parts.trace;
  }

  /** Does `count` steps; throws LinkLost when the connection goes, Violation when the target is wrong. */
  async work(count: number): Promise<void> {
    for (let step = 0; step < count; step++) await this.#step(this.#random.weighted<Step>(this.#steps));
  }

  #tapeIn(bay: Bay): TapeModel | undefined {
    const barcode = this.#inventory.at(bay.element);
    return barcode === undefined ? undefined : this.#tape(barcode);
  }
  #tape(barcode: string): TapeModel {
    const tape = this.#tapes.get(barcode);
    if (tape === undefined) throw new Violation(`A cartridge ${barcode} came out of nowhere`);
    return tape;
  }

  async #step(step: Step): Promise<void> {
    const bay = this.#random.pick(this.#layout.bays);
    const tape = this.#tapeIn(bay);
    if (step === 'shuffle') return await this.#shuffle();
    if (tape === undefined) return await this.#load(bay);
    this.#trace(`${step} ${tape.barcode} at ${tape.position}`);
    switch (step) {
      case 'write':
        return await this.#write(bay, tape);
      case 'filemarks':
        return await this.#filemarks(bay, tape);
      case 'read':
        return await this.#read(bay, tape);
      case 'space':
        return await this.#space(bay, tape);
      case 'locate':
        return await this.#locate(bay, tape);
      case 'rewind':
        await this.host.rewind(bay.lun);
        tape.position = 0;
        return tape.synchronized();
      case 'eod':
        await this.host.space(bay.lun, 'eod', 0);
        tape.position = tape.objects.length;
        return await this.#checkPosition(bay, tape);
      case 'load':
      case 'unload':
        return await this.#unload(bay, tape);
    }
  }

  // --- records --------------------------------------------------------------------------------------------------

  async #write(bay: Bay, tape: TapeModel): Promise<void> {
    const inFlight = this.#random.pick([1, 1, 2, 4, 8]);
    for (let burst = this.#random.between(1, 3); burst > 0; burst--) {
      const records = Array.from({ length: inFlight }, () => this.#record());
      tape.writing(records);
      await Promise.all(records.map(async (record) => await this.host.write(bay.lun, record)));
      tape.written();
    }
  }
  /** New, or one that was written before, here or on another tape: backups repeat themselves. */
  #record(): TapeRecord {
    const before = this.#records.length > 0 && this.#random.chance(0.4);
    if (before) return this.#random.pick(this.#records);
    const seed = this.#random.integer(2 ** 32);
    const record = { kind: 'record' as const, seed, length: this.#random.pick(recordLengths) };
    this.#records.push(record);
    return record;
  }
  async #filemarks(bay: Bay, tape: TapeModel): Promise<void> {
    const count = this.#random.pick([0, 1, 1, 1, 2, 3]);
    const immediate = this.#random.chance(0.3);
    if (count > 0) tape.writing(Array.from({ length: count }, () => ({ kind: 'filemark' as const })));
    await this.host.writeFilemarks(bay.lun, count, immediate);
    if (count > 0) tape.written();
    if (!immediate) tape.synchronized();
  }
  async #read(bay: Bay, tape: TapeModel): Promise<void> {
    for (let count = this.#random.between(1, 6); count > 0; count--) {
      const room = this.#random.chance(0.1) ? this.#random.between(1, 5000) : 400_000;
      const at = tape.position;
      const got = await this.host.read(bay.lun, room);
      const problem = compare(tape.read(), got, room);
      if (problem !== undefined) throw new Violation(`${tape.barcode}, object ${at}: ${problem}`);
      if (got === undefined) return;
    }
  }

  // --- motion ---------------------------------------------------------------------------------------------------

  async #space(bay: Bay, tape: TapeModel): Promise<void> {
    const what = this.#random.pick(['blocks', 'filemarks'] as const);
    const count = this.#random.between(-5, 5);
    const before = tape.position;
    const expected = what === 'blocks' ? tape.spaceBlocks(count) : tape.spaceFilemarks(count);
    const wanted = { residue: Math.abs(count) - expected.moved, stoppedBy: expected.stoppedBy };
    const got = await this.host.space(bay.lun, what, count);
    if (got.residue !== wanted.residue || got.stoppedBy !== wanted.stoppedBy) {
      throw new Violation(
        `SPACE ${count} ${what} from ${before}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`,
      );
    }
    await this.#checkPosition(bay, tape);
  }
  async #locate(bay: Bay, tape: TapeModel): Promise<void> {
    const object = this.#random.integer(tape.objects.length + 1);
    await this.host.locate(bay.lun, object);
    tape.position = object;
    tape.synchronized();
    await this.#checkPosition(bay, tape);
  }
  async #checkPosition(bay: Bay, tape: TapeModel): Promise<void> {
    const position = await this.host.position(bay.lun);
    if (position !== tape.position) {
      throw new Violation(`${tape.barcode} stands at ${position}, not at ${tape.position}`);
    }
  }

  // --- cartridges -----------------------------------------------------------------------------------------------

  async #load(bay: Bay): Promise<void> {
    const slot = this.#random.pick(this.#layout.slots.filter((one) => this.#inventory.at(one) !== undefined));
    const tape = this.#tape(this.#inventory.at(slot) ?? '');
    this.#loaded.add(tape.barcode);
    await this.#move(tape.barcode, bay.element, true);
    if (!(await this.host.isReady(bay.lun)))
      throw new Violation(`${tape.barcode} was loaded and is not ready`);
    tape.position = 0;
  }
  async #unload(bay: Bay, tape: TapeModel): Promise<void> {
    if (this.#random.chance(0.5)) {
      await this.host.unload(bay.lun);
      tape.synchronized();
    }
    const slot = this.#random.pick(this.#layout.slots.filter((one) => this.#inventory.at(one) === undefined));
    await this.#move(tape.barcode, slot, true);
    tape.synchronized();
  }
  /** Any slot to any: sometimes impossible, and then nothing moves. */
  async #shuffle(): Promise<void> {
    const from = this.#random.pick(this.#layout.slots);
    const to = this.#random.pick(this.#layout.slots);
    const barcode = this.#inventory.at(from);
    const possible = barcode !== undefined && (from === to || this.#inventory.at(to) === undefined);
    if (barcode !== undefined) return await this.#move(barcode, to, possible);
    this.#trace(`move nothing from ${from} to ${to}`);
    if (await this.host.move(this.#layout.changerLun, from, to))
      throw new Violation(`Nothing was moved to ${to}`);
  }
  async #move(barcode: string, to: number, possible: boolean): Promise<void> {
    const from = this.#inventory.placeOf(barcode);
    this.#trace(`move ${barcode} from ${from} to ${to}`);
    if (possible) this.#inventory.moving(barcode, to);
    const done = await this.host.move(this.#layout.changerLun, from, to);
    if (done !== possible && from !== to) {
      throw new Violation(`MOVE MEDIUM ${from} to ${to} was ${done ? 'done' : 'refused'}`);
    }
    if (possible) this.#inventory.moved(done);
  }

  // --- looking again --------------------------------------------------------------------------------------------

  /** After a crash or a cut: what is there, against what may be there. */
  async lookAgain(after: 'crash' | 'cut'): Promise<void> {
    this.#trace(`look again after a ${after}`);
    const { changerLun, bays } = this.#layout;
    const seen: { barcode: string; element: number }[] = [];
    for (const type of [2, 4]) {
      for (const { address, barcode } of await this.host.elements(changerLun, type)) {
        if (barcode !== undefined) seen.push({ barcode, element: address });
      }
    }
    const problem = this.#inventory.found(seen);
    if (problem !== undefined) throw new Violation(problem);
    for (const bay of bays) {
      const tape = this.#tapeIn(bay);
      if (tape !== undefined) await this.#lookThrough(bay, tape, after);
    }
  }
  /** At the end: every cartridge that was ever loaded, from the beginning to the end of data. */
  async lookAtAll(): Promise<void> {
    const [bay] = this.#layout.bays;
    if (bay === undefined) return;
    for (const other of this.#layout.bays) {
      const tape = this.#tapeIn(other);
      if (tape !== undefined) await this.#unload(other, tape);
    }
    for (const barcode of this.#loaded) {
      const home = this.#inventory.placeOf(barcode);
      await this.#move(barcode, bay.element, true);
      await this.#lookThrough(bay, this.#tape(barcode), 'cut');
      await this.#move(barcode, home, true);
    }
  }
  async #lookThrough(bay: Bay, tape: TapeModel, after: 'crash' | 'cut'): Promise<void> {
    if (!(await this.host.isReady(bay.lun))) await this.host.load(bay.lun);
    await this.host.rewind(bay.lun);
    const found: (TapeObject | 'other')[] = [];
    for (;;) {
      const got = await this.host.read(bay.lun, 400_000);
      if (got === undefined) break;
      found.push(got === 'filemark' ? { kind: 'filemark' } : (tape.identify(got.record) ?? 'other'));
    }
    const problem = tape.found(found, after);
    if (problem !== undefined) throw new Violation(problem);
    tape.position = tape.objects.length;
    tape.synchronized(); // the rewind was a synchronising command
  }
}

type Got = Awaited<ReturnType<Host['read']>>;

/** What is wrong with what a READ gave; undefined when nothing is. */
function compare(expected: TapeObject | undefined, got: Got, room: number): string | undefined {
  if (expected === undefined) return got === undefined ? undefined : 'data behind the end of data';
  if (got === undefined) return 'the end of data instead of an object';
  if (expected.kind === 'filemark') return got === 'filemark' ? undefined : 'a record instead of a filemark';
  if (got === 'filemark') return 'a filemark instead of a record';
  if (got.length !== expected.length) return `${got.length} bytes instead of ${expected.length}`;
  const bytes = recordBytes(expected.seed, expected.length).subarray(0, room);
  return got.record.equals(bytes) ? undefined : 'other bytes';
}
