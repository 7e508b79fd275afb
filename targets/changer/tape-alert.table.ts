/** TapeAlert flags of media changers (SMC-3 table 41): parameter codes 1 to 64 of log page 2Eh; unnamed ones are reserved. */

const names: Readonly<Record<number, string>> = {
  0x01: 'Library hardware A',
  0x02: 'Library hardware B',
  0x03: 'Library hardware C',
  0x04: 'Library hardware D',
  0x05: 'Library diagnostics required',
  0x06: 'Library interface',
  0x07: 'Failure prediction',
  0x08: 'Library maintenance',
  0x09: 'Library humidity limits',
  0x0a: 'Library temperature limits',
  0x0b: 'Library voltage limits',
  0x0c: 'Library stray medium',
  0x0d: 'Library pick retry',
  0x0e: 'Library place retry',
  0x0f: 'Library load retry',
  0x10: 'Library door',
  0x11: 'Library mailslot',
  0x12: 'Library magazine',
  0x13: 'Library security',
  0x14: 'Library security mode',
  0x15: 'Library offline',
  0x16: 'Library drive offline',
  0x17: 'Library scan retry',
  0x18: 'Library inventory',
  0x19: 'Library illegal operation',
  0x1a: 'Pass-through mechanism',
  0x1b: 'Cartridge in pass-through mechanism',
  0x1c: 'Unreadable bar code labels',
};

export const alertFlags: readonly { readonly flag: number; readonly name: string }[] = Array.from(
  { length: 64 },
  (_, index) => ({ flag: index + 1, name: names[index + 1] ?? 'Reserved' }),
);

/** Flags that something here raises. */
export const ALERT = {
  /** A drive could not give or take a cartridge: the motion failed. */
  loadRetry: 0x0f,
  /** A mail slot is open, so the robot cannot work there. */
  mailslot: 0x11,
  /** A drive was taken out. */
  driveOffline: 0x16,
} as const;
