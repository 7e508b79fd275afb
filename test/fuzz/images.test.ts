/**
 * Images of any content: archives and dumps that were changed here and there, with checksums that are right again. Recovering
 * one ends, says something, and touches nothing outside of its root.
 */
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { TreeCalls } from '#env';
import type { TreeFormat } from '#trees';
import { backUp, everythingIn, inlineEngine, recover, tempFolder } from '#support';

const RUNS: Readonly<Record<TreeFormat, number>> = { tar: 1000, dump: 700 };
const unitBytes: Readonly<Record<TreeFormat, number>> = { tar: 512, dump: 1024 };

/** Sets the sum of a header right, if the unit is one. */
const RIGHTED: Readonly<Record<TreeFormat, (unit: Buffer) => void>> = {
  tar(unit) {
    if (unit.toString('latin1', 257, 262) !== 'ustar') return;
    unit.write('        ', 148, 'latin1');
    let sum = 0;
    for (const byte of unit) sum += byte;
    unit.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  },
  dump(unit) {
    if (unit.readInt32LE(24) !== 60_012) return;
    unit.writeInt32LE(0, 28);
    let sum = 0;
    for (let word = 0; word < 1024; word += 4) sum = (sum + unit.readInt32LE(word)) | 0;
    unit.writeInt32LE((84_446 - sum) | 0, 28);
  },
};

const change = fc.record({
  unit: fc.nat(),
  at: fc.nat({ max: 1023 }),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
    fc
      .constantFrom('../', '/etc/', '0', '77777777777', '2', '1', '5', 'x', 'L', 'S', '\0')
      .map((text) => Buffer.from(text)),
    fc
      .constantFrom(
        [0xff, 0xff, 0xff, 0xff],
        [0, 0, 0, 0x80],
        [0x80, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
      )
      .map((bytes) => Buffer.from(bytes)),
  ),
  how: fc.constantFrom('put', 'drop unit', 'repeat unit', 'swap units'),
});
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

function changed(image: Buffer, format: TreeFormat, changes: readonly Change[]): Buffer {
  const size = unitBytes[format];
  const units = Array.from({ length: Math.floor(image.length / size) }, (_, index) =>
    Buffer.from(image.subarray(index * size, (index + 1) * size)),
  );
  for (const { unit, at, bytes, how } of changes) {
    const index = unit % units.length;
    const one = units[index];
    if (one === undefined) continue;
    if (how === 'drop unit' && units.length > 1) units.splice(index, 1);
    else if (how === 'repeat unit') units.splice(index, 0, Buffer.from(one));
    else if (how === 'swap units') units.push(...units.splice(index, 1));
    else {
      one.set(bytes.subarray(0, Math.max(0, size - (at % size))), at % size);
      RIGHTED[format](one);
    }
  }
  return Buffer.concat(units);
}

/** For the disk: what is recovered here need not last. */
const withoutWaiting = (calls: TreeCalls): TreeCalls =>
  new Proxy(calls, {
    get: (target, key) =>
      key === 'syncFileSystem' ? () => 0 : (target[key as keyof TreeCalls] as () => number).bind(target),
  });

for (const format of ['tar', 'dump'] as const) {
  test(`${format}: whatever an image holds, it ends, and nothing outside is touched`, async (t) => {
    const top = await tempFolder(t);
    const [from, outside, roots] = [join(top, 'from'), join(top, 'outside'), join(top, 'roots')];
    for (const folder of [from, outside, roots]) mkdirSync(folder);
    mkdirSync(join(from, 'a/b'), { recursive: true });
    writeFileSync(join(outside, 'file'), 'precious');
    writeFileSync(join(from, 'a/file'), 'content '.repeat(300));
    writeFileSync(join(from, 'a/b/other'), 'x');
    symlinkSync(outside, join(from, 'a/link'));
    symlinkSync('../../outside/file', join(from, 'a/b/link'));
    linkSync(join(from, 'a/file'), join(from, 'a/b/again'));
    writeFileSync(join(from, 'sparse'), 'x');
    truncateSync(join(from, 'sparse'), 200_000);
    writeFileSync(join(from, 'long '.repeat(30)), 'long');
    const engine = await inlineEngine(withoutWaiting);
    const { image } = await backUp(engine, from, { format });
    const used = format === 'tar' ? image.length - 9000 : image.length;
    const before = everythingIn(outside);
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        number += 1;
        const root = join(roots, String(number % 50));
        // Roots are used again: what is in the way is part of it.
        mkdirSync(root, { recursive: true });
        const { result } = await recover(engine, root, changed(image.subarray(0, used), format, changes), {
          format,
        });
        t.true(result.outcome === 'successful' || result.message !== undefined);
        t.true(result.troubles < 200);
      }),
      { numRuns: RUNS[format], seed: 20_261_122 },
    );
    t.deepEqual(everythingIn(outside), before);
  });
}
