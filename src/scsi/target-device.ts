/**
 * TargetDevice: the SCSI target device behind one target name: its logical units by LUN, and what each nexus may see of
 * them. Every LUN that comes from outside is resolved here, through the nexus's view (CVE-2020-28374 is what happens else).
 */
import type { Logger } from '#env';
import type { Slab } from '#wire';
import { CanceledError } from '../errors.js';
import type { LogicalUnit, Reset } from './logical-unit.js';
import { formatLun, parseLun } from './lun.js';
import type { Nexus, TargetPort } from './nexus.js';
import { absentUnitOutcome } from './absent-unit.js';
import { checkedCdb } from './gates.js';
import { answer, invalidCdbField } from './parameter-data.js';
import { SENSE } from './sense.table.js';
import { spcTable } from './spc.table.js';
import { type Outcome, STATUS, type Task } from './task.js';
import { CheckCondition, encodeFixed } from './sense.js';

interface View {
  readonly nexus: Nexus;
  readonly sees: (lun: number) => boolean;
}

export class TargetDevice {
  readonly #units = new Map<number, LogicalUnit>();
  readonly #views = new Map<string, View>();
  readonly #log: Logger;
  #ports: readonly TargetPort[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  get units(): ReadonlyMap<number, LogicalUnit> {
    return this.#units;
  }
  get nexuses(): readonly Nexus[] {
    return [...this.#views.values()].map((view) => view.nexus);
  }

  // --- LUN inventory --------------------------------------------------------------------------------------------

  /** Adds a unit while the target is in use; initiators learn it by REPORTED LUNS DATA HAS CHANGED (3F/0E). */
  plug(lun: number, unit: LogicalUnit): void {
    this.#units.set(lun, unit);
    unit.setTargetPorts(this.#ports);
    for (const view of this.#views.values()) {
      if (view.sees(lun)) unit.attach(view.nexus);
    }
    this.#inventoryChanged(unit);
  }
  /** Takes it out of this target. Tasks under way to it end as if it had not been there; those by other targets go on. */
  async unplug(lun: number): Promise<void> {
    const unit = this.#units.get(lun);
    if (unit === undefined) return;
    this.#units.delete(lun);
    this.#inventoryChanged(unit);
    await Promise.all(this.nexuses.map(async (nexus) => await unit.detach(nexus, notSupported)));
  }
  #inventoryChanged(cause: LogicalUnit): void {
    for (const unit of this.#units.values()) {
      if (unit !== cause) unit.raise(SENSE.reportedLunsDataHasChanged);
    }
  }

  /** The portal groups at which the target is reachable, whether in use or not. */
  setPorts(ports: readonly TargetPort[]): void {
    this.#ports = ports;
    for (const unit of this.#units.values()) unit.setTargetPorts(ports);
  }

  // --- nexuses --------------------------------------------------------------------------------------------------

  /** A session has logged in; `sees` is its LUN mask. */
  attach(nexus: Nexus, sees: (lun: number) => boolean = () => true): void {
    this.#views.set(nexus.id, { nexus, sees });
    for (const [lun, unit] of this.#units) {
      if (sees(lun)) unit.attach(nexus);
    }
  }
  async detach(nexus: Nexus): Promise<void> {
    this.#views.delete(nexus.id);
    await Promise.all([...this.#units.values()].map(async (unit) => await unit.detach(nexus)));
  }
  /** The masks have changed: each nexus gets what it now sees, loses what it no longer does, and is told (3F/0E). */
  async remask(): Promise<void> {
    for (const { nexus, sees } of this.#views.values()) {
      const before = [...this.#units.values()].filter((unit) =>
        unit.nexuses.some(({ id }) => id === nexus.id),
      );
      const now = [...this.#units].filter(([lun]) => sees(lun)).map(([, unit]) => unit);
      const lost = before.filter((unit) => !now.includes(unit));
      const won = now.filter((unit) => !before.includes(unit));
      if (lost.length + won.length === 0) continue;
      for (const unit of lost) await unit.detach(nexus, notSupported);
      for (const unit of won) unit.attach(nexus);
      for (const unit of now) unit.attentions.raiseFor(nexus.id, SENSE.reportedLunsDataHasChanged);
    }
  }
  /** LUNs that the nexus may use, ascending. */
  lunsOf(nexus: Nexus): number[] {
    const view = this.#views.get(nexus.id);
    return [...this.#units.keys()].filter((lun) => view?.sees(lun) === true).toSorted((a, b) => a - b);
  }
  /** No unit is hidden from this nexus. */
  seesAll(nexus: Nexus): boolean {
    return this.lunsOf(nexus).length === this.#units.size;
  }
  unitAt(nexus: Nexus, lunField: Buffer): LogicalUnit | undefined {
    const lun = parseLun(lunField);
    if (lun === undefined || this.#views.get(nexus.id)?.sees(lun) !== true) return undefined;
    return this.#units.get(lun);
  }

  // --- tasks ----------------------------------------------------------------------------------------------------

  /** See LogicalUnit.landing. */
  landing(task: Task, bytes: number): Slab | undefined {
    return this.unitAt(task.nexus, task.lun)?.landing(task, bytes);
  }
  /** As LogicalUnit.execute. */
  execute(task: Task): Outcome | Promise<Outcome> {
    const unit = this.unitAt(task.nexus, task.lun);
    if (task.cdb[0] === REPORT_LUNS.opcode) return this.#reportLuns(task, unit);
    if (unit !== undefined) return unit.execute(task);
    this.#log.debug('Command for a LUN that is not there', {
      lun: task.lun.toString('hex'),
      cdb: task.cdb.toString('hex'),
    });
    return absentUnitOutcome(task);
  }

  /** REPORT LUNS (SPC-5 6.32): about the target, so it is answered here, whichever LUN it was sent to. */
  async #reportLuns(task: Task, unit: LogicalUnit | undefined): Promise<Outcome> {
    try {
      const { selectReport, allocationLength } = checkedCdb(REPORT_LUNS, task);
      if (selectReport > selectAll) throw invalidCdbField(2);
      if (allocationLength < reportBytesMin) throw invalidCdbField(6);
      const luns = selectReport === selectWellKnown ? [] : this.lunsOf(task.nexus);
      const header = Buffer.alloc(8);
      header.writeUInt32BE(luns.length * 8, 0);
      // SAM-5 5.14: the list tells what the unit attention is about, on every unit of the nexus.
      for (const one of this.#units.values()) {
        one.attentions.clear(task.nexus.id, SENSE.reportedLunsDataHasChanged);
      }
      await answer(task, Buffer.concat([header, ...luns.map(formatLun)]), allocationLength);
      return { status: task.canceled ? undefined : STATUS.good };
    } catch (error) {
      if (error instanceof CanceledError) return { status: undefined };
      if (!(error instanceof CheckCondition)) throw error;
      return unit === undefined ? await absentUnitOutcome(task, error) : unit.checkCondition(error);
    }
  }

  // --- resets of the whole target -----------------------------------------------------------------------------------

  async reset(kind: Reset, requester?: Nexus): Promise<void> {
    await Promise.all([...this.#units.values()].map(async (unit) => await unit.reset(kind, requester)));
  }
}

const notSupported: Outcome = {
  status: STATUS.checkCondition,
  sense: encodeFixed(SENSE.logicalUnitNotSupported),
};
const { REPORT_LUNS } = spcTable;
/** SELECT REPORT: 00h units of ours, 01h well known units (there are none), 02h both. */
const selectWellKnown = 1;
const selectAll = 2;
const reportBytesMin = 16;
