/** A small disk in memory, for tests of the transport: it reads and writes what it is told, in pieces, and can be held up. */
import { type Env, realEnv } from '#env';
import {
  answer,
  bind,
  CheckCondition,
  command,
  CommandSet,
  CONTROL,
  type Handler,
  LogPages,
  ModePages,
  plainModeHeader,
  PrimaryUnit,
  SENSE,
  spcCommands,
  spcVpdPages,
  usePage,
  VpdPages,
} from '#scsi';
import { type Slab, u16, u32, u64 } from '#wire';
import { plainIdentity } from './plain-unit.js';
import { MemoryPersistence } from './scsi.js';

export const fakeBlockBytes = 512;

const transfer = { address: u32(2), blocks: u16(7) } as const;
const diskTable = {
  READ_CAPACITY_10: command({
    name: 'READ CAPACITY(10)',
    opcode: 0x25,
    length: 10,
    spec: 'SBC-4 5.20',
    fields: {},
    data: 'in',
    reservation: 'allowed',
  }),
  READ_10: command({
    name: 'READ(10)',
    opcode: 0x28,
    length: 10,
    spec: 'SBC-4 5.16',
    fields: transfer,
    data: 'in',
    reservation: 'read',
  }),
  WRITE_10: command({
    name: 'WRITE(10)',
    opcode: 0x2a,
    length: 10,
    spec: 'SBC-4 5.39',
    fields: transfer,
    data: 'out',
    reservation: 'conflict',
  }),
  READ_CAPACITY_16: command({
    name: 'READ CAPACITY(16)',
    opcode: 0x9e,
    serviceAction: 0x10,
    length: 16,
    spec: 'SBC-4 5.21',
    fields: { address: u64(2), allocationLength: u32(10) },
    data: 'in',
    reservation: 'allowed',
  }),
} as const;

export class FakeDisk extends PrimaryUnit {
  readonly commands: CommandSet<FakeDisk>;
  readonly vpdPages: VpdPages<FakeDisk> = new VpdPages<FakeDisk>(spcVpdPages);
  readonly modePages: ModePages;
  readonly logPages = new LogPages<FakeDisk>([]);
  readonly inquiry = {
    ...plainIdentity,
    deviceType: 0x00,
    removableMedium: false,
    version: 0x07,
    versionDescriptors: [0x00a0, 0x0960],
  };
  readonly bytes: Buffer;
  /** Bytes asked of the transport at a time. */
  pieceBytes = 64 * 1024;
  /** Slabs that the unit holds and has not released. */
  slabsHeld = 0;
  #gate: Promise<void> | undefined;
  #open: (() => void) | undefined;

  constructor(blocks = 8192, env: Env = realEnv()) {
    const persistence = new MemoryPersistence();
    super({ env, identity: plainIdentity, persistence });
    this.bytes = Buffer.alloc(blocks * fakeBlockBytes);
    this.modePages = new ModePages([usePage(CONTROL)], plainModeHeader, persistence);
    this.commands = new CommandSet<FakeDisk>([
      ...spcCommands,
      ...bind<FakeDisk, typeof diskTable>(diskTable, {
        READ_CAPACITY_10: readCapacity10,
        READ_CAPACITY_16: readCapacity16,
        READ_10: read10,
        WRITE_10: write10,
      }),
    ]);
  }

  /** Reads and writes wait from now on until `go`. */
  stop(): void {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve));
  }
  go(): void {
    this.#open?.();
    this.#gate = undefined;
  }
  async waitForGo(): Promise<void> {
    await this.#gate;
  }
  range(address: number, blocks: number): { from: number; to: number } {
    const from = address * fakeBlockBytes;
    const to = from + blocks * fakeBlockBytes;
    if (to > this.bytes.length)
      throw new CheckCondition(SENSE.invalidFieldInCdb, { field: { in: 'cdb', byte: 2 } });
    return { from, to };
  }
}

const readCapacity10: Handler<FakeDisk, unknown> = async (unit, task) => {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(unit.bytes.length / fakeBlockBytes - 1, 0);
  data.writeUInt32BE(fakeBlockBytes, 4);
  await answer(task, data, 8);
};
const readCapacity16: Handler<FakeDisk, { readonly allocationLength: number }> = async (unit, task, cdb) => {
  const data = Buffer.alloc(32);
  data.writeBigUInt64BE(BigInt(unit.bytes.length / fakeBlockBytes - 1), 0);
  data.writeUInt32BE(fakeBlockBytes, 8);
  await answer(task, data, cdb.allocationLength);
};

type Transfer = { readonly address: number; readonly blocks: number };

const read10: Handler<FakeDisk, Transfer> = async (unit, task, cdb) => {
  await unit.waitForGo();
  const { from, to } = unit.range(cdb.address, cdb.blocks);
  for (let at = from; at < to; at += unit.pieceBytes) {
    const piece = unit.bytes.subarray(at, Math.min(to, at + unit.pieceBytes));
    unit.slabsHeld += 1;
    const slab: Slab = { length: piece.length, slices: [piece], release: () => (unit.slabsHeld -= 1) };
    await task.send(slab);
  }
};
const write10: Handler<FakeDisk, Transfer> = async (unit, task, cdb) => {
  await unit.waitForGo();
  const { from, to } = unit.range(cdb.address, cdb.blocks);
  for (let at = from; at < to;) {
    const slab = await task.receive(Math.min(unit.pieceBytes, to - at));
    if (slab.length === 0) return;
    for (const slice of slab.slices) at += slice.copy(unit.bytes, at);
    slab.release();
  }
};
