/**
 * PrimaryUnit: a logical unit with the commands of all device types (spc.table.ts, spc.ts). Tape drives and changers are
 * kinds of it: they say what their pages are, and get INQUIRY, mode and log commands, reservations and the rest.
 */
import type { Env, Logger } from '#env';
import { selfTestResultsMax } from '../limits.js';
import type { Command } from './command.js';
import { LogicalUnit, type Reset } from './logical-unit.js';
import type { LogPages } from './log-pages.js';
import type { ModePages } from './mode-pages.js';
import type { Nexus } from './nexus.js';
import type { Persistence } from './persistence.js';
import { Reservations } from './reservation.js';
import { CheckCondition } from './sense.js';
import { SENSE } from './sense.table.js';
import { CONTROL } from './spc-pages.table.js';
import type { Task } from './task.js';
import { Timestamp } from './timestamp.js';
import { UnitBuffers } from './unit-buffers.js';
import type { InquiryData, VpdPages } from './vpd-page.js';

/** Names of one unit; a user may set all of them. */
export interface UnitIdentity {
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  readonly serial: string;
  /** NAA name: 8 bytes, or 16 when its first digit is 6. */
  readonly naa: Buffer;
}

export interface PrimaryUnitOptions {
  readonly env: Env;
  readonly identity: UnitIdentity;
  readonly persistence: Persistence;
}

export type SelfTest = 'default' | 'short' | 'extended';
export interface SelfTestResult {
  /** SELF-TEST CODE of SEND DIAGNOSTIC; 0 for the default self-test. */
  readonly code: number;
  readonly passed: boolean;
  readonly atMs: number;
}

export abstract class PrimaryUnit extends LogicalUnit {
  readonly env: Env;
  readonly persistence: Persistence;
  readonly reservations: Reservations;
  readonly timestamp: Timestamp;
  readonly buffers = new UnitBuffers();
  protected readonly log: Logger;
  #identity: UnitIdentity;
  #selfTests: readonly SelfTestResult[] = [];

  constructor({ env, identity, persistence }: PrimaryUnitOptions) {
    super();
    this.env = env;
    this.#identity = identity;
    this.persistence = persistence;
    this.log = env.log;
    this.timestamp = new Timestamp(env.clock);
    this.reservations = new Reservations(persistence, () => this.partReserved);
  }

  get identity(): UnitIdentity {
    return this.#identity;
  }
  /** The user gave it other names: initiators are told. */
  rename(identity: UnitIdentity): void {
    this.#identity = identity;
    this.raise(SENSE.inquiryDataHasChanged);
  }

  // --- what a kind of unit says -----------------------------------------------------------------------------------

  abstract readonly inquiry: InquiryData;
  abstract readonly modePages: ModePages;
  /** Its own rows and the common ones, over its own class. */
  abstract readonly logPages: LogPages<never>;
  abstract readonly vpdPages: VpdPages<never>;

  /** Nominal and recommended seconds of a command, when a personality knows better than the row. */
  timeoutsOf(row: Command): { readonly nominalSeconds: number; readonly recommendedSeconds: number } {
    return row.timeouts ?? { nominalSeconds: 1, recommendedSeconds: 60 };
  }
  /** What REQUEST SENSE says when no unit attention is pending: why the unit is not ready, progress, nothing. */
  senseNow(task: Task): CheckCondition | undefined {
    const deferred = this.takeDeferredError(task);
    if (deferred !== undefined) return deferred;
    try {
      this.checkReady(task);
      return undefined;
    } catch (error) {
      if (error instanceof CheckCondition && error.sense.key === 'not-ready') return error;
      if (error instanceof CheckCondition) return undefined;
      throw error;
    }
  }
  /** Runs a self-test; false when the unit has failed it. */
  protected async test(_kind: SelfTest): Promise<boolean> {
    return await Promise.resolve(true);
  }

  // --- life ---------------------------------------------------------------------------------------------------------

  /**
   * Reads what outlives the process: saved mode pages and registrations. Call once, before the unit is plugged in. Throws
   * ProtocolError for damaged registrations: to go on without them would open the unit to those whom they keep out.
   */
  async load(): Promise<void> {
    await this.modePages.load();
    await this.reservations.load();
  }

  override get descriptorSense(): boolean {
    return this.modePages.find(CONTROL)?.descriptorSense ?? false;
  }
  override get taskAbortedStatus(): boolean {
    return this.modePages.find(CONTROL)?.taskAbortedStatus ?? false;
  }

  /** Tests the unit and keeps the result for the Self-Test Results log page. */
  async selfTest(kind: SelfTest, code: number): Promise<boolean> {
    const passed = await this.test(kind);
    const result = { code, passed, atMs: this.env.clock.wallMs() };
    this.#selfTests = [result, ...this.#selfTests].slice(0, selfTestResultsMax);
    return passed;
  }
  /** Newest first. */
  get selfTests(): readonly SelfTestResult[] {
    return this.#selfTests;
  }

  /** A part of the unit is reserved by RESERVE: elements of a changer. */
  protected get partReserved(): boolean {
    return false;
  }
  /** A nexus has lost its registration to PREEMPT AND ABORT: PREVENT of medium removal by it ends (SPC-5 5.14.11.2.5). */
  preempted(_nexus: Nexus): void {
    return;
  }
  /** Overriders call super. */
  protected override onReset(_kind: Reset): void {
    this.modePages.reset();
  }
  /** Overriders call super. */
  protected override onNexusLoss(nexus: Nexus): void {
    this.buffers.forget(nexus.id);
  }
}
