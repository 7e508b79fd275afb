/** A host meets a library for the first time: elements, cartridges, and the models of all that it will do. */
import type { Host } from './host.js';
import { InventoryModel } from './inventory-model.js';
import type { SimRandom } from './sim-random.js';
import { TapeModel } from './tape-model.js';
import { Workload } from './workload.js';

/** The changer is LUN 0, its drives follow from LUN 1 on, in the order of their elements. Cartridges are empty. */
export async function meetLibrary(
  host: Host,
  random: SimRandom,
  trace: (what: string) => void,
): Promise<Workload> {
  const slots = await host.elements(0, 2);
  const drives = await host.elements(0, 4);
  const places = slots.flatMap(({ address, barcode }) =>
    barcode === undefined ? [] : [[barcode, address] as const],
  );
  return new Workload({
    random,
    layout: {
      changerLun: 0,
      bays: drives.slice(0, 2).map(({ address }, index) => ({ lun: index + 1, element: address })),
      // Some that are full, some that are empty.
      slots: [...slots.slice(0, 4), ...slots.slice(-4)].map(({ address }) => address),
    },
    tapes: new Map(places.map(([barcode]) => [barcode, new TapeModel(barcode)])),
    inventory: new InventoryModel(Object.fromEntries(places)),
    host,
    trace,
  });
}
