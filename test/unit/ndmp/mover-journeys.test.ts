/** Whole backups and recoveries over many tapes, with a client that answers notices, and everything late by chance. */
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import type { NdmpVersion } from '../../../src/ndmp/xdr.js';
import { anyLandings } from './fake-landings.js';
import {
  allOnes,
  FakeCartridge,
  type FakeTape,
  image,
  MoverWorld,
  type Notice,
  type Peer,
  recordsOf,
  until,
} from './mover-world.js';

/** Turns that things take, over and over. */
type Delays = readonly number[];
const delays: fc.Arbitrary<Delays> = fc.array(fc.nat(4), { minLength: 1, maxLength: 7 });

/** Each operation of the tape takes as long as the next delay says. */
function slow(tape: FakeTape, late: Delays): void {
  let at = 0;
  Object.defineProperty(tape, 'gate', {
    get: async () => {
      for (let left = late[at++ % late.length] ?? 0; left > 0; left--) await turn();
    },
  });
}
/** Calls `answer` with each notice, once, when the client gets to it. */
async function attend(world: MoverWorld, answer: (notice: Notice) => Promise<void>): Promise<void> {
  for (let seen = 0; world.mover.state !== 'halted' || seen < world.notices.length; seen++) {
    await until(() => world.notices.length > seen);
    const notice = world.notices[seen];
    if (notice !== undefined) await answer(notice);
  }
}

interface Tape {
  readonly cartridge: FakeCartridge;
  /** Of the image, where it begins. */
  readonly from: number;
  readonly to: number;
}

/** Backs `length` bytes up, and gives the tapes. Windows end some tapes, early warning the others. */
async function backUp(
  world: MoverWorld,
  peer: Peer,
  plan: { readonly recordBytes: number; readonly shares: readonly number[] },
): Promise<Tape[]> {
  const { mover, tape, notices } = world;
  const { recordBytes, shares } = plan;
  const done: Tape[] = [];
  let from = 0;
  const close = (to: number): void => {
    tape.cartridge.objects.push('filemark');
    done.push({ cartridge: tape.cartridge, from, to });
    from = to;
    const cartridge = new FakeCartridge(['filemark']);
    const share = shares[done.length % shares.length] ?? 1;
    if (done.length % 3 === 1) cartridge.earlyAfter = 1 + share;
    tape.change(cartridge, 1);
  };
  await attend(world, async (notice) => {
    const [what, reason, seek] = notice.split(' ');
    if (what === 'halted') {
      if (reason !== 'connect-closed') throw new Error(notice);
      close(Number(mover.view.bytesMoved));
      return;
    }
    if (reason !== 'eom' && reason !== 'eow') throw new Error(notice);
    const position = BigInt(seek ?? 0);
    if (BigInt(tape.durable) !== BigInt(tape.at)) throw new Error('A pause before it is durable');
    close(Number(position));
    const share = shares[(done.length + 1) % shares.length] ?? 1;
    const length = done.length % 3 === 1 ? allOnes - position : BigInt(share * recordBytes);
    await mover.setWindow(position, length);
    await mover.continue();
  });
  if (notices.filter((notice) => notice.startsWith('halted')).length !== 1)
    throw new Error('Halted more than once');
  if (peer.closed === undefined) await until(() => peer.closed !== undefined);
  return done;
}

const plans = fc.record({
  version: fc.constantFrom<NdmpVersion>(2, 3, 4),
  recordBytes: fc.oneof(fc.integer({ min: 300, max: 5000 }), fc.constantFrom(512, 70_000)),
  length: fc.nat(120_000),
  shares: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
  late: delays,
  chunks: fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 5 }),
  first: fc.integer({ min: 0, max: 4 }),
  landings: anyLandings,
  cuts: fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 5 }),
});

test('what goes to many tapes in any time comes back from them, whole and in parts', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      plans,
      async ({ version, recordBytes, length, shares, late, chunks, first, landings, cuts }) => {
        const whole = image(0, length);
        let pieces = 0;
        const cut = (): number => cuts[pieces++ % cuts.length] ?? 1;
        const world = new MoverWorld({ version, landings, cut });
        slow(world.tape, late);
        world.tape.change(new FakeCartridge(['filemark']), 1);
        await world.mover.setRecordSize(recordBytes);
        await world.mover.setWindow(0n, BigInt(first * recordBytes));
        const peer = await world.tcp('read');
        const feeding = (async () => {
          for (let at = 0, piece = 0; at < length; piece++) {
            const end = Math.min(length, at + (chunks[piece % chunks.length] ?? 1));
            await peer.send(whole.subarray(at, end));
            at = end;
          }
          peer.link.end();
        })();
        const tapes = await backUp(world, peer, { recordBytes, shares });
        await feeding;
        const onTapes = Buffer.concat(tapes.map(({ cartridge }) => cartridge.file(1)));
        t.true(onTapes.equals(Buffer.concat(recordsOf(whole, recordBytes))));
        t.true(world.isClean);

        const reading = new MoverWorld({ version });
        slow(reading.tape, late);
        await recover(reading, tapes, { recordBytes, late });
      },
    ),
    { numRuns: 200, includeErrorInReport: true },
  );
  t.pass();
});

/** Reads everything back, then a few parts, as the data service asks; the client mounts what each pause wants. */
async function recover(
  world: MoverWorld,
  tapes: readonly Tape[],
  plan: { readonly recordBytes: number; readonly late: Delays },
): Promise<void> {
  const { mover, tape } = world;
  const end = tapes.at(-1)?.to ?? 0;
  const mount = async (position: number): Promise<boolean> => {
    const wanted = tapes.find(({ from, to }) => position >= from && position < to);
    if (wanted === undefined) return false;
    tape.change(wanted.cartridge, 1);
    await mover.setWindow(BigInt(wanted.from), BigInt(wanted.to - wanted.from));
    return true;
  };
  await mover.setRecordSize(plan.recordBytes);
  if (end === 0) return;
  await mover.setWindow(0n, 0n);
  const peer = await world.tcp('write');
  const parts = [
    [0, end] as const,
    [Math.floor(end / 3), Math.min(700, end - Math.floor(end / 3))] as const,
    [end - 1, 1] as const,
    [0, 1] as const,
  ];
  let expected = Buffer.alloc(0);
  const all = Buffer.concat(tapes.map(({ cartridge }) => cartridge.file(1)));
  let seen = 0;
  for (const [offset, length] of parts) {
    await mover.read(BigInt(offset), BigInt(length));
    expected = Buffer.concat([expected, all.subarray(offset, offset + length)]);
    while (mover.view.bytesLeftToRead > 0n) {
      await until(() => mover.view.bytesLeftToRead === 0n || world.notices.length > seen);
      if (world.notices.length === seen) break;
      const [what, , seek] = (world.notices[seen++] ?? '').split(' ');
      if (what !== 'paused' || mover.state !== 'paused') throw new Error(`${what} in ${mover.state}`);
      if (!(await mount(Number(seek)))) throw new Error(`Nothing has ${seek}`);
      await mover.continue();
    }
  }
  await until(() => peer.received.length >= expected.length);
  if (!peer.received.equals(expected)) throw new Error('Other bytes came back');
  await mover.close();
  await until(() => peer.closed !== undefined && world.isClean);
}
