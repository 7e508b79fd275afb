/** A thread of a Crew: performs slips in the order in which their addresses come. */
import { strict as assert } from 'node:assert';
import { parentPort, workerData } from 'node:worker_threads';
import { atHandBytes, openAtHand } from './at-hand.js';
import { Desk, deskBytes } from './desk.js';
import { Mailbox, mailboxBytes } from './mailbox.js';
import { OpenSlip, slipAt } from './slips.js';
import { wasmKernelsOver } from './wasm-kernels.js';

export interface CrewWorkerData {
  readonly memory: WebAssembly.Memory;
  /** Address of what the kernels of this thread need for themselves. */
  readonly scratchAt: number;
  /** And of what it reads itself. */
  readonly atHandAt: number;
  readonly deskAt: number;
  /** Its own, and that of all threads. */
  readonly mailboxesAt: readonly number[];
}
const { memory, scratchAt, atHandAt, deskAt, mailboxesAt } = workerData as CrewWorkerData; // what ThreadCrew gave us
const kernels = await wasmKernelsOver(memory, scratchAt);
const view = (at: number, bytes: number): Buffer => {
  if (at + bytes > memory.buffer.byteLength) memory.grow(0); // another thread has made it larger: we hear of it now
  return Buffer.from(memory.buffer, at, bytes);
};

const atHand = await openAtHand(view(atHandAt, atHandBytes));
const desk = new Desk(view(deskAt, deskBytes));
const mailboxes = mailboxesAt.map((at) => new Mailbox(view(at, mailboxBytes)));
const port = parentPort;
assert(port !== null, 'a thread of a crew');
/** While there is more to do, so many are told together, half of what a ring has; but a reader waits for what he wants opened. */
const toldTogether = 4;
let untold = 0;
/** One message for as many as are done before it is heard. */
function tell(): void {
  if (untold > 0 && desk.tell()) port?.postMessage(0);
  untold = 0;
}
// What others have taken meanwhile is not to be waited for: what is done is told before we sleep.
for (let at = desk.next(mailboxes, tell); at !== 0; at = desk.next(mailboxes, tell)) {
  const slip = slipAt(at, view);
  slip.perform(kernels, view, atHand);
  untold += 1;
  if (slip instanceof OpenSlip || untold === toldTogether) tell();
}
