/** What asks for huge pages is marked so by the system, what has not asked is not. */
import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';
import { askForHugePages, hasTreeCalls } from '#env';

const isThere = hasTreeCalls && existsSync('/sys/kernel/mm/transparent_hugepage/enabled');
const wasmPageBytes = 65_536;

/** Bytes of our memory that are marked. */
function markedBytes(): number {
  const mapping = /^([0-9a-f]+)-([0-9a-f]+) (?:.*\n(?![0-9a-f]+-))*?VmFlags:(.*)$/gm;
  let bytes = 0;
  for (const [, from = '', to = '', flags = ''] of readFileSync('/proc/self/smaps', 'latin1').matchAll(
    mapping,
  ))
    if (flags.split(' ').includes('hg')) bytes += parseInt(to, 16) - parseInt(from, 16);
  return bytes;
}
(isThere ? test : test.skip)('memory is marked that is there, and what it grows by', async (t) => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1024, shared: true });
  const before = markedBytes();
  await askForHugePages(Buffer.from(memory.buffer, 0, 1), 1024 * wasmPageBytes);
  t.is(markedBytes() - before, 1024 * wasmPageBytes);
  memory.grow(1023);
  t.is(markedBytes() - before, 1024 * wasmPageBytes);
});
test('where it is refused, nothing happens', async (t) => {
  await t.notThrowsAsync(askForHugePages(Buffer.alloc(100).subarray(1), 2 ** 46));
});
