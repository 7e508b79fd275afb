/** Where a drive stands. */
export interface Position {
  readonly partition: number;
  /** Logical objects (records and filemarks) before this place in the partition. */
  readonly object: number;
  /** Filemarks before this place in the partition: the logical file number. */
  readonly file: number;
  /** At the beginning of the partition. */
  readonly bop: boolean;
  /** At the end of data of the partition. */
  readonly eod: boolean;
  /** Between early warning and the end of the partition. */
  readonly earlyWarning: boolean;
  readonly programmableEarlyWarning: boolean;
}

export interface Destination {
  /** Stays in the current partition when undefined. */
  readonly partition?: number | undefined;
  /** Exactly one of the three. */
  readonly object?: number | undefined;
  /** The beginning of this logical file: behind its preceding filemark; file 0 is the beginning of the partition. */
  readonly file?: number | undefined;
  readonly eod?: true | undefined;
}

export type SpaceUnit = 'blocks' | 'filemarks' | 'sequential-filemarks' | 'eod';

export interface SpaceResult {
  /** Units passed, never negative; the residue is |count| − moved. */
  readonly moved: number;
  /** What ended the motion early; absent when all was done. */
  readonly stoppedBy?: 'filemark' | 'eod' | 'bop';
}
export interface WriteResult {
  /** The place behind what was written lies between early warning and the end of the partition. */
  readonly earlyWarning: boolean;
  /** This write entered the programmable early warning zone. */
  readonly programmableEarlyWarning: boolean;
}
