/** A command set binds rows to handlers. A missing handler is a compile error: the map's keys are the table's names. */
import { strict as assert } from 'node:assert';
import type { Command } from './command.js';
import type { Task } from './task.js';

export type CommandTable = Readonly<Record<string, Command>>;
type CdbOf<C> = C extends Command<infer V> ? V : never;

/** Does the command: GOOD when it resolves, or there was nothing to wait for; CheckCondition when it does not. */
export type Handler<Unit, V> = (unit: Unit, task: Task, cdb: V) => Promise<void> | undefined;
export type Handlers<Unit, Table extends CommandTable> = {
  readonly [Name in keyof Table]: Handler<Unit, CdbOf<Table[Name]>>;
};

export interface BoundCommand<Unit> {
  readonly row: Command;
  readonly run: Handler<Unit, unknown>;
}

export class CommandSet<Unit> {
  readonly rows: readonly Command[];
  readonly #byKey = new Map<number, BoundCommand<Unit>>();
  /** Opcodes whose rows are told apart by service action. */
  readonly #withAction = new Set<number>();

  constructor(bound: readonly BoundCommand<Unit>[]) {
    this.rows = bound.map(({ row }) => row);
    for (const one of bound) {
      const { opcode, serviceAction } = one.row;
      if (serviceAction !== undefined) this.#withAction.add(opcode);
      const key = keyOf(opcode, serviceAction);
      assert(!this.#byKey.has(key), `${one.row.name} has the code of another command`);
      this.#byKey.set(key, one);
    }
  }

  has(opcode: number): boolean {
    return this.#withAction.has(opcode) || this.#byKey.has(keyOf(opcode, undefined));
  }
  hasActions(opcode: number): boolean {
    return this.#withAction.has(opcode);
  }
  /** The command of a CDB; undefined when there is none (`has` tells whether it is the opcode or the service action). */
  find(opcode: number, byte1: number): BoundCommand<Unit> | undefined {
    return this.#byKey.get(keyOf(opcode, this.#withAction.has(opcode) ? byte1 & 0x1f : undefined));
  }
  /** By a service action of up to 16 bits, as REPORT SUPPORTED OPERATION CODES asks for it; CDBs have five. */
  findAction(opcode: number, serviceAction: number | undefined): BoundCommand<Unit> | undefined {
    if (serviceAction !== undefined && serviceAction > serviceActionMax) return undefined;
    return this.#byKey.get(keyOf(opcode, serviceAction));
  }

  /** The same without some rows: what a personality does not have. */
  without(names: readonly string[]): CommandSet<Unit> {
    return new CommandSet([...this.#byKey.values()].filter(({ row }) => !names.includes(row.name)));
  }
}

const serviceActionMax = 0x1f;
const keyOf = (opcode: number, serviceAction: number | undefined): number =>
  opcode * 64 + (serviceAction ?? serviceActionMax + 1);

export function bind<Unit, Table extends CommandTable>(
  table: Table,
  handlers: Handlers<Unit, Table>,
): BoundCommand<Unit>[] {
  return Object.entries(table).map(([name, row]) => ({
    row,
    run: handlers[name as keyof Table] as unknown as Handler<Unit, unknown>,
  }));
}
