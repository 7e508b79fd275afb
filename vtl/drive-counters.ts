/** What a drive and a volume have done, as log pages and MAM want it. Numbers only grow, except where a load resets them. */

export interface Traffic {
  recordsWritten: number;
  recordsRead: number;
  filemarksWritten: number;
  filemarksRead: number;
  /** Bytes between host and drive. */
  hostBytesWritten: number;
  hostBytesRead: number;
  /** Bytes between drive and medium. The ratio of the two is what a compression page shows. */
  mediumBytesWritten: number;
  mediumBytesRead: number;
  uncorrectedWriteErrors: number;
  uncorrectedReadErrors: number;
}
export const noTraffic = (): Traffic => ({
  recordsWritten: 0,
  recordsRead: 0,
  filemarksWritten: 0,
  filemarksRead: 0,
  hostBytesWritten: 0,
  hostBytesRead: 0,
  mediumBytesWritten: 0,
  mediumBytesRead: 0,
  uncorrectedWriteErrors: 0,
  uncorrectedReadErrors: 0,
});

/** A drive's life. Plain data: whoever owns the drive may save it and give it back. */
export interface DriveCounters extends Traffic {
  loads: number;
  unloads: number;
  cleanings: number;
  rewinds: number;
  locates: number;
  spaces: number;
  synchronizations: number;
  /** Bytes between host and drive since the last cleaning. */
  bytesSinceCleaning: number;
  loadFailures: number;
  /** Since the cartridge was loaded; zero again with every load. */
  sinceLoad: Traffic;
}
export const noDriveCounters = (): DriveCounters => ({
  ...noTraffic(),
  loads: 0,
  unloads: 0,
  cleanings: 0,
  rewinds: 0,
  locates: 0,
  spaces: 0,
  synchronizations: 0,
  bytesSinceCleaning: 0,
  loadFailures: 0,
  sinceLoad: noTraffic(),
});

/** A volume's life; kept in its label. */
export interface VolumeStatistics {
  /** Threads of the medium: MAM 0003h, log page 17h. */
  loads: number;
  /** Times the beginning of a partition was passed. */
  beginningPasses: number;
  life: Traffic;
  /** The load before this one; while unloaded, the last. */
  lastLoad: Traffic;
  /** Truncations of content: overwriting from the middle. */
  overwrites: number;
}
export const noVolumeStatistics = (): VolumeStatistics => ({
  loads: 0,
  beginningPasses: 0,
  life: noTraffic(),
  lastLoad: noTraffic(),
  overwrites: 0,
});
