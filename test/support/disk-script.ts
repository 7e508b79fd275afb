/** Words of conversations with a FakeDisk: commands, and short ways to a session in which they can be said. */
import { noTag } from '#iscsi';
import { fakeBlockBytes } from './fake-disk.js';
import type { Initiator } from './initiator.js';

export const testUnitReady = [0, 0, 0, 0, 0, 0];
export const inquiry = [0x12, 0, 0, 0, 36, 0];
const transfer = (opcode: number, address: number, blocks: number): number[] => [
  opcode,
  0,
  0,
  0,
  address >> 8,
  address & 255,
  0,
  blocks >> 8,
  blocks & 255,
  0,
];
export const read10 = (address = 0, blocks = 1): number[] => transfer(0x28, address, blocks);
export const write10 = (address = 0, blocks = 1): number[] => transfer(0x2a, address, blocks);
/** Room for one block. */
export const oneBlock = { in: fakeBlockBytes };

/** Bytes that differ from block to block and from seed to seed. */
export const pattern = (blocks: number, seed = 1): Buffer =>
  Buffer.from(
    Array.from({ length: blocks * fakeBlockBytes }, (_, index) => (index * seed + (index >> 9)) & 0xff),
  );

/** The unit attention of a new nexus is out of the way. */
export async function ready(initiator: Initiator): Promise<Initiator> {
  await initiator.command(testUnitReady);
  return initiator;
}
/** Everything sent so far has been taken in: a command has gone through behind it. */
export async function sync(initiator: Initiator): Promise<void> {
  await initiator.command(inquiry, { in: 36, immediate: true });
}
/** The same, without a command. */
export async function ping(initiator: Initiator): Promise<void> {
  const { cmdSN } = initiator;
  initiator.send('nopOut', {
    immediate: true,
    final: true,
    initiatorTaskTag: 0x7000,
    targetTransferTag: noTag,
    cmdSN,
  });
  await initiator.expect('nopIn');
}
