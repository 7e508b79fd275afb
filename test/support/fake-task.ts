/**
 * FakeTask: a transport in memory. Hands a logical unit the data-out it was given, piece by piece, and gathers data-in.
 * It holds the unit to the contract of Task: slabs are released, nothing runs after `cancel`.
 */
import { CanceledError } from '#errors';
import type { Nexus, Outcome, Task, TaskAttribute } from '#scsi';
import { formatLun, STATUS } from '#scsi';
import type { Slab } from '#wire';
import { copyOf } from '#wire';

/** A nexus of its own: tests tell them apart by `name`. */
export function fakeNexus(name = 'one'): Nexus {
  const initiatorName = `iqn.2024-01.test:${name}`;
  const isid = Buffer.from(name.padEnd(6, '.').slice(0, 6)).toString('hex');
  const initiatorPort = `${initiatorName},i,0x${isid}`;
  // iSCSI TransportID with ISID (SPC-5 7.6.4.6): format 01b, protocol 5, text padded to a multiple of four.
  const text = Buffer.from(`${initiatorPort}\0`);
  const padded = Buffer.concat([text, Buffer.alloc((4 - (text.length % 4)) % 4)]);
  return {
    id: initiatorPort,
    initiatorName,
    initiatorPort,
    transportId: Buffer.concat([Buffer.from([0x45, 0, padded.length >> 8, padded.length & 0xff]), padded]),
    targetPort: 'iqn.2024-01.test:target,t,0x0001',
    relativeTargetPort: 1,
  };
}

export interface FakeTaskOptions {
  readonly cdb: Buffer | readonly number[];
  readonly nexus?: Nexus;
  readonly lun?: number;
  /** Data-out that the initiator has. */
  readonly out?: Buffer;
  /** Bytes of data-out that the initiator says it has; more than `out` is never delivered. */
  readonly expectedOut?: number;
  /** Bytes of data-in that the initiator has room for; 16 MiB when not given. */
  readonly expectedIn?: number;
  readonly attribute?: TaskAttribute;
  /** All data-out has come: what is asked for is given at once. */
  readonly isHere?: boolean;
}

let lastTag = 0;

export class FakeTask implements Task {
  readonly nexus: Nexus;
  readonly lun: Buffer;
  readonly tag: number;
  readonly attribute: TaskAttribute;
  readonly cdb: Buffer;
  readonly expectedOut: number;
  readonly expectedIn: number;
  readonly #out: Buffer;
  readonly #pieces: Buffer[] = [];
  #taken = 0;
  readonly #isHere: boolean;
  #got = 0;
  #canceled = false;
  /** Slabs of data-out that the unit has not released. */
  slabsOut = 0;

  constructor(options: FakeTaskOptions) {
    this.nexus = options.nexus ?? fakeNexus();
    this.lun = formatLun(options.lun ?? 0);
    this.tag = lastTag += 1;
    this.attribute = options.attribute ?? 'simple';
    this.cdb = Buffer.from(options.cdb as Buffer);
    this.#out = options.out ?? Buffer.alloc(0);
    this.expectedOut = options.expectedOut ?? this.#out.length;
    this.expectedIn = options.expectedIn ?? 16 * 1024 * 1024;
    this.#isHere = options.isHere ?? false;
  }

  receive(length: number): Slab | Promise<Slab> {
    return this.#isHere ? this.#take(length) : Promise.resolve().then(() => this.#take(length));
  }
  #take(length: number): Slab {
    if (this.#canceled) throw new CanceledError();
    // A copy: who keeps bytes of a released slab reads nonsense, and its test fails.
    const piece = Buffer.from(this.#out.subarray(this.#taken, this.#taken + length));
    this.#taken += piece.length;
    this.slabsOut += 1;
    return {
      length: piece.length,
      slices: [piece],
      release: () => {
        piece.fill(0xdb);
        this.slabsOut -= 1;
      },
    };
  }

  async send(data: Slab): Promise<void> {
    await Promise.resolve();
    if (this.#canceled) throw new CanceledError();
    const room = Math.max(0, this.expectedIn - this.#got);
    this.#pieces.push(copyOf(data).subarray(0, room));
    this.#got += data.length;
    data.release();
  }

  get canceled(): boolean {
    return this.#canceled;
  }
  cancel(): void {
    this.#canceled = true;
  }

  /** Data-in that the initiator has. */
  get data(): Buffer {
    return Buffer.concat(this.#pieces);
  }
  /** Bytes that the unit sent, also those for which there was no room. */
  get sentBytes(): number {
    return this.#got;
  }
  /** Bytes of data-out that the unit took. */
  get takenBytes(): number {
    return this.#taken;
  }
}

/** What a test wants to know of a command that has ended. */
export interface Answer {
  readonly status: number | undefined;
  readonly data: Buffer;
  /** Fixed-format sense in words; undefined without CHECK CONDITION. */
  readonly sense: SenseView | undefined;
  readonly task: FakeTask;
}
export interface SenseView {
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
  readonly filemark: boolean;
  readonly eom: boolean;
  readonly ili: boolean;
  readonly valid: boolean;
  /** INFORMATION as a signed number of 32 bits. */
  readonly information: number;
  readonly deferred: boolean;
  /** Byte that the field pointer names, if there is one. */
  readonly fieldByte: number | undefined;
}

export function viewSense(raw: Buffer): SenseView {
  const flags = raw[2] ?? 0;
  return {
    key: flags & 0x0f,
    asc: raw[12] ?? 0,
    ascq: raw[13] ?? 0,
    filemark: (flags & 0x80) !== 0,
    eom: (flags & 0x40) !== 0,
    ili: (flags & 0x20) !== 0,
    valid: ((raw[0] ?? 0) & 0x80) !== 0,
    information: raw.readInt32BE(3),
    deferred: ((raw[0] ?? 0) & 0x7f) === 0x71,
    fieldByte: ((raw[15] ?? 0) & 0x80) === 0 ? undefined : raw.readUInt16BE(16),
  };
}

interface Executor {
  execute(task: Task): Outcome | Promise<Outcome>;
}

/** Sends one command and waits for its end. */
export async function send(unit: Executor, options: FakeTaskOptions): Promise<Answer> {
  const task = new FakeTask(options);
  const outcome = await unit.execute(task);
  if ((outcome.sense !== undefined) !== (outcome.status === STATUS.checkCondition)) {
    throw new Error(`P4: sense data if and only if CHECK CONDITION: ${JSON.stringify(outcome)}`);
  }
  if (task.slabsOut !== 0) throw new Error(`${task.slabsOut} slabs of data-out were not released`);
  return {
    status: outcome.status,
    data: task.data,
    sense: outcome.sense === undefined ? undefined : viewSense(outcome.sense),
    task,
  };
}
