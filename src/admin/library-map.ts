/** `library map`: drives, mail slots and slots as a picture in text. */
import type { ElementKind } from '#catalog';
import { elementName } from './element-name.js';
import type { InstalledLibrary } from './installation.js';

const width = 100;

export function libraryMap({ row, library }: InstalledLibrary): string {
  const group = (title: string, kind: ElementKind): string[] => {
    const states = library.elementsOf(kind);
    if (states.length === 0) return [];
    const full = states.filter(({ cartridge }) => cartridge !== undefined).length;
    const names = states.map(({ ref }) => elementName(ref));
    const labels = states.map(
      (state) =>
        state.cartridge?.barcode ?? (kind === 'drive' && state.drive === undefined ? '(no drive)' : '·'),
    );
    const nameWidth = Math.max(...names.map((name) => name.length));
    const labelWidth = Math.max(8, ...labels.map((label) => label.length));
    const cells = names.map(
      (name, at) => `${name.padStart(nameWidth)} ${(labels[at] ?? '').padEnd(labelWidth)}`,
    );
    const columns = Math.max(1, Math.floor(width / (nameWidth + labelWidth + 3)));
    return ['', `${title}: ${full} of ${states.length}`, ...rows(cells, columns)];
  };
  return [
    `${row.name} (${row.personality}, serial ${row.serial})`,
    ...group('Drives', 'drive'),
    ...group('Mail slots', 'mail'),
    ...group('Slots', 'slot'),
    '',
  ].join('\n');
}

function rows(cells: readonly string[], columns: number): string[] {
  return Array.from({ length: Math.ceil(cells.length / columns) }, (_, at) =>
    `  ${cells.slice(at * columns, (at + 1) * columns).join('  ')}`.trimEnd(),
  );
}
