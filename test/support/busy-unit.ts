/** A unit whose commands end when the test says so. */
import { bind, command, CommandSet, type Nexus, type Outcome, spcCommands, type Task } from '#scsi';
import { u8 } from '#wire';
import { FakeTask } from './fake-task.js';
import { PlainUnit } from './plain-unit.js';

const table = {
  WORK: command({
    name: 'WORK',
    opcode: 0xc0,
    length: 10,
    spec: 'test',
    fields: { number: u8(2) },
    data: 'none',
    reservation: 'allowed',
  }),
  LOOK: command({
    name: 'LOOK',
    opcode: 0xc1,
    length: 10,
    spec: 'test',
    fields: { number: u8(2) },
    data: 'none',
    reservation: 'allowed',
    concurrent: true,
  }),
};

/** Runs each command until the test lets it end. */
export class BusyUnit extends PlainUnit {
  override readonly commands: CommandSet<never> = new CommandSet<BusyUnit>([
    ...spcCommands,
    ...bind<BusyUnit, typeof table>(table, {
      WORK: async (unit, _task, { number }) => await unit.work(number),
      LOOK: async (unit, _task, { number }) => await unit.work(number),
    }),
  ]);
  readonly started: number[] = [];
  readonly #end = new Map<number, () => void>();
  taskAborted = false;
  override get taskAbortedStatus(): boolean {
    return this.taskAborted;
  }
  async work(number: number): Promise<void> {
    this.started.push(number);
    await new Promise<void>((resolve) => this.#end.set(number, resolve));
  }
  end(...numbers: readonly number[]): void {
    for (const number of numbers) this.#end.get(number)?.();
  }
}

export interface Sent {
  readonly task: FakeTask;
  readonly outcome: Promise<Outcome>;
}
/** Sends WORK, or LOOK by its opcode C1h, to a unit or a device that has one at LUN 0. */
export function startWork(
  unit: { execute(task: Task): Outcome | Promise<Outcome> },
  nexus: Nexus,
  number: number,
  attribute: Task['attribute'] = 'simple',
  opcode = 0xc0,
): Sent {
  const task = new FakeTask({ cdb: Buffer.from([opcode, 0, number, 0, 0, 0, 0, 0, 0, 0]), nexus, attribute });
  return { task, outcome: Promise.resolve(unit.execute(task)) };
}
