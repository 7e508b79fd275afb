/** Enumerations: names on our side, numbers on the wire, and what each version has of them. */
import { type NdmpVersion, type Xdr, XdrError } from './xdr.js';

/** A number, and the versions that know it. */
export interface EnumRow<Name extends string> {
  readonly value: number;
  /** Another number that means the same. */
  readonly also?: number;
  readonly since?: NdmpVersion;
  readonly until?: NdmpVersion;
  /** What a version that does not know it is told. */
  readonly instead?: Name;
}
type Rows<Name extends string> = Readonly<Record<Name, number | EnumRow<string>>>;

/** A number that the table does not have, for a handler to refuse. */
export interface Unknown {
  readonly unknown: number;
}
export const isUnknown = (value: string | Unknown): value is Unknown => typeof value !== 'string';

const rowOf = (row: number | EnumRow<string>): EnumRow<string> =>
  typeof row === 'number' ? { value: row } : row;
const knows = (row: EnumRow<string>, version: NdmpVersion): boolean =>
  version >= (row.since ?? 2) && version <= (row.until ?? 4);

class EnumTable<Name extends string> {
  readonly #byName: ReadonlyMap<string, EnumRow<string>>;
  readonly #names: Readonly<Record<NdmpVersion, ReadonlyMap<number, Name>>>;

  constructor(rows: Rows<Name>) {
    const all = Object.entries<number | EnumRow<string>>(rows).map(
      ([name, row]) => [name, rowOf(row)] as const,
    );
    this.#byName = new Map(all);
    const known = (version: NdmpVersion): ReadonlyMap<number, Name> =>
      new Map(
        all
          .filter(([, row]) => knows(row, version))
          .flatMap(([name, row]) => [row.value, row.also ?? row.value].map((value) => [value, name as Name])),
      );
    this.#names = { 2: known(2), 3: known(3), 4: known(4) };
  }
  nameOf(value: number, version: NdmpVersion): Name | undefined {
    return this.#names[version].get(value);
  }
  /** The number of `name`, or of what stands for it in this version. */
  valueOf(name: string, version: NdmpVersion): number {
    const row = this.#byName.get(name);
    if (row === undefined) throw new XdrError('unencodable', `"${name}" is no value of this enumeration`);
    if (knows(row, version)) return row.value;
    if (row.instead === undefined) {
      throw new XdrError('unencodable', `Version ${version} has no "${name}" in this enumeration`);
    }
    return this.valueOf(row.instead, version);
  }
  /** What 0 means: the value of an empty body. */
  get zero(): Name {
    const name = this.#names[4].get(0) ?? this.#names[2].get(0);
    if (name === undefined) throw new XdrError('unencodable', 'This enumeration has no 0');
    return name;
  }
}

/** A number that is none of the names is an error: for what we send, and for answers. */
export function enumeration<const Name extends string>(rows: Rows<Name>): Xdr<Name> {
  const table = new EnumTable(rows);
  return {
    read(from) {
      const value = from.u32();
      const name = table.nameOf(value, from.version);
      if (name === undefined)
        throw new XdrError('value', `${value} is no value of this enumeration`, { value });
      return name;
    },
    write: (to, name) => to.u32(table.valueOf(name, to.version)),
    empty: () => table.zero,
  };
}

/** A number that is none of the names is passed on as `{ unknown }`: for arguments that a handler judges. */
export function openEnumeration<const Name extends string>(rows: Rows<Name>): Xdr<Name | Unknown> {
  const table = new EnumTable(rows);
  return {
    read(from) {
      const value = from.u32();
      return table.nameOf(value, from.version) ?? { unknown: value };
    },
    write: (to, value) =>
      to.u32(typeof value === 'string' ? table.valueOf(value, to.version) : value.unknown),
    empty: () => table.zero,
  };
}
