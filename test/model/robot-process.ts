/**
 * The process that crash.test.ts kills: moves and exchanges in a catalog, as fast as it can, and says each one before it
 * asks for it and after it was done.
 */
import { Catalog } from '#catalog';
import { realEnv } from '#env';
import { openFakeLibrary } from '../support/fake-library.js'; // not the face: that wants a test runner

const [path = '', seed = '1'] = process.argv.slice(2);
const catalog = await Catalog.open(realEnv(), path);
const { library } = await openFakeLibrary(catalog);

let state = Number(seed);
/** A small generator: the run is the same for the same seed. */
function random(below: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const places = library.elements().filter(({ ref }) => ref.kind !== 'robot');
const placesWith = (full: boolean): string[] =>
  places
    .map(({ ref }) => library.element(ref))
    .flatMap((element) =>
      element !== undefined && (element.cartridge !== undefined) === full
        ? [`${element.ref.kind} ${element.ref.index}`]
        : [],
    );
const refOf = (text: string) => {
  const found = places.find(({ ref }) => text === `${ref.kind} ${ref.index}`);
  if (found === undefined) throw new Error(text);
  return found.ref;
};
const pick = (from: readonly string[]): string => from[random(from.length)] ?? '';

say('ready');
for (;;) {
  const [from, to] = [pick(placesWith(true)), pick(placesWith(false))];
  const between = pick(placesWith(true).filter((one) => one !== from));
  if (random(2) === 0) {
    say(`move ${from} ${to}`);
    await library.move(refOf(from), refOf(to));
  } else {
    say(`exchange ${from} ${between} ${from}`);
    await library.exchange(refOf(from), refOf(between), refOf(from));
  }
  say('done');
}
