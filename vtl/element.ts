/** Elements: the places of a library where a cartridge can be. */
import type { ElementKind } from '#catalog';
import { TapesiloError } from '#errors';
import type { Attribute } from './mam.js';

export type { ElementKind };

/** An element by its kind and index from 0. Element addresses of SMC are the business of targets/changer. */
export interface ElementRef {
  readonly kind: ElementKind;
  readonly index: number;
}
export const sameElement = (a: ElementRef, b: ElementRef): boolean =>
  a.kind === b.kind && a.index === b.index;
/** "slot12", "drive0", "mail1": for people and logs. */
export const formatElement = ({ kind, index }: ElementRef): string => `${kind}${index}`;

/** What the robot needs to know of a cartridge. */
export interface LibraryCartridge {
  readonly id: string;
  readonly barcode: string;
  readonly worm?: boolean;
  /** Present in cleaning cartridges. */
  readonly cleaning?: unknown;
  /** Attributes of its auxiliary memory by partition, read without a drive. */
  readAttributes?(): Promise<readonly (readonly Attribute[])[]>;
}
/** What the robot needs of a drive. */
export interface LibraryDrive<C> {
  readonly id: string;
  readonly serial: string;
  /** Somebody has asked that the cartridge stay in. */
  readonly removalPrevented: boolean;
  /** Auxiliary memory of the loaded medium. */
  readonly mam?:
    { readonly partitions: number; attributes(partition: number): readonly Attribute[] } | undefined;
  /** Takes the cartridge and loads it. One that it cannot use is taken too, and refused by the drive to its hosts. */
  insert(cartridge: C): Promise<void>;
  /** Unloads, making everything written durable, and gives the cartridge back. */
  remove(): Promise<C>;
}

/** A name that a host gave a cartridge by SEND VOLUME TAG, besides its barcode. */
export interface AlternateTag {
  readonly identifier: string;
  readonly sequence: number;
}

/** What one element holds. A value: a change makes a new one. */
export interface ElementState<C, D> {
  readonly ref: ElementRef;
  readonly cartridge?: C | undefined;
  /** The slot or mail slot that the cartridge was in before. */
  readonly source?: ElementRef | undefined;
  /** An operator put the cartridge here, not the robot. */
  readonly byOperator: boolean;
  readonly alternateTag?: AlternateTag | undefined;
  /** The drive of a drive element; a drive element without one is an empty bay. */
  readonly drive?: D | undefined;
  /** Mail slots: the operator can reach in, the robot cannot. */
  readonly doorOpen?: boolean;
}

export type LibraryErrorCode =
  | 'no-such-element'
  | 'source-empty'
  | 'destination-full'
  | 'removal-prevented'
  /** The drive element has no drive. */
  | 'drive-missing'
  /** The door of the mail slot is open. */
  | 'door-open'
  /** The drive could not give the cartridge back, or not take it; it is in the drive. */
  | 'drive-failed'
  /** The alternate tag is there already, or is not there. */
  | 'tag-exists'
  | 'tag-missing'
  /** The auxiliary memory of the cartridge cannot be read. */
  | 'memory-unreadable'
  /** The move could not be recorded; nothing moved. */
  | 'not-recorded';

/** Why the robot or an operator could not do it. Nothing has moved, except with 'drive-failed' as it says. */
export class LibraryError extends TapesiloError<LibraryErrorCode> {}
