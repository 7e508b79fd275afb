/** PERSISTENT RESERVE OUT as tests send it, written from the tables of SPC-5 6.17 and not with our encoders. */
import type { LogicalUnit, Nexus } from '#scsi';
import { PlainUnit } from './plain-unit.js';
import { ask, attached, MemoryPersistence, type Ran } from './scsi.js';

export const RESERVE_ACTION = {
  register: 0,
  reserve: 1,
  release: 2,
  clear: 3,
  preempt: 4,
  preemptAndAbort: 5,
  registerIgnore: 6,
} as const;

export interface ReserveOutOptions {
  readonly key?: number;
  readonly serviceKey?: number;
  readonly type?: number;
  readonly scope?: number;
  /** Byte 20: SPEC_I_PT 8, ALL_TG_PT 4, APTPL 1. */
  readonly flags?: number;
  /** After the 24 bytes. */
  readonly more?: Buffer;
}

export async function reserveOut(
  unit: LogicalUnit,
  nexus: Nexus,
  action: keyof typeof RESERVE_ACTION,
  options: ReserveOutOptions = {},
): Promise<Ran> {
  const { key = 0, serviceKey = 0, type = 0, scope = 0, flags = 0, more = Buffer.alloc(0) } = options;
  const list = Buffer.concat([Buffer.alloc(24), more]);
  list.writeBigUInt64BE(BigInt(key), 0);
  list.writeBigUInt64BE(BigInt(serviceKey), 8);
  list[20] = flags;
  const cdb = Buffer.from([0x5f, RESERVE_ACTION[action], (scope << 4) | type, 0, 0, 0, 0, 0, 0, 0]);
  cdb.writeUInt32BE(list.length, 5);
  return await ask(unit, nexus, cdb, list);
}

export async function registerAndMove(
  unit: LogicalUnit,
  nexus: Nexus,
  options: {
    key: number;
    serviceKey: number;
    to: Buffer;
    port?: number;
    unregister?: boolean;
    persists?: boolean;
  },
): Promise<Ran> {
  const list = Buffer.concat([Buffer.alloc(24), options.to]);
  list.writeBigUInt64BE(BigInt(options.key), 0);
  list.writeBigUInt64BE(BigInt(options.serviceKey), 8);
  list[17] = (options.unregister === true ? 2 : 0) | (options.persists === true ? 1 : 0);
  list.writeUInt16BE(options.port ?? 1, 18);
  list.writeUInt32BE(options.to.length, 20);
  const cdb = Buffer.from([0x5f, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
  cdb.writeUInt32BE(list.length, 5);
  return await ask(unit, nexus, cdb, list);
}

/** READ KEYS: the generation and the keys. */
export async function readKeys(
  unit: LogicalUnit,
  nexus: Nexus,
): Promise<{ generation: number; keys: number[] }> {
  const { data } = await ask(unit, nexus, '5e000000000000ffff00');
  const keys = Array.from({ length: data.readUInt32BE(4) / 8 }, (_, index) =>
    Number(data.readBigUInt64BE(8 + 8 * index)),
  );
  return { generation: data.readUInt32BE(0), keys };
}
/** READ RESERVATION: type and key; undefined without a reservation. */
export async function readReservation(
  unit: LogicalUnit,
  nexus: Nexus,
): Promise<{ type: number; key: number } | undefined> {
  const { data } = await ask(unit, nexus, '5e010000000000ffff00');
  if (data.readUInt32BE(4) === 0) return undefined;
  return { key: Number(data.readBigUInt64BE(8)), type: data.readUInt8(21) };
}

export interface ThreeNexuses {
  readonly unit: PlainUnit;
  readonly a: Nexus;
  readonly b: Nexus;
  readonly c: Nexus;
}
/** Nexuses a and b, registered with keys 10 and 11, and c. */
export async function threeNexuses(persistence = new MemoryPersistence()): Promise<ThreeNexuses> {
  const unit = new PlainUnit(persistence);
  const [a, b, c] = [attached(unit, 'a'), attached(unit, 'b'), attached(unit, 'c')];
  await reserveOut(unit, a, 'register', { serviceKey: 10 });
  await reserveOut(unit, b, 'register', { serviceKey: 11 });
  return { unit, a, b, c };
}

/** TransportID by the table of SPC-5: format, protocol 5, length, text, null and padding to four. */
export function transportId(text: string, format: number): Buffer {
  const body = Buffer.alloc(Math.max(20, Math.ceil((text.length + 1) / 4) * 4));
  body.write(text);
  return Buffer.concat([Buffer.from([(format << 6) | 5, 0, 0, body.length]), body]);
}
/** TransportIDs with the length before them, as SPEC_I_PT wants them. */
export const withLength = (...ids: readonly Buffer[]): Buffer => {
  const length = Buffer.alloc(4);
  const all = Buffer.concat(ids);
  length.writeUInt32BE(all.length);
  return Buffer.concat([length, all]);
};
