/** A thread of a Crew: performs slips in the order in which their addresses come. */
import { strict as assert } from 'node:assert';
import { parentPort, workerData } from 'node:worker_threads';
import { atHandBytes, openAtHand } from './at-hand.js';
import { Mailbox, mailboxBytes } from './mailbox.js';
import { OpenSlip, slipAt } from './slips.js';
import { wasmKernelsOver } from './wasm-kernels.js';

export interface CrewWorkerData {
  readonly memory: WebAssembly.Memory;
  /** Address of what the kernels of this thread need for themselves. */
  readonly scratchAt: number;
  /** And of what it reads itself. */
  readonly atHandAt: number;
  readonly flagAt: number;
  readonly mailboxAt: number;
}
const { memory, scratchAt, atHandAt, flagAt, mailboxAt } = workerData as CrewWorkerData; // what ThreadCrew gave us
const kernels = await wasmKernelsOver(memory, scratchAt);
const view = (at: number, bytes: number): Buffer => {
  if (at + bytes > memory.buffer.byteLength) memory.grow(0); // another thread has made it larger: we hear of it now
  return Buffer.from(memory.buffer, at, bytes);
};

const atHand = await openAtHand(view(atHandAt, atHandBytes));
const flag = new Int32Array(memory.buffer, flagAt, 1);
const port = parentPort;
assert(port !== null, 'a thread of a crew');
const mailbox = new Mailbox(view(mailboxAt, mailboxBytes));
/** While there is more to do, so many are told together, half of what a ring has; but a reader waits for what he wants opened. */
const toldTogether = 4;
// Until the thread is ended.
for (let untold = 1; ; untold++) {
  const slip = slipAt(mailbox.take(), view);
  slip.perform(kernels, view, atHand);
  if (!(slip instanceof OpenSlip) && untold < toldTogether && !mailbox.isEmpty) continue;
  untold = 0;
  // One message for as many as are done before it is heard.
  if (Atomics.exchange(flag, 0, 1) === 0) port.postMessage(0);
}
