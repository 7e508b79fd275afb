/** Bits of the u_longs that are sets (ndmp2.x, ndmp3.x, ndmp4.x). `unsupported` is called `invalid` in version 3. */
export const SCSI_FLAG = { dataIn: 0x1, dataOut: 0x2 } as const;

export const TAPE_FLAG = { noRewind: 0x08, writeProtected: 0x10, error: 0x20, unload: 0x40 } as const;
/** `partition` is version 3's. */
export const TAPE_UNSUPPORTED = {
  fileNum: 0x01,
  softErrors: 0x02,
  blockSize: 0x04,
  blockno: 0x08,
  totalSpace: 0x10,
  spaceRemain: 0x20,
  partition: 0x40,
} as const;
/** What a device does on close; `raw` since version 4. */
export const TAPE_ATTRIBUTE = { rewind: 0x1, unload: 0x2, raw: 0x4 } as const;

export const DATA_UNSUPPORTED = { estBytesRemain: 0x1, estTimeRemain: 0x2 } as const;
export const FS_INFO_UNSUPPORTED = {
  totalSize: 0x01,
  usedSize: 0x02,
  availSize: 0x04,
  totalInodes: 0x08,
  usedInodes: 0x10,
} as const;
export const FILE_STAT_UNSUPPORTED = { atime: 0x1, ctime: 0x2, group: 0x4 } as const;

/** What a backup type can do. Version 2 says what it cannot. */
export const BUTYPE_V2 = {
  noBackupFilelist: 0x01,
  noBackupFhinfo: 0x02,
  noRecoverFilelist: 0x04,
  noRecoverFhinfo: 0x08,
  noRecoverIncOnly: 0x20,
} as const;
export const BUTYPE_V3 = {
  backupFileHistory: 0x001,
  backupFilelist: 0x002,
  recoverFilelist: 0x004,
  backupDirect: 0x008,
  recoverDirect: 0x010,
  backupIncremental: 0x020,
  recoverIncremental: 0x040,
  backupUtf8: 0x080,
  recoverUtf8: 0x100,
  recoverFileHistory: 0x200,
} as const;
export const BUTYPE_V4 = {
  backupFilelist: 0x0002,
  recoverFilelist: 0x0004,
  backupDirect: 0x0008,
  recoverDirect: 0x0010,
  backupIncremental: 0x0020,
  recoverIncremental: 0x0040,
  backupUtf8: 0x0080,
  recoverUtf8: 0x0100,
  backupFhFile: 0x0200,
  backupFhDir: 0x0400,
  recoverFilehist: 0x0800,
  recoverFhFile: 0x1000,
  recoverFhDir: 0x2000,
} as const;
