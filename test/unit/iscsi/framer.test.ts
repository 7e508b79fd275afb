import test from 'ava';
import fc from 'fast-check';
import { crc32c } from '#wire';
import { ProtocolError } from '#errors';
import { Framer, type PduReceiver } from '../../../src/iscsi/framer.js';
import { makeHeader } from '#support';

interface Seen {
  header: string;
  ahs: string;
  data: string;
  intact: boolean;
}
class Recorder implements PduReceiver {
  readonly seen: Seen[] = [];
  onComplete: (() => void) | undefined;
  #parts: Buffer[] = [];
  #header = '';
  #ahs = '';
  header(bhs: Buffer, ahs: Buffer): { land(chunk: Buffer, from: number, to: number, offset: number): void } {
    this.#header = bhs.toString('hex');
    this.#ahs = ahs.toString('hex');
    this.#parts = [];
    let expected = 0;
    return {
      land: (chunk, from, to, offset) => {
        if (offset !== expected) throw new Error('a gap in the data');
        expected += to - from;
        this.#parts.push(Buffer.from(chunk.subarray(from, to)));
      },
    };
  }
  complete(intact: boolean): void {
    this.seen.push({
      header: this.#header,
      ahs: this.#ahs,
      data: Buffer.concat(this.#parts).toString('hex'),
      intact,
    });
    this.onComplete?.();
  }
}
const le = (crc: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(crc);
  return out;
};
function frame(
  data: Buffer,
  ahs: Buffer,
  digests: { header: boolean; data: boolean },
): { wire: Buffer; seen: Seen } {
  const bhs = makeHeader('nopOut', { dataSegmentLength: data.length, totalAhsLength: ahs.length / 4 });
  const header = Buffer.concat([bhs, ahs]);
  const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
  const parts: Buffer[] = [header];
  if (digests.header) parts.push(le(crc32c(header)));
  parts.push(padded);
  if (digests.data && data.length > 0) parts.push(le(crc32c(padded)));
  const seen = {
    header: bhs.toString('hex'),
    ahs: ahs.toString('hex'),
    data: data.toString('hex'),
    intact: true,
  };
  return { wire: Buffer.concat(parts), seen };
}

const piece: fc.Arbitrary<Buffer> = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
const words: fc.Arbitrary<Buffer> = fc
  .nat(8)
  .chain((count) => fc.uint8Array({ minLength: count * 4, maxLength: count * 4 }).map((b) => Buffer.from(b)));

test('PDUs come out whole however the bytes are cut, with each kind of digests', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(piece, words), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 }),
      (pdus, header, data, cuts) => {
        const framed = pdus.map(([body, ahs]) => frame(body, ahs, { header, data }));
        const wire = Buffer.concat(framed.map((one) => one.wire));
        const recorder = new Recorder();
        const framer = new Framer(recorder, 8192);
        framer.headerDigest = header;
        framer.dataDigest = data;
        for (let at = 0, turn = 0; at < wire.length; turn++) {
          const end = at + (cuts[turn % cuts.length] ?? 1);
          const chunk = Buffer.from(wire.subarray(at, end));
          framer.push(chunk);
          chunk.fill(0xdb); // a loan
          at = end;
        }
        t.deepEqual(
          recorder.seen,
          framed.map((one) => one.seen),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('a flipped bit of the data is found by the data digest, and the next PDU is still read', (t) => {
  const recorder = new Recorder();
  const framer = new Framer(recorder, 8192);
  framer.dataDigest = true;
  const { wire } = frame(Buffer.from('some data'), Buffer.alloc(0), { header: false, data: true });
  const damaged = Buffer.from(wire);
  damaged[50] = (damaged[50] ?? 0) ^ 1;
  framer.push(Buffer.concat([damaged, wire]));
  t.deepEqual(
    recorder.seen.map((one) => one.intact),
    [false, true],
  );
});
test('a flipped bit of the padding is found too', (t) => {
  const recorder = new Recorder();
  const framer = new Framer(recorder, 8192);
  framer.dataDigest = true;
  const { wire } = frame(Buffer.from('12345'), Buffer.alloc(0), { header: false, data: true });
  wire[48 + 6] = 1;
  framer.push(wire);
  t.deepEqual(
    recorder.seen.map((one) => one.intact),
    [false],
  );
});
test('a header digest that does not match ends the stream', (t) => {
  const framer = new Framer(new Recorder(), 8192);
  framer.headerDigest = true;
  const { wire } = frame(Buffer.alloc(0), Buffer.alloc(0), { header: true, data: false });
  wire[20] = (wire[20] ?? 0) ^ 1;
  t.throws(() => framer.push(wire), { instanceOf: ProtocolError, code: 'header-digest' });
});
test('a data segment beyond the limit is refused before any of it is taken', (t) => {
  const recorder = new Recorder();
  const framer = new Framer(recorder, 100);
  const { wire } = frame(Buffer.alloc(101), Buffer.alloc(0), { header: false, data: false });
  t.throws(() => framer.push(wire), { instanceOf: ProtocolError, code: 'segment-too-long' });
  t.deepEqual(recorder.seen, []);
});
test('the test vectors of RFC 7143 appendix A.4', (t) => {
  const ascending = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
  t.is(le(crc32c(Buffer.alloc(32))).toString('hex'), 'aa36918a');
  t.is(le(crc32c(Buffer.alloc(32, 0xff))).toString('hex'), '43aba862');
  t.is(le(crc32c(ascending)).toString('hex'), '4e79dd46');
  t.is(le(crc32c(Buffer.from(ascending).reverse())).toString('hex'), '5cdb3f11');
});
test('while held nothing comes out; after release all of it, in order, from copies', (t) => {
  const recorder = new Recorder();
  const framer = new Framer(recorder, 8192);
  const frames = ['one', 'two', 'three'].map((text) =>
    frame(Buffer.from(text), Buffer.alloc(0), { header: false, data: false }),
  );
  recorder.onComplete = () => framer.hold();
  const chunk = Buffer.concat(frames.map(({ wire }) => wire));
  framer.push(chunk);
  chunk.fill(0xdb);
  t.is(recorder.seen.length, 1);
  framer.release();
  t.is(recorder.seen.length, 2);
  recorder.onComplete = undefined;
  framer.release();
  t.deepEqual(
    recorder.seen,
    frames.map(({ seen }) => seen),
  );
});
