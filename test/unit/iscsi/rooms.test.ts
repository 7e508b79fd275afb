/**
 * Data segments that are read from the socket to where they stay: whatever happens meanwhile, the bytes are right, and memory stays
 * whoever's it is.
 */
import test from 'ava';
import fc from 'fast-check';
import { alignedBuffer, crc32c, type Slab, SlabPool } from '#wire';
import { Framer, type PduReceiver, type SegmentSink } from '../../../src/iscsi/framer.js';
import { type DataOutMemory, Gather, GatherMemory } from '../../../src/iscsi/gather.js';
import { LandingGather } from '../../../src/iscsi/landing-gather.js';
import { makeHeader } from '#support';

const longBytes = 256;
const blockBytes = 65_536;

/** Memory of a unit's in two slices, as where a ring begins again. */
function landingOf(bytes: number): { readonly slab: Slab; isOut: boolean } {
  const memory = alignedBuffer(2 * blockBytes);
  const first = bytes >> 1;
  const landing = { isOut: true, slab: undefined as unknown as Slab };
  landing.slab = {
    length: bytes,
    slices: [memory.subarray(0, first), memory.subarray(blockBytes, blockBytes + bytes - first)],
    release: () => (landing.isOut = false),
  };
  return landing;
}
const pattern = (length: number, seed: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (seed + index * 7 + (index >> 8)) & 0xff));

/** Each PDU's data lands in memory of its own, of either kind. */
class Landings implements PduReceiver {
  readonly came: Buffer[] = [];
  readonly pool = new SlabPool({ blockBytes, blocksMax: 8 });
  readonly #memory = new GatherMemory(this.pool);
  #gather: DataOutMemory | undefined;
  #length = 0;
  #turn = 0;

  header(bhs: Buffer): SegmentSink | undefined {
    this.#length = bhs.readUIntBE(5, 3);
    if (this.#length === 0) return undefined;
    const slab = (this.#turn += 1) % 2 === 0 ? this.#memory.take(this.#length) : undefined;
    const gather =
      slab === undefined
        ? new LandingGather(landingOf(this.#length).slab)
        : new Gather(this.#memory, slab, () => undefined);
    this.#gather = gather;
    return {
      land: (chunk, from, to, offset) => gather.land(chunk, from, to, offset),
      room: (offset, bytes) => gather.room(offset, bytes),
    };
  }
  complete(): void {
    const part = this.#gather?.carve(this.#length);
    this.came.push(Buffer.concat(part?.slices ?? []));
    part?.release();
    this.#gather?.close();
    this.#gather = undefined;
  }
}
function frame(data: Buffer, digests = false): Buffer {
  const header = makeHeader('nopOut', { dataSegmentLength: data.length });
  const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
  const parts = digests ? [header, digestOf(header), padded] : [header, padded];
  return Buffer.concat(digests && data.length > 0 ? [...parts, digestOf(padded)] : parts);
}
function digestOf(bytes: Buffer): Buffer {
  const digest = Buffer.alloc(4);
  digest.writeUInt32LE(crc32c(bytes));
  return digest;
}

test('what is read to where it stays is what was sent, in whatever pieces it comes', (t) => {
  const lengths = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 12 });
  const cuts = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 8 });
  let straight = 0;
  fc.assert(
    fc.property(lengths, cuts, fc.nat(5), fc.boolean(), (all, pieces, heldAt, digests) => {
      const receiver = new Landings();
      const framer = new Framer(receiver, 8192, longBytes);
      framer.headerDigest = framer.dataDigest = digests;
      const sent = all.map(pattern);
      const wire = Buffer.concat(sent.map((data) => frame(data, digests)));
      for (let at = 0, turn = 0; at < wire.length; turn++) {
        const room = framer.room();
        const count = Math.min(
          pieces[turn % pieces.length] ?? 1,
          room?.length ?? blockBytes,
          wire.length - at,
        );
        const chunk = room?.subarray(0, count) ?? Buffer.alloc(count);
        wire.copy(chunk, 0, at, at + count);
        if (turn === heldAt) framer.hold();
        framer.push(chunk);
        if (turn === heldAt) framer.release();
        if (room === undefined) chunk.fill(0xdb);
        else straight += count;
        at += count;
      }
      t.deepEqual(
        receiver.came,
        sent.map((data) => (data.length === 0 ? Buffer.alloc(0) : data)),
      );
      t.is(receiver.pool.freeBytes, 8 * blockBytes);
    }),
    { numRuns: 300 },
  );
  t.true(straight > 100_000);
});

test('behind a long segment only the next header is read, so that its data can go straight too', (t) => {
  const receiver = new Landings();
  const framer = new Framer(receiver, 8192, longBytes);
  t.is(framer.room(), undefined);
  framer.push(frame(pattern(1000, 1)));
  t.is(framer.room()?.length, 48);
  framer.push(frame(pattern(1000, 2)).subarray(0, 48));
  t.is(framer.room()?.length, 1000);
  framer.push(pattern(1000, 2));
  framer.push(frame(pattern(8, 3)));
  t.is(framer.room(), undefined);
});

test('nor is anything read behind a digest', (t) => {
  const framer = new Framer(new Landings(), 8192, longBytes);
  framer.headerDigest = framer.dataDigest = true;
  const wire = frame(pattern(1001, 1), true);
  framer.push(wire.subarray(0, 52 + 1001));
  t.is(framer.room()?.length, 3 + 4);
  framer.push(wire.subarray(52 + 1001));
  t.is(framer.room()?.length, 48 + 4);
});

test('memory that somebody may still write to goes back to nobody', (t) => {
  const landing = landingOf(1000);
  const gather = new LandingGather(landing.slab);
  const room = gather.room(0, 1000);
  gather.close();
  t.true(landing.isOut);
  room?.release();
  t.false(landing.isOut);

  const pool = new SlabPool({ blockBytes, blocksMax: 4 });
  const memory = new GatherMemory(pool);
  const other = new Gather(memory, memory.take(1000) as Slab, () => undefined);
  const there = other.room(0, 1000);
  other.close();
  t.is(pool.freeBytes, 3 * blockBytes);
  there?.release();
  t.is(pool.freeBytes, 4 * blockBytes);
});

test('a connection that ends leaves the memory that it was to write to', (t) => {
  const landing = landingOf(1000);
  const gather = new LandingGather(landing.slab);
  const sink: SegmentSink = {
    land: () => undefined,
    room: (offset, bytes) => gather.room(offset, bytes),
  };
  const framer = new Framer({ header: () => sink, complete: () => undefined }, 8192, longBytes);
  framer.push(frame(pattern(1000, 1)).subarray(0, 48));
  t.is(framer.room()?.length, 500);
  framer.stop();
  gather.close();
  t.true(landing.isOut, 'the socket may still be read');
  framer.leave();
  t.false(landing.isOut);
});
