/** Somebody else works in the tree meanwhile, and swaps folders for links to the outside before every single call. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { posixTreeCalls, type TreeCalls } from '#env';
import { inlineTreeEngine, type TreeFormat } from '#trees';
import { backUp, everythingIn, recover, tempFolder } from '#support';

const calls = await posixTreeCalls();
const stepwise = await posixTreeCalls({ openat2: false });

/** `before` each call, however often. */
const watched = (target: TreeCalls, before: () => void): TreeCalls =>
  new Proxy(target, {
    get(_, key) {
      const call = target[key as keyof TreeCalls] as (...args: unknown[]) => number;
      return (...args: unknown[]) => {
        before();
        return call.apply(target, args);
      };
    },
  });

/** Swaps a folder and a link to the outside at its place, to and fro. */
function swapper(folder: string, outside: string): () => void {
  const aside = `${folder} aside`;
  let isLink = false;
  return () => {
    if (isLink) {
      rmSync(folder, { force: true });
      if (existsSync(aside)) renameSync(aside, folder);
    } else if (existsSync(folder)) {
      renameSync(folder, aside);
      symlinkSync(outside, folder);
    } else return;
    isLink = !isLink;
  };
}

for (const format of ['tar', 'dump'] as const satisfies readonly TreeFormat[]) {
  for (const [how, underlying] of [
    ['openat2', calls],
    ['step by step', stepwise],
  ] as const) {
    test(`${format}, ${how}: nothing outside is made or changed by a recovery`, async (t) => {
      const top = await tempFolder(t);
      const [from, to, outside] = [join(top, 'from'), join(top, 'to'), join(top, 'outside')];
      for (const folder of [from, to, outside]) mkdirSync(folder);
      mkdirSync(join(from, 'a/b/c'), { recursive: true });
      mkdirSync(join(outside, 'b/c'), { recursive: true });
      for (const name of ['a/1', 'a/b/2', 'a/b/c/3', 'z']) writeFileSync(join(from, name), name);
      writeFileSync(join(outside, 'b/2'), 'precious');
      const { image } = await backUp(inlineTreeEngine(calls), from, { format });
      const before = everythingIn(outside);
      // Every rhythm meets other calls with the link in place.
      for (let every = 1; every <= 7; every += 1) {
        rmSync(to, { recursive: true });
        mkdirSync(to);
        const swap = swapper(join(to, 'a'), outside);
        let count = 0;
        const engine = inlineTreeEngine(
          watched(underlying, () => {
            count += 1;
            if (count % every === 0) swap();
          }),
        );
        const { result } = await recover(engine, to, image, { format });
        t.true(['successful', 'failed'].includes(result.outcome));
        t.deepEqual(everythingIn(outside), before, `every ${every}`);
        t.is(readFileSync(join(to, 'z'), 'utf8'), 'z');
      }
    });
  }

  test(`${format}: nothing outside is read by a backup`, async (t) => {
    const top = await tempFolder(t);
    const [from, outside] = [join(top, 'from'), join(top, 'outside')];
    mkdirSync(join(from, 'a/b/c'), { recursive: true });
    mkdirSync(join(outside, 'b/c'), { recursive: true });
    for (const name of ['a/1', 'a/b/2', 'a/b/c/3', 'z']) writeFileSync(join(from, name), name);
    for (const name of ['1', 'b/2', 'b/c/3']) writeFileSync(join(outside, name), 'a secret of others');
    for (let every = 1; every <= 7; every += 1) {
      const swap = swapper(join(from, 'a'), outside);
      let count = 0;
      const engine = inlineTreeEngine(
        watched(calls, () => {
          count += 1;
          if (count % every === 0) swap();
        }),
      );
      const { image, result } = await backUp(engine, from, { format });
      t.is(result.outcome, 'successful');
      t.false(image.includes('a secret of others'), `every ${every}`);
      if (existsSync(join(from, 'a aside'))) swap();
    }
  });
}
