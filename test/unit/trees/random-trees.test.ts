/** Trees of chance: saved, recovered by us and by GNU tar, and the same again. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
  openSync,
  closeSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { backUp, everythingIn, inlineEngine, recover, tempFolder, testWith } from '#support';

type Entry =
  | { readonly kind: 'folder'; readonly within: number; readonly name: string; readonly mode: number }
  | {
      readonly kind: 'file';
      readonly within: number;
      readonly name: string;
      readonly size: number;
      readonly mode: number;
      readonly time: number;
    }
  | {
      readonly kind: 'sparse';
      readonly within: number;
      readonly name: string;
      readonly pieces: readonly number[];
    }
  | { readonly kind: 'symlink'; readonly within: number; readonly name: string; readonly target: string }
  | { readonly kind: 'link'; readonly within: number; readonly name: string; readonly to: number };

const within = fc.nat({ max: 50 });
const name = fc.oneof(
  fc.stringMatching(/^[a-z]{1,8}$/),
  fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).map((text) => text.replaceAll(/[/\0]/g, '_')),
  fc.integer({ min: 90, max: 110 }).map((length) => 'n'.repeat(length)),
);
/** Others than root have to be able to read what they save. */
const mode = fc
  .integer({ min: 0, max: 0o7777 })
  .map((bits) => (process.getuid?.() === 0 ? bits : bits | 0o400));
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant('folder' as const), within, name, mode: mode.map((bits) => bits | 0o700) }),
  fc.record({
    kind: fc.constant('file' as const),
    within,
    name,
    size: fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 65_536, 65_537), fc.nat({ max: 300_000 })),
    mode,
    time: fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }),
  }),
  fc.record({
    kind: fc.constant('sparse' as const),
    within,
    name,
    pieces: fc.array(fc.nat({ max: 900 }), { maxLength: 6 }),
  }),
  fc.record({
    kind: fc.constant('symlink' as const),
    within,
    name,
    target: fc.stringMatching(/^[a-z./]{1,130}$/),
  }),
  fc.record({ kind: fc.constant('link' as const), within, name, to: within }),
);

function build(top: string, entries: readonly Entry[]): void {
  const folders = [top];
  const files: string[] = [];
  for (const one of entries) {
    const path = join(folders[one.within % folders.length] ?? top, one.name);
    try {
      switch (one.kind) {
        case 'folder':
          mkdirSync(path);
          chmodSync(path, one.mode);
          folders.push(path);
          break;
        case 'file':
          writeFileSync(path, Buffer.alloc(one.size, one.name), { flag: 'wx' });
          chmodSync(path, one.mode);
          utimesSync(path, one.time, one.time + 0.5);
          files.push(path);
          break;
        case 'sparse': {
          const file = openSync(path, 'wx');
          for (const piece of one.pieces) writeSync(file, Buffer.alloc(4096, 'p'), 0, 4096, piece * 4096);
          closeSync(file);
          truncateSync(path, 4_000_000);
          files.push(path);
          break;
        }
        case 'symlink':
          symlinkSync(one.target, path);
          break;
        case 'link':
          if (files.length > 0) linkSync(files[one.to % files.length] ?? '', path);
          break;
      }
    } catch (error) {
      // Chance names things twice, and names that are `.`, or too long.
      if (!/EEXIST|ENAMETOOLONG|EISDIR|EINVAL|ENOENT/.test(String(error))) throw error;
    }
  }
}

testWith(['tar'], 'What is recovered of a tree of chance is the tree', async (t) => {
  const top = await tempFolder(t);
  const engine = await inlineEngine();
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 25 }), async (entries) => {
      number += 1;
      const here = join(top, String(number));
      const [from, ours, theirs] = [join(here, 'from'), join(here, 'ours'), join(here, 'theirs')];
      for (const folder of [from, ours, theirs]) mkdirSync(folder, { recursive: true });
      build(from, entries);
      const { image, history, log, result } = await backUp(engine, from);
      t.deepEqual(log, []);
      t.is(result.files, history.length);
      const back = await recover(engine, ours, image);
      t.deepEqual(back.log, []);
      const saved = everythingIn(from);
      t.deepEqual(everythingIn(ours), saved);
      t.is(saved.size, history.length);
      execFileSync('tar', ['-C', theirs, '--numeric-owner', '--warning=no-timestamp', '-pxf', '-'], {
        input: image,
      });
      t.deepEqual(everythingIn(theirs), saved);
      execFileSync('rm', ['-rf', here]);
    }),
    { numRuns: 60, seed: 11 },
  );
});
