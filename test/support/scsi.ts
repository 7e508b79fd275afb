/** Short ways for tests of SCSI: a CDB as hex text, what came back as short text, persistence in memory. */
import type { LogicalUnit, Nexus, Outcome, Persistence, Task } from '#scsi';
import { parseHex } from '#wire';
import { fakeNexus, FakeTask } from './fake-task.js';

export interface Ran extends Outcome {
  readonly data: Buffer;
  /** Key, ASC and ASCQ in hexadecimal, such as "5 24 00"; empty without sense. */
  readonly why: string;
  /** The field that the sense points to, such as "cdb 3.5" or "parameters 12"; empty without. */
  readonly where: string;
}

export function whyOf(sense: Buffer | undefined): string {
  if (sense === undefined) return '';
  const fixed = ((sense[0] ?? 0) & 0x7f) < 0x72;
  const [key, asc, ascq] = fixed ? [sense[2], sense[12], sense[13]] : [sense[1], sense[2], sense[3]];
  const hex = (byte: number | undefined): string => (byte ?? 0).toString(16).padStart(2, '0');
  return `${((key ?? 0) & 0x0f).toString(16)} ${hex(asc)} ${hex(ascq)}`;
}
function whereOf(sense: Buffer | undefined): string {
  const first = sense?.[15] ?? 0;
  if (sense === undefined || (first & 0x80) === 0) return '';
  const bit = (first & 0x08) === 0 ? '' : `.${first & 7}`;
  return `${(first & 0x40) === 0 ? 'parameters' : 'cdb'} ${sense.readUInt16BE(16)}${bit}`;
}

/** Runs one CDB, given as bytes or hex text. */
export async function ask(
  unit: { execute(task: Task): Outcome | Promise<Outcome> },
  nexus: Nexus,
  cdb: Buffer | string,
  out?: Buffer | string,
): Promise<Ran> {
  const bytes = typeof cdb === 'string' ? parseHex(cdb) : cdb;
  const dataOut = typeof out === 'string' ? parseHex(out) : out;
  const task = new FakeTask({ cdb: bytes, nexus, ...(dataOut === undefined ? {} : { out: dataOut }) });
  const outcome = await unit.execute(task);
  return { ...outcome, data: task.data, why: whyOf(outcome.sense), where: whereOf(outcome.sense) };
}

/** A nexus that the unit knows and that has taken the unit attentions it starts with. */
export function attached(unit: LogicalUnit, nexus: Nexus | string = 'one'): Nexus {
  const known = typeof nexus === 'string' ? fakeNexus(nexus) : nexus;
  unit.attach(known);
  takeAttentions(unit, known);
  return known;
}
/** ASC and ASCQ of all that is pending, taken. */
export function takeAttentions(unit: LogicalUnit, nexus: Nexus): string[] {
  const taken: string[] = [];
  for (let one = unit.attentions.take(nexus.id); one !== undefined; one = unit.attentions.take(nexus.id)) {
    taken.push(`${one.asc.toString(16).padStart(2, '0')}/${one.ascq.toString(16).padStart(2, '0')}`);
  }
  return taken;
}

/** What a catalog would keep. `failing` makes every save fail. */
export class MemoryPersistence implements Persistence {
  readonly blobs = new Map<string, Buffer>();
  failing = false;
  async load(key: string): Promise<Buffer | undefined> {
    return await Promise.resolve(this.blobs.get(key));
  }
  async save(key: string, value: Buffer): Promise<void> {
    if (this.failing) throw new Error('the disk is gone');
    this.blobs.set(key, Buffer.from(value));
    return await Promise.resolve();
  }
}
