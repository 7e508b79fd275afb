/**
 * Whose encryption parameters count (SSC-4 8.5.3): those a nexus set for itself, else those set for all, else none. The
 * drive works for one nexus at a time: before it reads or writes for another, it gets that one's. Keys are in memory only.
 */
import { CheckCondition, type Nexus, SENSE } from '#scsi';
import { type DriveEncryption, encryptionOff, type EncryptionSettings } from '#vtl';

/** What SET DATA ENCRYPTION gave. */
export interface Parameters {
  readonly settings: EncryptionSettings;
  /** KAD FORMAT and CEEM, to be told again. */
  readonly keyDataFormat: number;
  readonly checkExternal: number;
  /** KEY INSTANCE COUNTER. */
  readonly instance: number;
}
const none: Omit<Parameters, 'instance'> = { settings: encryptionOff, keyDataFormat: 0, checkExternal: 0 };

export type Scope = 'public' | 'local' | 'all';

/** A key that nobody uses any more leaves our memory; the drive has a copy of its own. */
const wipe = ({ settings }: Parameters): void => {
  settings.key?.fill(0);
};

export class EncryptionScopes {
  readonly #drive: DriveEncryption;
  #all: Parameters = { ...none, instance: 0 };
  /** The nexus that set what counts for all. */
  #allFrom: string | undefined;
  readonly #local = new Map<string, Parameters>();
  /** LOCK: key instance counter that the nexus insists on. */
  readonly #locks = new Map<string, number>();
  #instance = 0;
  /** What the drive has now. */
  #applied: EncryptionSettings = encryptionOff;
  #applying = false;

  constructor(drive: DriveEncryption) {
    this.#drive = drive;
  }

  scopeOf(nexus: Nexus): Scope {
    if (this.#local.has(nexus.id)) return 'local';
    return this.#allFrom === nexus.id ? 'all' : 'public';
  }
  /** KEY SCOPE: where what counts for the nexus comes from. */
  keyScopeOf(nexus: Nexus): Scope {
    if (this.#local.has(nexus.id)) return 'local';
    return this.#allFrom === undefined ? 'public' : 'all';
  }
  parametersOf(nexus: Nexus): Parameters {
    return this.#local.get(nexus.id) ?? this.#all;
  }
  /** This object is changing the drive's settings now: nobody else did. */
  get applying(): boolean {
    return this.#applying;
  }

  /** True when this may have changed what counts for others: those with the scope public. */
  set(nexus: Nexus, scope: Scope, given: Omit<Parameters, 'instance'>, lock: boolean): boolean {
    let othersChanged = false;
    this.#dropLocal(nexus.id);
    if (scope !== 'public') {
      this.#instance = (this.#instance + 1) >>> 0;
      const parameters = { ...given, instance: this.#instance };
      if (scope === 'local') this.#local.set(nexus.id, parameters);
      else {
        wipe(this.#all);
        this.#all = parameters;
        this.#allFrom = nexus.id;
        othersChanged = true;
      }
    }
    if (lock) this.#locks.set(nexus.id, this.parametersOf(nexus).instance);
    else this.#locks.delete(nexus.id);
    this.#apply(this.parametersOf(nexus).settings);
    return othersChanged;
  }
  /** Before the nexus reads or writes. Throws CheckCondition when it locked parameters that are no longer these. */
  use(nexus: Nexus): void {
    const { settings, instance } = this.parametersOf(nexus);
    const locked = this.#locks.get(nexus.id);
    if (locked !== undefined && locked !== instance)
      throw new CheckCondition(SENSE.keyInstanceCounterChanged);
    if (settings !== this.#applied) this.#apply(settings);
  }

  /** The medium goes: parameters with CKOD go with it. */
  demount(): void {
    if (this.#all.settings.clearOnDemount) this.#clearAll();
    for (const [id, { settings }] of this.#local) {
      if (settings.clearOnDemount) this.#dropLocal(id);
    }
    if (this.#applied.clearOnDemount) this.#apply(encryptionOff);
  }
  forget(nexusId: string): void {
    this.#locks.delete(nexusId);
    const own = this.#dropLocal(nexusId);
    if (own !== undefined && own.settings === this.#applied) this.#apply(this.#all.settings);
  }
  #dropLocal(nexusId: string): Parameters | undefined {
    const own = this.#local.get(nexusId);
    if (own !== undefined) wipe(own);
    this.#local.delete(nexusId);
    return own;
  }
  /** Power on, hard reset; or somebody else has set the drive. */
  reset(): void {
    for (const id of this.#local.keys()) this.#dropLocal(id);
    this.#locks.clear();
    this.#clearAll();
    this.#apply(encryptionOff);
  }
  /**
   * The drive's settings have changed, and not by this object. When it forgot them with the cartridge (CKOD) that is what was
   * asked for: false. Else an NDMP session or an operator has set them, and they count for all: true.
   */
  adopt(): boolean {
    const { settings } = this.#drive;
    const forgotten = settings.encryption === 'disable' && settings.decryption === 'disable';
    if (forgotten && this.#applied.clearOnDemount) {
      this.demount();
      return false;
    }
    this.#instance = (this.#instance + 1) >>> 0;
    wipe(this.#all);
    const { key } = settings; // the drive wipes its own when it gets another
    const own = { ...settings, key: key === undefined ? undefined : Buffer.from(key) };
    this.#all = { ...none, settings: own, instance: this.#instance };
    this.#allFrom = undefined;
    this.#applied = own;
    return true;
  }
  #clearAll(): void {
    this.#instance = (this.#instance + 1) >>> 0;
    wipe(this.#all);
    this.#all = { ...none, instance: this.#instance };
    this.#allFrom = undefined;
  }
  #apply(settings: EncryptionSettings): void {
    this.#applying = true;
    try {
      if (settings === encryptionOff) this.#drive.clear();
      else this.#drive.set(settings);
    } finally {
      this.#applying = false;
    }
    this.#applied = settings;
  }
}
