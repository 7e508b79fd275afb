/**
 * Persistent reservations as they are kept for APTPL. Version 1, big-endian: magic "TSPR", version u8, type u8 (0: no
 * reservation), index u16 of the holder (FFFFh: all registrants), count u16; then for each registration key u64, relative
 * target port u16, length u16 of the initiator port name, and the name in UTF-8.
 */
import { ProtocolError } from '../errors.js';
import {
  noReservations,
  type Registration,
  RESERVATION_TYPE,
  type ReservationState,
  samePair,
} from './persistent-reservation.js';

const magic = 'TSPR';
const version = 1;
const headerBytes = 10;
const registrationBytes = 12;
const allRegistrants = 0xffff;

export function encodeReservations({ registrations, reservation }: ReservationState): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write(magic, 0, 'latin1');
  header[4] = version;
  header[5] = reservation?.type ?? 0;
  const holder = reservation?.holder;
  const index =
    holder === undefined ? allRegistrants : registrations.findIndex((one) => samePair(one, holder));
  header.writeUInt16BE(index, 6);
  header.writeUInt16BE(registrations.length, 8);
  return Buffer.concat([header, ...registrations.map(encodeRegistration)]);
}
function encodeRegistration({ key, relativeTargetPort, initiatorPort }: Registration): Buffer {
  const name = Buffer.from(initiatorPort, 'utf8');
  const fixed = Buffer.alloc(registrationBytes);
  fixed.writeBigUInt64BE(key, 0);
  fixed.writeUInt16BE(relativeTargetPort, 8);
  fixed.writeUInt16BE(name.length, 10);
  return Buffer.concat([fixed, name]);
}

/** Throws ProtocolError 'not-reservations' for anything that is not whole. */
export function decodeReservations(saved: Buffer): ReservationState {
  const whole =
    saved.length >= headerBytes && saved.toString('latin1', 0, 4) === magic && saved[4] === version;
  if (!whole) throw damaged(saved);
  const count = saved.readUInt16BE(8);
  const registrations: Registration[] = [];
  let at = headerBytes;
  for (let left = count; left > 0; left--) {
    if (at + registrationBytes > saved.length) throw damaged(saved);
    const end = at + registrationBytes + saved.readUInt16BE(at + 10);
    if (end > saved.length) throw damaged(saved);
    registrations.push({
      key: saved.readBigUInt64BE(at),
      relativeTargetPort: saved.readUInt16BE(at + 8),
      initiatorPort: saved.toString('utf8', at + registrationBytes, end),
    });
    at = end;
  }
  if (at !== saved.length) throw damaged(saved);
  if (count === 0) return noReservations;
  return { registrations, reservation: holderOf(saved, registrations), generation: 0, persists: true };
}

function holderOf(saved: Buffer, registrations: readonly Registration[]): ReservationState['reservation'] {
  const code = saved.readUInt8(5);
  if (code === 0) return undefined;
  const type = Object.values(RESERVATION_TYPE).find((one) => one === code);
  const index = saved.readUInt16BE(6);
  const holder = registrations[index];
  if (type === undefined || (index !== allRegistrants && holder === undefined)) throw damaged(saved);
  if (holder === undefined) return { type, holder: undefined };
  return {
    type,
    holder: { initiatorPort: holder.initiatorPort, relativeTargetPort: holder.relativeTargetPort },
  };
}

const damaged = (saved: Buffer): ProtocolError =>
  new ProtocolError('not-reservations', 'Saved persistent reservations are damaged', { bytes: saved.length });
