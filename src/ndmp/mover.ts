/**
 * Mover: the image stream between a data connection and the tape that the session has open (spec4 3.6), one for each session.
 *
 * Requests of one session come one after the other. Invariants: N1 the state changes only along `MOVER_NEXT`; a halted mover has
 * a reason and no data connection. N2 each pause and each halt is announced once, after the state has changed.
 */
import { strict as assert } from 'node:assert';
import type { Env, Link, Logger } from '#env';
import { moverRecordBytesMax } from '#limits';
import type { SlabPool } from '#wire';
import type { DataConnector, Listening, StreamType } from './data-connection.js';
import { NdmpError } from './errors.table.js';
import { FromTape } from './from-tape.js';
import { ImagePlaces } from './image-places.js';
import { localLinks } from './local-links.js';
import type { DataForMover, Flow, FlowParts, TapeForMover } from './mover-faces.js';
import { mayAsk, mayFollow, type MoverRequest } from './mover-states.table.js';
import { MoverProgress, windowOf } from './mover-window.js';
import { ToTape } from './to-tape.js';
import type { Address, AddressType, MoverHaltReason, MoverMode, MoverState, PauseReason } from './types.js';
import type { NdmpVersion } from './xdr.js';

/** What the mover tells the client unasked. */
export interface MoverNotices {
  paused(reason: PauseReason, seekPosition: bigint): void;
  halted(reason: MoverHaltReason, text: string): void;
}

export interface MoverParts {
  readonly env: Pick<Env, 'clock'>;
  readonly log: Logger;
  readonly pool: SlabPool;
  readonly tape: TapeForMover;
  readonly data: DataForMover;
  readonly connector: DataConnector;
  readonly notices: MoverNotices;
  version(): NdmpVersion;
  /** The client has chosen the connection address extension. */
  allowsIpv6(): boolean;
}

/** MOVER_GET_STATE. */
export interface MoverView {
  readonly mode: MoverMode;
  readonly state: MoverState;
  readonly pauseReason: PauseReason;
  readonly haltReason: MoverHaltReason;
  readonly recordSize: number;
  readonly recordNum: number;
  readonly bytesMoved: bigint;
  readonly seekPosition: bigint;
  readonly bytesLeftToRead: bigint;
  readonly windowOffset: bigint;
  readonly windowLength: bigint;
  readonly dataConnectionAddr: Address;
}

type Direction = 'read' | 'write';
const local: Address = { type: 'local' };

export class Mover {
  readonly #parts: MoverParts;
  #state: MoverState = 'idle';
  #mode: MoverMode = 'noaction';
  #pauseReason: PauseReason = 'na';
  #haltReason: MoverHaltReason = 'na';
  #progress = new MoverProgress();
  #places = new ImagePlaces();
  #address: Address = local;
  /** While in LISTEN for TCP. */
  #listening: Listening | undefined;
  /** While active or paused. */
  #flow: Flow | undefined;
  /** What the last flow still had under way when it was ended. */
  #settling: Promise<void> | undefined;
  #gone = false;

  constructor(parts: MoverParts) {
    this.#parts = parts;
  }

  get state(): MoverState {
    return this.#state;
  }
  get isIdle(): boolean {
    return this.#state === 'idle';
  }
  /** The tape is the mover's: nothing else may move it. */
  get isActive(): boolean {
    return this.#state === 'active';
  }
  /** Waits for the data service of this session. */
  get listensLocal(): boolean {
    return this.#state === 'listen' && this.#listening === undefined;
  }
  get view(): MoverView {
    const progress = this.#progress;
    return {
      mode: this.#mode,
      state: this.#state,
      pauseReason: this.#pauseReason,
      haltReason: this.#haltReason,
      recordSize: progress.recordBytes,
      recordNum: Number(BigInt.asUintN(32, progress.recordNum)),
      bytesMoved: progress.bytesMoved,
      seekPosition: progress.seekPosition,
      bytesLeftToRead: progress.bytesLeftToRead,
      windowOffset: progress.window.offset,
      windowLength: progress.window.length,
      dataConnectionAddr: this.#address,
    };
  }

  // --- requests ---------------------------------------------------------------------------------------------------------

  async getState(): Promise<MoverView> {
    await this.#settle('getState');
    return this.view;
  }
  /** Resolves to the address at which the data connection is awaited. */
  async listen(mode: MoverMode, addressType: AddressType): Promise<Address> {
    const direction = directionOf(mode);
    this.#checkType(addressType);
    await this.#settle('listen');
    this.#check('listen');
    if (!this.#parts.data.isIdle) throw new NdmpError('illegal-state', 'The data service is not idle');
    this.#checkTape(direction);
    if (addressType !== 'local') {
      const listening = await this.#parts.connector.listen((link) => this.#accepted(link), addressType);
      if (this.#gone) listening.close();
      this.#listening = listening;
    }
    this.#address = this.#listening?.address ?? local;
    this.#mode = mode;
    this.#enter('listen');
    return this.#address;
  }
  async connect(mode: MoverMode, address: Address): Promise<void> {
    const direction = directionOf(mode);
    this.#checkType(address.type === 'unknown' ? { unknown: address.number } : address.type);
    await this.#settle('connect');
    this.#check('connect');
    const { data, connector } = this.#parts;
    // Over TCP it may be the data service of this session that listens: clients that know no LOCAL address connect the two so.
    if (address.type === 'local' && !data.listensLocal)
      throw new NdmpError('illegal-state', 'The data service does not wait for us');
    this.#checkTape(direction);
    const link = address.type === 'local' ? data.acceptLocal() : await connector.connect(address);
    this.#address = address;
    this.#mode = mode;
    this.#begin(link);
  }
  async continue(): Promise<void> {
    await this.#settle('continue');
    this.#check('continue');
    this.#checkTape(this.#direction);
    this.#enter('active');
    this.#flow?.resume();
  }
  async abort(): Promise<void> {
    await this.#settle('abort');
    this.#check('abort');
    this.#halt('aborted', 'Aborted by the client', 'cut');
  }
  async close(): Promise<void> {
    await this.#settle('close');
    this.#check('close');
    if (this.#state !== 'halted') this.#halt('connect-closed', 'Closed by the client', 'close');
  }
  async stop(): Promise<void> {
    await this.#settle('stop');
    this.#check('stop');
    this.#progress = new MoverProgress(); // what is still under way counts in the old one
    this.#places = new ImagePlaces();
    this.#mode = 'noaction';
    this.#enter('idle');
  }
  async setWindow(offset: bigint, length: bigint): Promise<void> {
    await this.#settle('setWindow');
    this.#check('setWindow');
    this.#progress.setWindow(windowOf(offset, length, this.#progress.recordBytes));
    const { tape } = this.#parts;
    this.#places.setWindow(offset, tape.open === undefined ? undefined : tape.position.object);
    this.#flow?.windowChanged();
  }
  /** MOVER_READ: of a stream over TCP; a local data service asks by `readLocal`. */
  async read(offset: bigint, length: bigint): Promise<void> {
    await this.#settle('read');
    this.#check('read');
    if (this.#address.type === 'local')
      throw new NdmpError('illegal-state', 'The data service reads by itself');
    this.readLocal(offset, length);
  }
  /** What the data service of this session wants to read. Throws 'illegal-state' while it gets what it asked for before. */
  readLocal(offset: bigint, length: bigint): void {
    const progress = this.#progress;
    if (this.#state !== 'active' || this.#mode !== 'write')
      throw new NdmpError('illegal-state', 'Nothing is read from the tape');
    if (progress.bytesLeftToRead > 0n) throw new NdmpError('illegal-state', 'Another read is under way');
    progress.beginRead(offset, length);
    this.#flow?.read?.();
  }
  async setRecordSize(bytes: number): Promise<void> {
    await this.#settle('setRecordSize');
    this.#check('setRecordSize');
    const { blockBytes, blocksMax } = this.#parts.pool;
    const max = Math.min(moverRecordBytesMax, Math.floor(blocksMax / 2) * blockBytes);
    if (bytes < 1 || bytes > max) throw new NdmpError('illegal-args', `Records have 1 to ${max} bytes`);
    this.#progress.recordBytes = bytes;
    this.#flow?.recordBytesChanged();
  }

  /** The data service of this session connects; gives its end of the stream. Throws 'illegal-state'. */
  acceptLocal(): Link {
    if (!this.listensLocal) throw new NdmpError('illegal-state', 'The mover does not listen here');
    const [near, far] = localLinks();
    this.#begin(near);
    return far;
  }
  /** The session has ended: everything is given back, nobody is told. */
  end(): void {
    this.#gone = true;
    this.#listening?.close();
    this.#listening = undefined;
    this.#flow?.end('cut');
    this.#flow = undefined;
  }

  // --- states -----------------------------------------------------------------------------------------------------------

  /** Resolves when nothing that the request depends on is still under way. */
  async #settle(request: MoverRequest): Promise<void> {
    if (this.#state === 'listen') await this.#listening?.settle();
    // An image that is there to its end comes to tape to its end: some clients close as soon as the data service is done.
    if (request === 'close' && this.#flow?.isEnding === true) await this.#flow.settled;
    // The place of the tape counts here, and a record may be on its way to it.
    if (request === 'setWindow' || request === 'listen' || request === 'connect') await this.#settling;
  }
  /** Not asynchronous: nothing changes the state between this and what the request does. */
  #check(request: MoverRequest): void {
    if (!mayAsk(request, this.#state, this.#parts.version()))
      throw new NdmpError('illegal-state', `The mover is in state ${this.#state}`);
  }
  #checkType(type: AddressType): asserts type is 'local' | StreamType {
    if (type === 'local' || type === 'tcp') return;
    if (type === 'tcp-ipv6' && this.#parts.allowsIpv6()) return;
    throw new NdmpError('illegal-args', 'Image streams are LOCAL or TCP');
  }
  get #direction(): Direction {
    return this.#mode === 'read' ? 'read' : 'write';
  }
  #checkTape(direction: Direction): void {
    const { open } = this.#parts.tape;
    if (open === undefined) throw new NdmpError('dev-not-open', 'No tape is open');
    if (direction === 'read' && open.mode === 'read')
      throw new NdmpError('permission', 'The tape is open for reading only');
  }
  #enter(next: MoverState): void {
    assert(mayFollow(this.#state, next), `a mover goes from ${this.#state} to ${next}`);
    this.#state = next;
    if (next !== 'paused') this.#pauseReason = 'na';
    if (next !== 'halted') this.#haltReason = 'na';
    if (next === 'idle' || next === 'halted') this.#address = local;
  }

  #accepted(link: Link): void {
    this.#listening = undefined;
    if (this.#state === 'listen' && !this.#gone) this.#begin(link);
    else link.destroy();
  }
  #begin(link: Link): void {
    if (this.#gone) {
      link.destroy();
      return;
    }
    this.#enter('active');
    const parts: FlowParts = {
      ...this.#parts,
      progress: this.#progress,
      pause: (reason) => this.#pause(reason),
      halt: (reason, text) => this.#halt(reason, text, reason === 'connect-closed' ? 'close' : 'cut'),
    };
    this.#flow = this.#mode === 'read' ? new ToTape(parts, link) : new FromTape(parts, link, this.#places);
    this.#flow.start();
  }
  #pause(reason: PauseReason): void {
    const progress = this.#progress;
    this.#enter('paused');
    this.#pauseReason = reason;
    progress.seekPosition = progress.position;
    this.#parts.notices.paused(reason, progress.position);
  }
  #halt(reason: MoverHaltReason, text: string, how: 'close' | 'cut'): void {
    const flow = this.#flow;
    this.#flow = undefined;
    this.#listening?.close();
    this.#listening = undefined;
    this.#enter('halted');
    this.#haltReason = reason;
    flow?.end(how);
    this.#settling = flow?.settled;
    this.#parts.notices.halted(reason, text);
  }
}

/** Version 2 has a mode DATA and version 4 a mode NOACTION: both are for nothing that we do. */
function directionOf(mode: MoverMode): Direction {
  if (mode === 'read' || mode === 'write') return mode;
  throw new NdmpError('illegal-args', 'A mover reads or writes the data connection');
}
