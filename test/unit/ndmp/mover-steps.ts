/** What can be asked of a mover and happen to it, done to the real one and to the model, which are compared after each. */
import type fc from 'fast-check';
import { NdmpError } from '../../../src/ndmp/errors.table.js';
import type { NdmpVersion } from '../../../src/ndmp/xdr.js';
import type { LandingKind } from './fake-landings.js';
import type { ModelObject, ModelRecord, ModelTape, MoverModel } from './mover-model.js';
import { FakeCartridge, image, MoverWorld, Peer, quiet, us } from './mover-world.js';

/** Records of tapes that are there to be read. */
const recordBytes = 100;
const records = (from: number, count: number): ModelObject[] =>
  Array.from({ length: count }, (_, at) => ({ from: from + at * recordBytes, length: recordBytes }));
const tapes = (): ModelTape[] => [
  { name: 'blank', objects: [], earlyAfter: Infinity, endsAfter: Infinity },
  { name: 'short', objects: [], earlyAfter: 3, endsAfter: 4 },
  {
    name: 'first',
    objects: ['filemark', ...records(0, 6), 'filemark', ...records(5000, 3)],
    earlyAfter: 30,
    endsAfter: 40,
  },
  {
    name: 'second',
    objects: ['filemark', ...records(600, 4), { from: 1000, length: 60 }, ...records(1060, 2)],
    earlyAfter: 30,
    endsAfter: 40,
  },
];
const recordOf = ({ from, length, zeros = 0 }: ModelRecord): Buffer =>
  Buffer.concat([image(from, from + length - zeros), Buffer.alloc(zeros)]);
const bytesOf = (object: ModelObject): Buffer | 'filemark' =>
  object === 'filemark' ? object : recordOf(object);

export class Real {
  readonly world: MoverWorld;
  peer: Peer | undefined;
  /** What earlier peers have got. */
  received: Buffer[] = [];
  fed = 0;
  constructor(version: NdmpVersion, landings: readonly LandingKind[]) {
    // Blocks for a few records, so that they come to their ends.
    this.world = new MoverWorld({ version, landings, blockBytes: 1024, blocksMax: 64 });
    this.mount({ name: 'none', objects: [], earlyAfter: Infinity, endsAfter: Infinity }, 0);
  }
  mount(tape: ModelTape, at: number): void {
    const cartridge = new FakeCartridge(tape.objects.map(bytesOf));
    Object.assign(cartridge, { earlyAfter: tape.earlyAfter, endsAfter: tape.endsAfter });
    this.world.tape.change(cartridge, at);
  }
  async stream(peer: Peer): Promise<void> {
    if (this.peer !== undefined) this.received.push(this.peer.received);
    this.peer = peer;
    this.fed = 0;
    await Promise.resolve();
  }
  get allReceived(): Buffer {
    return Buffer.concat([...this.received, this.peer?.received ?? Buffer.alloc(0)]);
  }
}

function compare(model: MoverModel, { world, allReceived }: Real): void {
  const {
    state,
    mode,
    pauseReason,
    haltReason,
    recordSize,
    recordNum,
    bytesMoved,
    seekPosition,
    bytesLeftToRead,
    windowOffset,
    windowLength,
  } = world.mover.view;
  const is = {
    state,
    mode,
    pauseReason,
    haltReason,
    recordSize,
    recordNum: BigInt(recordNum),
    bytesMoved,
    seekPosition,
    bytesLeftToRead,
    windowOffset,
    windowLength,
  };
  const should = {
    state: model.state,
    mode: model.mode,
    pauseReason: model.pauseReason,
    haltReason: model.haltReason,
    recordSize: model.recordBytes,
    recordNum: model.recordNum,
    bytesMoved: model.moved,
    seekPosition: model.seek,
    bytesLeftToRead: model.left,
    windowOffset: model.windowOffset,
    windowLength: model.windowLength,
  };
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one));
  const same = (what: string, a: unknown, b: unknown): void => {
    if (text(a) !== text(b)) throw new Error(`${what}: ${text(a)}, should be ${text(b)}`);
  };
  same('state', is, should);
  same('notices', world.notices, model.notices);
  same(
    'states when they came',
    world.statesAtNotices.map((one) => one.split(' ')[0]),
    model.notices.map((one) => one.split(' ')[0]),
  );
  same('place of the tape', world.tape.at, model.at);
  const onTape = world.tape.cartridge.objects;
  same('objects', onTape.length, model.tape.objects.length);
  model.tape.objects.forEach((object, at) => {
    const [there, wanted] = [onTape[at], bytesOf(object)];
    const isSame =
      typeof wanted === 'string' || typeof there !== 'object' ? there === wanted : there.equals(wanted);
    if (!isSame) throw new Error(`Object ${at} is another`);
  });
  const received = Buffer.concat(
    model.received.map(({ record, skipped, length }) => recordOf(record).subarray(skipped, skipped + length)),
  );
  if (!allReceived.equals(received))
    throw new Error(`The peer has ${allReceived.length} bytes, should have ${received.length}`);
  if (['idle', 'listen', 'halted'].includes(state) && !world.isClean)
    throw new Error('Something is still taken');
}

export type Step = fc.AsyncCommand<MoverModel, Real>;
function step(
  label: string,
  check: (model: MoverModel) => boolean,
  foretell: (model: MoverModel) => string,
  act: (real: Real, model: MoverModel) => Promise<unknown>,
): Step {
  return {
    check,
    toString: () => label,
    run: async (model, real) => {
      const expected = foretell(model);
      model.settle();
      let error = 'no-err';
      try {
        await act(real, model);
      } catch (cause) {
        if (!(cause instanceof NdmpError)) throw cause;
        error = cause.code;
      }
      await quiet();
      if (error !== expected) throw new Error(`${label}: ${error}, should be ${expected}`);
      compare(model, real);
    },
  };
}
const always = (): boolean => true;
const done =
  (work: (model: MoverModel) => void) =>
  (model: MoverModel): string => {
    work(model);
    return 'no-err';
  };

export const listen = (mode: 'read' | 'write', by: 'local' | 'tcp'): Step =>
  step(
    `listen ${mode} ${by}`,
    always,
    (model) => model.listen(mode, by),
    async ({ world }) => await world.mover.listen(mode, by),
  );
/** The peer connects. */
export const accept = (): Step =>
  step(
    'accept',
    ({ state }) => state === 'listen',
    done((model) => model.begin()),
    async (real) => {
      const { world } = real;
      const { dataConnectionAddr } = await world.mover.getState();
      const [endpoint = us] = dataConnectionAddr.type === 'tcp' ? dataConnectionAddr.endpoints : [];
      const isLocal = dataConnectionAddr.type === 'local';
      await real.stream(new Peer(isLocal ? world.mover.acceptLocal() : await world.net.connect(endpoint)));
    },
  );
export const connect = (mode: 'read' | 'write'): Step =>
  step(
    `connect ${mode}`,
    always,
    (model) => model.connect(mode),
    async (real) => {
      const { world } = real;
      const peers: Peer[] = [];
      const listener = await world.net.listen(us, (link) => void peers.push(new Peer(link)));
      try {
        const endpoints = [{ host: us.host, port: listener.address.port, env: [] }];
        await world.mover.connect(mode, { type: 'tcp', endpoints });
      } finally {
        await listener.close();
      }
      if (peers[0] !== undefined) await real.stream(peers[0]);
    },
  );
export const setRecordSize = (bytes: number): Step =>
  step(
    `setRecordSize ${bytes}`,
    always,
    (model) => model.setRecordSize(bytes),
    async ({ world }) => await world.mover.setRecordSize(bytes),
  );
export const setWindow = (offset: bigint, length: bigint): Step =>
  step(
    `setWindow ${offset} ${length}`,
    always,
    (model) => model.setWindow(offset, length),
    async ({ world }) => await world.mover.setWindow(offset, length),
  );
/** As a client does it at a pause: from here on. */
export const setWindowHere = (length: bigint): Step =>
  step(
    `setWindow here ${length}`,
    ({ state }) => state === 'paused',
    (model) => model.setWindow(model.position - (model.position % BigInt(model.recordBytes)), length),
    async ({ world }) => {
      const { seekPosition, recordSize } = world.mover.view;
      await world.mover.setWindow(seekPosition - (seekPosition % BigInt(recordSize)), length);
    },
  );
export const read = (offset: bigint, length: bigint): Step =>
  step(
    `read ${offset} ${length}`,
    ({ state }) => state !== 'idle',
    (model) => model.read(offset, length),
    async ({ world }) => await world.mover.read(offset, length),
  );
export const ask = (name: 'continue' | 'abort' | 'close' | 'stop'): Step =>
  step(
    name,
    always,
    (model) => model[name](),
    async ({ world }) => await world.mover[name](),
  );
export const feed = (bytes: number): Step =>
  step(
    `feed ${bytes}`,
    ({ stream, mode }) => stream === 'open' && mode === 'read',
    done((model) => void (model.fed += bytes)),
    async (real) => {
      real.peer?.link.write([image(real.fed, real.fed + bytes)]);
      real.fed += bytes;
      await Promise.resolve();
    },
  );
export const endStream = (how: 'ended' | 'cut'): Step =>
  step(
    `stream ${how}`,
    ({ stream }) => stream === 'open',
    done((model) => void (model.stream = how)),
    async ({ peer }) => {
      if (how === 'ended') peer?.link.end();
      else peer?.link.destroy();
      await Promise.resolve();
    },
  );
export const mount = (which: number, place: number): Step =>
  step(
    `mount ${which} at ${place}`,
    ({ state }) => state !== 'active',
    done((model) => {
      model.tape = tapes()[which] ?? model.tape;
      model.at = Math.min(place, model.tape.objects.length);
      model.warned = false;
    }),
    async (real, model) => {
      const tape = tapes()[which];
      if (tape !== undefined) real.mount(tape, model.at);
      await Promise.resolve();
    },
  );
export const open = (mode: 'read' | 'read-write' | undefined): Step =>
  step(
    `open ${mode}`,
    ({ state }) => state !== 'active',
    done((model) => void (model.open = mode)),
    async ({ world }) => {
      world.tape.open = mode === undefined ? undefined : { mode };
      await Promise.resolve();
    },
  );
