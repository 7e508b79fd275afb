/**
 * table(): one SQL table as typed columns. Rows in TypeScript use camelCase and undefined where SQL uses snake_case and
 * NULL; booleans are 0 and 1. The statements of a table family are built from the columns, so a column is named once.
 */
import type { SqlValue } from '#env';
import { StoreError } from '../errors.js';

/** One connection as the table families use it: theirs in turn, or that of a running transaction. */
export interface Connection {
  run(sql: string, parameters?: readonly SqlValue[]): Promise<void>;
  all<Row>(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]>;
}

export interface Column<T> {
  readonly name: string;
  readonly optional: boolean;
  encode(value: T): SqlValue;
  decode(value: SqlValue): T;
}
export type Columns = Readonly<Record<string, Column<unknown>>>;

type TypeOf<C> = C extends Column<infer T> ? T : never;
type OptionalKeys<C extends Columns> = {
  [K in keyof C]: undefined extends TypeOf<C[K]> ? K : never;
}[keyof C];
export type RowOf<C extends Columns> = {
  readonly [K in Exclude<keyof C, OptionalKeys<C>>]: TypeOf<C[K]>;
} & { readonly [K in OptionalKeys<C>]?: TypeOf<C[K]> };

const column = <T>(
  name: string,
  encode: (value: T) => SqlValue,
  decode: (value: SqlValue) => T,
): Column<T> => ({ name, optional: false, encode, decode });

/** A text column; `T` narrows it to the words that a CHECK of the schema allows. */
export const text = <T extends string = string>(name: string): Column<T> =>
  column(
    name,
    (value) => value,
    (value) => String(value) as T, // held by the schema's CHECK
  );
export const integer = (name: string): Column<number> => column(name, (value) => value, Number);
export const boolean = (name: string): Column<boolean> =>
  column(
    name,
    (value) => (value ? 1 : 0),
    (value) => value !== 0,
  );
export const blob = (name: string): Column<Buffer> =>
  column(
    name,
    (value) => value,
    (value) => value as Buffer, // STRICT tables hold what the column says
  );
/** JSON text, for short lists that are always read whole. */
export const json = <T>(name: string): Column<T> =>
  column(
    name,
    (value) => JSON.stringify(value),
    (value) => JSON.parse(String(value)) as T,
  );
export const optional = <T>(inner: Column<T>): Column<T | undefined> => ({
  name: inner.name,
  optional: true,
  encode: (value) => (value === undefined ? null : inner.encode(value)),
  decode: (value) => (value === null ? undefined : inner.decode(value)),
});

export interface Table<Row> {
  /** "SELECT … FROM table", to be continued. */
  readonly select: string;
  decode(raw: Readonly<Record<string, SqlValue>>): Row;
  all(connection: Connection, rest?: string, parameters?: readonly SqlValue[]): Promise<Row[]>;
  first(connection: Connection, rest: string, parameters: readonly SqlValue[]): Promise<Row | undefined>;
  insert(connection: Connection, row: Row): Promise<void>;
  /** Sets the columns that `changes` names, undefined as NULL, in the rows that `where` picks. */
  update(
    connection: Connection,
    changes: Partial<Row>,
    where: string,
    parameters: readonly SqlValue[],
  ): Promise<void>;
  remove(connection: Connection, where: string, parameters: readonly SqlValue[]): Promise<void>;
}

export function table<const C extends Columns>(name: string, columns: C): Table<RowOf<C>> {
  type Row = RowOf<C>;
  type Raw = Readonly<Record<string, SqlValue>>;
  const entries = Object.entries(columns) as unknown as readonly [string, Column<unknown>][];
  const list = entries.map(([, { name: column }]) => column).join(', ');
  const select = `SELECT ${list} FROM ${name}`;
  const insert = `INSERT INTO ${name} (${list}) VALUES (${entries.map(() => '?').join(', ')})`;
  const decode = (raw: Raw): Row =>
    Object.fromEntries(
      entries
        .map(([key, column]) => [key, column.decode(raw[column.name] ?? null)] as const)
        .filter(([, value]) => value !== undefined),
    ) as Row;
  const all = async (
    connection: Connection,
    rest = '',
    parameters: readonly SqlValue[] = [],
  ): Promise<Row[]> => (await connection.all<Raw>(`${select} ${rest}`, parameters)).map(decode);
  return {
    select,
    decode,
    all,
    first: async (connection, rest, parameters) => (await all(connection, `${rest} LIMIT 1`, parameters))[0],
    insert: async (connection, row) => {
      const values = row as Readonly<Record<string, unknown>>;
      await connection.run(
        insert,
        entries.map(([key, column]) => column.encode(values[key])),
      );
    },
    update: async (connection, changes, where, parameters) => {
      const named = entries.filter(([key]) => key in changes);
      if (named.length === 0) return;
      const values = changes as Readonly<Record<string, unknown>>;
      await connection.run(
        `UPDATE ${name} SET ${named.map(([, { name: column }]) => `${column} = ?`).join(', ')} WHERE ${where}`,
        [...named.map(([key, column]) => column.encode(values[key])), ...parameters],
      );
    },
    remove: async (connection, where, parameters) => {
      await connection.run(`DELETE FROM ${name} WHERE ${where}`, parameters);
    },
  };
}

/** The row, or StoreError 'missing'. */
export function found<Row>(row: Row | undefined, what: string, key: string): Row {
  if (row === undefined) throw new StoreError('missing', `There is no ${what} ${key}`, { what, key });
  return row;
}
