/** TapeAlert (SSC-4 4.2 and annex A): flags of the machine, and test flags that an initiator may raise. */
import { type Drive, TAPE_ALERT, type TapeAlertName } from '#vtl';

export const tapeAlertFlags = 64;

const names = new Map<number, TapeAlertName>(
  Object.entries(TAPE_ALERT).map(([name, flag]) => [flag, name as TapeAlertName]),
);

/** Eight bytes, flag 1 in the most significant bit of the first: the flags that events of ours raise. */
export function supportedFlags(): Buffer {
  let bits = 0n;
  for (const flag of names.keys()) bits |= bitOf(flag);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(bits);
  return bytes;
}
const bitOf = (flag: number): bigint => 1n << BigInt(tapeAlertFlags - flag);

export class TapeAlerts {
  readonly #drive: Drive;
  /** Raised by test; flags of the machine's own go through the machine. */
  readonly #tested = new Set<number>();

  constructor(drive: Drive) {
    this.#drive = drive;
  }

  /** Flag n, 1 … 64, is up. */
  isActive(flag: number): boolean {
    const name = names.get(flag);
    return this.#tested.has(flag) || (name !== undefined && this.#drive.tapeAlerts.has(name));
  }
  /** All flags, flag 1 most significant. */
  get bits(): bigint {
    let bits = this.#drive.tapeAlertBits;
    for (const flag of this.#tested) bits |= bitOf(flag);
    return bits;
  }
  raise(flag: number): void {
    const name = names.get(flag);
    if (name === undefined) this.#tested.add(flag);
    else this.#drive.raiseTapeAlert(name);
  }
  lower(flag: number): void {
    this.#tested.delete(flag);
    const name = names.get(flag);
    if (name !== undefined) this.#drive.lowerTapeAlert(name);
  }
  /** The log page has told them: they go down until they are raised again (SSC-4 8.2). */
  lowerAll(): void {
    for (let flag = 1; flag <= tapeAlertFlags; flag++) {
      if (this.isActive(flag)) this.lower(flag);
    }
  }
  /** TEST FLAG NUMBER of the Informational Exceptions Control page: n raises, −n lowers, 32767 raises all (SSC-4 8.3.6). */
  test(testFlagNumber: number): void {
    if (testFlagNumber === 0x7fff) {
      for (let flag = 1; flag <= tapeAlertFlags; flag++) this.raise(flag);
    } else if (testFlagNumber > 0) this.raise(testFlagNumber);
    else if (testFlagNumber < 0) this.lower(-testFlagNumber);
  }
}
