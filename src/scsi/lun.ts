/** The eight-byte LUN of SAM-5 4.7: peripheral and flat space addressing, single level. */

/** The number, or undefined for an addressing method that no unit of ours has. */
export function parseLun(field: Buffer): number | undefined {
  if (field.readUInt16BE(2) !== 0 || field.readUInt32BE(4) !== 0) return undefined;
  const first = field.readUInt16BE(0);
  const method = first >> 14;
  if (method === 0) return first <= 0xff ? first : undefined; // bus number 0 only
  return method === 1 ? first & 0x3fff : undefined;
}

/** Peripheral addressing up to 255, flat space above. */
export function formatLun(lun: number): Buffer {
  const field = Buffer.alloc(8);
  field.writeUInt16BE(lun <= 0xff ? lun : 0x4000 | lun, 0);
  return field;
}
