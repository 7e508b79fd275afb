/** Mode parameter header and block descriptor of tape drives (SSC-4 8.3.1): what belongs to no page. */
import { recordBytesMax } from '#limits';
import { invalidParameter, type ModeHeader, type PageControl, type SentModeHeader } from '#scsi';
import { type Drive, mediaOf } from '#vtl';
import { bits, flag, record, u24, u8 } from '#wire';
import { mediumTypeOf } from './density.js';
import type { DrivePersonality } from './personality.js';

const deviceSpecific = record(1, {
  writeProtected: flag(0, 7),
  bufferedMode: bits(0, 6, 4),
  speed: bits(0, 3, 0),
});
const blockDescriptor = record(8, { densityCode: u8(0), blocks: u24(1), blockLength: u24(5) });

/** DENSITY CODE: the default of the unit; no change. */
const density = { default: 0x00, noChange: 0x7f } as const;
const bufferedModeDefault = 1;
/** 2h, buffered for all initiators, is what 1h does here anyway. */
const bufferedModeMax = 2;

export class TapeModeHeader implements ModeHeader {
  readonly #drive: Drive;
  readonly #personality: DrivePersonality;
  #blockLength = 0;
  #bufferedMode = bufferedModeDefault;

  constructor(drive: Drive, personality: DrivePersonality) {
    this.#drive = drive;
    this.#personality = personality;
  }

  get blockLength(): number {
    return this.#blockLength;
  }
  get bufferedMode(): number {
    return this.#bufferedMode;
  }
  /** Of the medium; zero while none is loaded. */
  get densityCode(): number {
    return this.#loaded?.medium.densityCode ?? density.default;
  }
  get #loaded(): Drive['cartridge'] {
    return this.#drive.state === 'ready' ? this.#drive.cartridge : undefined;
  }

  reset(): void {
    this.#blockLength = 0;
    this.#bufferedMode = bufferedModeDefault;
  }

  sense(pageControl: PageControl): { readonly mediumType: number; readonly deviceSpecific: number } {
    const writeProtected = ['write-protected', 'read-only-generation'].includes(this.#drive.writable);
    const shown = {
      current: this.#bufferedMode,
      changeable: 0b111,
      default: bufferedModeDefault,
      saved: bufferedModeDefault,
    };
    const byte = deviceSpecific.encode({
      writeProtected: pageControl !== 'changeable' && writeProtected,
      bufferedMode: shown[pageControl],
      speed: 0,
    });
    return { mediumType: this.#mediumType, deviceSpecific: byte.readUInt8() };
  }
  get #mediumType(): number {
    const loaded = this.#loaded;
    return loaded === undefined ? 0 : mediumTypeOf(this.#personality, loaded.medium, loaded.worm);
  }

  blockDescriptor(pageControl: PageControl): Buffer {
    const shown = { current: this.#blockLength, changeable: 0xff_ffff, default: 0, saved: 0 };
    return blockDescriptor.encode({
      densityCode: pageControl === 'changeable' ? 0 : this.densityCode,
      blocks: 0, // all of the medium
      blockLength: shown[pageControl],
    });
  }

  select(sent: SentModeHeader): (() => void) | undefined {
    if (sent.mediumType !== 0 && sent.mediumType !== this.#mediumType)
      throw invalidParameter(sent.at.mediumType);
    // WP is not for setting: what MODE SENSE gave may come back as it was.
    const { bufferedMode, speed } = deviceSpecific.decode(Buffer.from([sent.deviceSpecific]));
    if (bufferedMode > bufferedModeMax) throw invalidParameter(sent.at.deviceSpecific, 6);
    if (speed !== 0) throw invalidParameter(sent.at.deviceSpecific, 3);
    const blockLength = sent.blockDescriptor.length === 0 ? this.#blockLength : this.#checkDescriptor(sent);
    if (bufferedMode === this.#bufferedMode && blockLength === this.#blockLength) return undefined;
    return () => {
      this.#bufferedMode = bufferedMode;
      this.#blockLength = blockLength;
    };
  }
  #checkDescriptor(sent: SentModeHeader): number {
    const at = sent.at.blockDescriptor;
    const { densityCode, blocks, blockLength } = blockDescriptor.decode(sent.blockDescriptor);
    if (!this.#takesDensity(densityCode)) throw invalidParameter(at);
    if (blocks !== 0) throw invalidParameter(at + 1);
    if (blockLength > recordBytesMax) throw invalidParameter(at + 5);
    return blockLength;
  }
  /** The density is the medium's: of a loaded one only that is right, without one any that the drive takes. */
  #takesDensity(code: number): boolean {
    if (code === density.default || code === density.noChange) return true;
    if (this.#loaded !== undefined) return code === this.densityCode;
    return mediaOf(this.#personality.generation).some(({ densityCode }) => densityCode === code);
  }
}
