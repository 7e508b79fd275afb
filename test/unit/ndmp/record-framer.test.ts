/** Record marks (RFC 5531 11): fragments, pieces, lengths that lie. */
import fc from 'fast-check';
import test from 'ava';
import { ProtocolError } from '#errors';
import { ndmpMessageIgnoredBytesMax } from '#limits';
import { framed, RecordFramer } from '#ndmp';

class Heard {
  readonly messages: Buffer[] = [];
  readonly tooLong: Buffer[] = [];
  readonly receiver = {
    message: (bytes: Buffer) => void this.messages.push(bytes),
    tooLong: (header: Buffer) => void this.tooLong.push(Buffer.from(header)),
  };
}
const fragment = (bytes: Buffer, isLast: boolean): Buffer => {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE(bytes.length + (isLast ? 0x8000_0000 : 0));
  return Buffer.concat([mark, bytes]);
};
const numbered = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index & 0xff));

/** Gives `bytes` in pieces, each overwritten when it has been taken. */
function pushAll(framer: RecordFramer, bytes: Buffer, cuts: readonly number[]): void {
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const piece = Buffer.from(bytes.subarray(at, at + cut));
    at += cut;
    if (piece.length > 0) framer.push(piece);
    piece.fill(0xdb);
  }
}

test('messages come out whole, however they were cut into fragments and pieces', (t) => {
  const message = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 4 });
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), cuts, (messages, pieces) => {
      const heard = new Heard();
      const framer = new RecordFramer(heard.receiver, 1000);
      const bytes = messages.flatMap((parts) =>
        parts.map((part, index) => fragment(Buffer.from(part), index === parts.length - 1)),
      );
      pushAll(framer, Buffer.concat(bytes), pieces);
      t.deepEqual(
        heard.messages,
        messages.map((parts) => Buffer.concat(parts)),
      );
      t.false(framer.isMidMessage);
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('what is framed is one last fragment', (t) => {
  const bytes = Buffer.concat(framed([numbered(3), numbered(5)]));
  t.is(bytes.toString('hex'), '80000008 000102 0001020304'.replaceAll(' ', ''));
});

test('of a message that is too long the header is given, and the next message is whole', (t) => {
  for (const parts of [[5000], [10, 10, 3000], [99, 1, 1], [100, 1]]) {
    const heard = new Heard();
    const framer = new RecordFramer(heard.receiver, 100);
    const all = numbered(parts.reduce((sum, part) => sum + part));
    let at = 0;
    const fragments = parts.map((part, index) => {
      at += part;
      return fragment(all.subarray(at - part, at), index === parts.length - 1);
    });
    pushAll(framer, Buffer.concat([...fragments, fragment(numbered(100), true)]), [3, 5, 50, 1]);
    t.deepEqual(heard.tooLong, [all.subarray(0, 24)]);
    t.deepEqual(heard.messages, [numbered(100)]);
  }
});
test('a limit that is raised does not put a message together that has lost its middle', (t) => {
  const heard = new Heard();
  const framer = new RecordFramer(heard.receiver, 100);
  const bytes = fragment(numbered(500), true);
  framer.push(bytes.subarray(0, 300));
  framer.messageBytesMax = 1000;
  framer.push(bytes.subarray(300));
  t.deepEqual([heard.messages.length, heard.tooLong.length], [0, 1]);
  t.deepEqual(heard.tooLong[0], numbered(24));
});

test('what cannot be a message of NDMP loses the connection', (t) => {
  const push = (bytes: Buffer): RecordFramer => {
    const framer = new RecordFramer(new Heard().receiver, 100);
    framer.push(bytes);
    return framer;
  };
  t.throws(() => push(Buffer.from('GET / HTTP/1.1\r\n\r\n')), { instanceOf: ProtocolError });
  t.throws(() => push(Buffer.from('ffffffff', 'hex')), { instanceOf: ProtocolError });
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE(ndmpMessageIgnoredBytesMax);
  t.notThrows(() => push(mark));
  const framer = push(fragment(numbered(1), false));
  t.throws(() => framer.push(mark), { instanceOf: ProtocolError }, 'fragments count together');
});

test('memory follows the bytes that came, not the length that was named', (t) => {
  const framers: RecordFramer[] = [];
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 2000; count++) {
    const framer = new RecordFramer(new Heard().receiver, 16 * 1024 * 1024);
    framer.push(Buffer.from('80fffff000010203', 'hex'));
    framers.push(framer);
  }
  t.true(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
  t.is(framers.length, 2000);
});

test('a framer that is held keeps what comes, in order, and gives it out when released', (t) => {
  const heard = new Heard();
  const framer = new RecordFramer(
    {
      ...heard.receiver,
      message(bytes) {
        heard.messages.push(bytes);
        framer.hold();
      },
    },
    100,
  );
  const wanted = [1, 2, 3, 4].map(numbered);
  pushAll(framer, Buffer.concat(wanted.map((bytes) => fragment(bytes, true))), [9, 4]);
  for (let count = 1; count <= wanted.length; count++) {
    t.deepEqual(heard.messages, wanted.slice(0, count));
    framer.release();
  }
});
test('a framer that is stopped gives nothing out any more', (t) => {
  const heard = new Heard();
  const framer = new RecordFramer(
    { ...heard.receiver, message: (bytes) => (heard.messages.push(bytes), framer.stop()) },
    100,
  );
  framer.push(Buffer.concat([fragment(numbered(1), true), fragment(numbered(2), true)]));
  framer.push(fragment(numbered(3), true));
  t.is(heard.messages.length, 1);
});
