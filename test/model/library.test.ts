import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Catalog } from '#catalog';
import { realEnv } from '#env';
import { TapesiloError } from '#errors';
import { type FakeLibrary, makeFakeLibrary, openFakeLibrary, tempFolder } from '#support';
import type { ElementRef, Shelf } from '#vtl';

const shape = { slots: 4, mailSlots: 1, drives: 2, cartridges: 4 } as const;

/** Barcode to place ("slot3", "shelf"), and what else decides. */
interface Model {
  readonly places: Map<string, string>;
  slots: number;
}
interface Real {
  catalog: Catalog;
  library: FakeLibrary;
  shelf: Shelf<{ readonly id: string; readonly barcode: string }>;
  readonly path: string;
}
type Step = fc.AsyncCommand<Model, Real>;

const name = ({ kind, index }: ElementRef): string => `${kind}${index}`;
const exists = (model: Model, { kind, index }: ElementRef): boolean =>
  kind === 'slot' ? index < model.slots : index < (kind === 'mail' ? shape.mailSlots : shape.drives);
const occupant = (model: Model, ref: ElementRef): string | undefined =>
  [...model.places].find(([, place]) => place === name(ref))?.[0];

/** Every element, drive and shelf holds what the model says. */
function compare(model: Model, { library, shelf }: Real): void {
  const seen = new Map<string, string>();
  for (const { ref, cartridge, drive } of library.elements()) {
    if (drive !== undefined && drive.cartridge?.barcode !== cartridge?.barcode)
      throw new Error(`${name(ref)} has ${drive.cartridge?.barcode}, not ${cartridge?.barcode}`);
    if (cartridge === undefined) continue;
    if (seen.has(cartridge.barcode)) throw new Error(`${cartridge.barcode} is in two elements`);
    seen.set(cartridge.barcode, name(ref));
    if (name(library.whereIs(cartridge.barcode) ?? ref) !== name(ref)) throw new Error('whereIs is wrong');
  }
  for (const { barcode } of shelf.cartridges) seen.set(barcode, 'shelf');
  const sorted = (places: ReadonlyMap<string, string>): string =>
    JSON.stringify([...places].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (sorted(seen) !== sorted(model.places))
    throw new Error(`${sorted(seen)} is not ${sorted(model.places)}`);
}

/** A step whose outcome the model foretells: done, or refused and nothing changed. */
function step(
  label: string,
  predict: (model: Model) => (() => void) | undefined,
  act: (real: Real, model: Model) => Promise<void>,
): Step {
  return {
    check: () => true,
    toString: () => label,
    run: async (model, real) => {
      const apply = predict(model);
      let refusal: TapesiloError | undefined;
      try {
        await act(real, model);
      } catch (error) {
        if (!(error instanceof TapesiloError)) throw error;
        refusal = error;
      }
      if ((refusal === undefined) !== (apply !== undefined))
        throw new Error(`${label} was ${refusal === undefined ? 'done' : `refused: ${refusal.code}`}`);
      apply?.();
      compare(model, real);
    },
  };
}

const elements: fc.Arbitrary<ElementRef> = fc.oneof(
  fc.record({ kind: fc.constant('slot' as const), index: fc.nat(5) }),
  fc.record({ kind: fc.constant('mail' as const), index: fc.nat(1) }),
  fc.record({ kind: fc.constant('drive' as const), index: fc.nat(2) }),
);
const barcodes = fc.constantFrom('T0L8', 'T1L8', 'T2L8', 'T3L8');

const moves = fc.tuple(elements, elements).map(([from, to]) =>
  step(
    `move ${name(from)} ${name(to)}`,
    (model) => {
      const barcode = occupant(model, from);
      if (!exists(model, to) || barcode === undefined) return undefined;
      if (occupant(model, to) !== undefined && name(from) !== name(to)) return undefined;
      return () => model.places.set(barcode, name(to));
    },
    async ({ library }) => await library.move(from, to),
  ),
);
const exchanges = fc.tuple(elements, elements, elements).map(([source, first, second]) =>
  step(
    `exchange ${name(source)} ${name(first)} ${name(second)}`,
    (model) => {
      const [a, b] = [occupant(model, source), occupant(model, first)];
      if (a === undefined || b === undefined || a === b || !exists(model, second)) return undefined;
      if (name(second) === name(first)) return undefined;
      if (occupant(model, second) !== undefined && name(second) !== name(source)) return undefined;
      return () => model.places.set(a, name(first)).set(b, name(second));
    },
    async ({ library }) => await library.exchange(source, first, second),
  ),
);
const exports = elements.map((from) =>
  step(
    `export ${name(from)}`,
    (model) => {
      const barcode = occupant(model, from);
      return barcode === undefined ? undefined : () => model.places.set(barcode, 'shelf');
    },
    async ({ library }) => void (await library.exportCartridge(from)),
  ),
);
const imports = fc.tuple(barcodes, elements).map(([barcode, to]) =>
  step(
    `import ${barcode} ${name(to)}`,
    (model) => {
      const onShelf = model.places.get(barcode) === 'shelf';
      if (!onShelf || !exists(model, to) || occupant(model, to) !== undefined) return undefined;
      return () => model.places.set(barcode, name(to));
    },
    async ({ library, shelf }) => {
      const cartridge = shelf.find(barcode);
      if (cartridge === undefined) return await library.move({ kind: 'slot', index: 99 }, to); // refused, as foretold
      await library.importCartridge(cartridge, to);
    },
  ),
);
const growths = fc.constant(
  step(
    'add a slot',
    (model) => () => (model.slots += 1),
    async ({ library }) => await library.addSlots(1),
  ),
);
const shrinks = fc.constant(
  step(
    'remove a slot',
    (model) => {
      const last = { kind: 'slot', index: model.slots - 1 } as const;
      return model.slots === 0 || occupant(model, last) !== undefined ? undefined : () => (model.slots -= 1);
    },
    async ({ library }) => await library.removeSlots(1),
  ),
);
const restarts = fc.constant(
  step(
    'restart',
    () => () => undefined,
    async (real) => {
      await real.catalog.close();
      real.catalog = await Catalog.open(realEnv(), real.path);
      Object.assign(real, await openFakeLibrary(real.catalog));
    },
  ),
);

async function run(t: ExecutionContext, commands: Iterable<Step>): Promise<void> {
  const path = join(await tempFolder(t), 'catalog.db');
  const catalog = await Catalog.open(realEnv(), path);
  const real: Real = { catalog, path, ...(await makeFakeLibrary(catalog, shape)) };
  const places = new Map([...Array(shape.cartridges).keys()].map((index) => [`T${index}L8`, `slot${index}`]));
  try {
    await fc.asyncModelRun(() => ({ model: { places, slots: shape.slots }, real }), commands);
  } finally {
    await real.catalog.close();
  }
}

test('a library does what a map of barcodes to places does, restarts included', async (t) => {
  const all = [moves, moves, exchanges, exports, imports, growths, shrinks, restarts];
  await fc.assert(
    fc.asyncProperty(fc.commands(all, { maxCommands: 40 }), async (commands) => await run(t, commands)),
    { numRuns: 40, seed: 0x7a9e },
  );
  t.pass();
});
