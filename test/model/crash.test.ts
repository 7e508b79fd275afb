import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { Catalog } from '#catalog';
import { type Database, type Databases, realEnv } from '#env';
import { StoreError } from '#errors';
import { type FakeLibrary, makeFakeLibrary, openFakeLibrary, tempFolder, top } from '#support';

const shape = { slots: 6, mailSlots: 2, drives: 2, cartridges: 5 } as const;

/** Barcode to place, from the catalog alone. Fails the test when a cartridge is lost or in two places. */
async function inventory(t: ExecutionContext, path: string): Promise<Map<string, string>> {
  const catalog = await Catalog.open(realEnv(), path);
  t.deepEqual(await catalog.check(), []);
  const rows = await catalog.cartridges.inLibrary('lib');
  await catalog.close();
  const places = rows.map(({ elementKind, elementIndex }) => `${elementKind} ${elementIndex}`);
  t.is(rows.length, shape.cartridges, 'T3: no cartridge is lost');
  t.is(new Set(places).size, rows.length, 'T3: no element holds two');
  return new Map(rows.map(({ barcode }, index) => [barcode, places[index] ?? '']));
}

const textOf = (places: ReadonlyMap<string, string>): string =>
  [...places]
    .map((one) => one.join(' '))
    .toSorted()
    .join();

/** What the log of the process says, played on the places before it: after all that was done, and after the open one too. */
function play(places: Map<string, string>, log: readonly string[]): Map<string, string>[] {
  let now = new Map(places);
  let open: Map<string, string> | undefined;
  for (const line of log) {
    if (line === 'done') {
      now = open ?? now;
      open = undefined;
      continue;
    }
    const [, ...words] = line.split(' ');
    const refs = [0, 2, 4].flatMap((at) =>
      words[at] === undefined ? [] : [`${words[at]} ${words[at + 1]}`],
    );
    const [from = '', to = '', second] = refs;
    const at = (place: string): string | undefined => [...now].find(([, one]) => one === place)?.[0];
    const [moved, displaced] = [at(from), at(to)];
    open = new Map(now);
    if (moved !== undefined) open.set(moved, to);
    if (displaced !== undefined && second !== undefined) open.set(displaced, second);
  }
  return open === undefined ? [now] : [now, open];
}

test('after kill -9 the inventory is as before the move that was cut off, or after it', async (t) => {
  const path = join(await tempFolder(t), 'catalog.db');
  const catalog = await Catalog.open(realEnv(), path);
  await makeFakeLibrary(catalog, shape);
  await catalog.close();
  let places = await inventory(t, path);
  for (let round = 1; round <= 6; round++) {
    const child = spawn(
      process.execPath,
      [join(top, 'dist/test/model/robot-process.js'), path, String(round)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    t.teardown(() => child.kill('SIGKILL'));
    const log: string[] = [];
    const enough = 5 + 7 * round; // different moments, found by counting and not by a clock
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      if (line !== 'ready') log.push(line);
      if (log.length === enough) child.kill('SIGKILL');
    });
    await Promise.all([once(child, 'exit'), once(lines, 'close')]);
    t.true(log.length >= enough);
    const found = await inventory(t, path);
    const possible = play(places, log).map(textOf);
    t.true(possible.includes(textOf(found)), `round ${round}: ${log.at(-1)}`);
    places = found;
  }
});

// --- the Nth statement fails -------------------------------------------------------------------------------------------

class Failing implements Databases {
  /** Statements until one fails. */
  left = Infinity;
  /** How many fail from then on. */
  failuresMax = 1;
  async open(path: string): Promise<Database> {
    const real = await realEnv().databases.open(path);
    const count = (): void => {
      this.left -= 1;
      if (this.left < 0 && this.left >= -this.failuresMax) throw new StoreError('io', 'The disk is gone');
    };
    return {
      run: async (sql, parameters) => {
        count();
        await real.run(sql, parameters);
      },
      all: async <Row>(sql: string, parameters?: Parameters<Database['all']>[1]) => {
        count();
        return await real.all<Row>(sql, parameters);
      },
      script: async (sql) => await real.script(sql),
      close: async () => await real.close(),
    };
  }
}

test('a transaction that cannot be undone either breaks the catalog, so that nothing joins it', async (t) => {
  const databases = new Failing();
  const catalog = await Catalog.open({ databases }, join(await tempFolder(t), 'catalog.db'));
  await t.throwsAsync(
    catalog.transaction(async ({ settings }) => {
      await settings.set('a', '1');
      databases.failuresMax = Infinity;
      databases.left = 0;
      await settings.set('a', '2');
    }),
    { code: 'io' },
  );
  databases.left = Infinity;
  await t.throwsAsync(catalog.settings.get('a'), { code: 'broken' });
  await catalog.close();
});

type Operation = (library: FakeLibrary) => Promise<unknown>;
const operations: Readonly<Record<string, Operation>> = {
  move: async (library) => await library.move({ kind: 'slot', index: 0 }, { kind: 'drive', index: 1 }),
  'move out of a drive': async (library) =>
    await library.move({ kind: 'drive', index: 0 }, { kind: 'slot', index: 5 }),
  exchange: async (library) =>
    await library.exchange(
      { kind: 'slot', index: 0 },
      { kind: 'drive', index: 0 },
      { kind: 'slot', index: 0 },
    ),
  export: async (library) => await library.exportCartridge({ kind: 'drive', index: 0 }),
};

for (const [name, operation] of Object.entries(operations)) {
  test(`whichever statement of "${name}" fails, it happened or it did not, everywhere alike`, async (t) => {
    const databases = new Failing();
    const catalog = await Catalog.open({ databases }, join(await tempFolder(t), 'catalog.db'));
    const { library } = await makeFakeLibrary(catalog, shape);
    await library.move({ kind: 'slot', index: 4 }, { kind: 'drive', index: 0 });
    const map = (one: FakeLibrary): string =>
      JSON.stringify(one.elements().map(({ ref, cartridge }) => [ref, cartridge?.barcode]));
    const before = map(library);
    let failures = 0;
    for (let nth = 0; ; nth++) {
      databases.left = nth;
      const failed = await operation(library).then(
        () => false,
        () => true,
      );
      databases.left = Infinity;
      const { library: reopened } = await openFakeLibrary(catalog);
      t.is(map(reopened), map(library), `statement ${nth}`);
      for (const { drive, cartridge } of library.elementsOf('drive'))
        t.is(drive?.cartridge?.barcode, cartridge?.barcode);
      if (!failed) break;
      failures += 1;
      t.is(map(library), before, `statement ${nth}`);
    }
    t.true(failures > 0);
    await catalog.close();
  });
}
