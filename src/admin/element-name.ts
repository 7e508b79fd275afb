/**
 * Elements as operators call them, in the manner of mtx: drives from 0, slots and mail slots ("ie") from 1. Inside, every
 * index starts at 0.
 */
import type { ElementKind } from '#catalog';
import { RefusedError } from '#errors';

export interface ElementPlace {
  readonly kind: ElementKind;
  readonly index: number;
}
const NAMES: Readonly<Record<ElementKind, { readonly name: string; readonly first: number }>> = {
  drive: { name: 'drive', first: 0 },
  slot: { name: 'slot', first: 1 },
  mail: { name: 'ie', first: 1 },
  robot: { name: 'robot', first: 0 },
};

export const elementName = ({ kind, index }: ElementPlace): string =>
  `${NAMES[kind].name}${index + NAMES[kind].first}`;

/** The element of "drive0", "slot12" or "ie1". RefusedError 'usage' for anything else. */
export function parseElement(text: string): ElementPlace {
  const match = /^(drive|slot|ie)(\d{1,5})$/.exec(text);
  const kind = (['drive', 'slot', 'mail'] as const).find((one) => NAMES[one].name === match?.[1]);
  const index = Number(match?.[2]) - (kind === undefined ? 0 : NAMES[kind].first);
  if (kind === undefined || index < 0) {
    throw new RefusedError(
      'usage',
      `${text} is no element: drives are called drive0 …, slots slot1 …, mail slots ie1 …`,
    );
  }
  return { kind, index };
}
