/** Face of the bytes layer. */
export { crc32c } from './crc32c.js';
export type { Bit, Field, Fields, Kind, ValueOf } from './fields.js';
export { ascii, bits, bytes, flag, u8, u16, u24, u32, u40, u48, u64 } from './fields.js';
export { formatHex, parseHex } from './hex.js';
export { liesAt, put, roomIn, unalignedBytes } from './put.js';
export type { RecordCodec, ReservedBit } from './record.js';
export { record } from './record.js';
export type { SerialNumber } from './serial.js';
export { distance, increment, inWindow, isBefore } from './serial.js';
export type { Slab } from './slab.js';
export { alignedBuffer, copyOf, ownedSlab, SlabPool } from './slab.js';
export { bigintOf, writeBigint } from './u64.js';
export { xxh64, xxh64Of } from './xxhash.js';
