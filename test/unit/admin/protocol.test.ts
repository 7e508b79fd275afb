/** Lines of the admin socket. */
import test from 'ava';
import fc from 'fast-check';
import { ProtocolError } from '#errors';
import { encodeLine, Lines, parseReply, parseRequest } from '../../../src/admin/protocol.js';

test('lines come out whole however they are cut', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 5 }), fc.integer({ min: 1, max: 7 }), (texts, step) => {
      const bytes = Buffer.concat(texts.map((text) => encodeLine({ verb: 'x', input: { text } })));
      const lines = new Lines(10_000);
      const out: string[] = [];
      for (let at = 0; at < bytes.length; at += step) out.push(...lines.push(bytes.subarray(at, at + step)));
      t.deepEqual(
        out.map((line) => parseRequest(line).input),
        texts.map((text) => ({ text })),
      );
    }),
  );
});
test('a line has an end', (t) => {
  const lines = new Lines(100);
  lines.push(Buffer.alloc(100, 'a'));
  t.throws(() => lines.push(Buffer.from('a')), { instanceOf: ProtocolError, code: 'line-too-long' });
});
test('what is no request or reply is refused', (t) => {
  for (const line of ['', '{', '1', 'null', '[]', '{"input":{}}', '{"verb":7}']) {
    t.throws(() => parseRequest(line), { instanceOf: ProtocolError }, line);
  }
  t.deepEqual(parseRequest('{"verb":"tape.list"}'), { verb: 'tape.list', input: {} });
  t.throws(() => parseReply('{"ok":"yes"}'), { instanceOf: ProtocolError });
});
