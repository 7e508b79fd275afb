/**
 * What a mover does, in a few lines and at once: no memory, no waiting, no link. Written from spec4 3.6 and what clients
 * expect, not from the code.
 */
import type { NdmpVersion } from '../../../src/ndmp/xdr.js';
import { allOnes } from './mover-world.js';

/** A record of the image: from where, and how many bytes of it are none of the image but zeros at its end. */
export interface ModelRecord {
  readonly from: number;
  readonly length: number;
  readonly zeros?: number;
}
export type ModelObject = 'filemark' | ModelRecord;
export interface ModelTape {
  readonly name: string;
  objects: ModelObject[];
  readonly earlyAfter: number;
  readonly endsAfter: number;
}
interface Anchor {
  readonly position: bigint;
  readonly object: number;
}
export type State = 'idle' | 'listen' | 'active' | 'paused' | 'halted';
type Stream = 'none' | 'open' | 'ended' | 'cut';

/** Requests by state, with the versions of those that differ. */
const LEGAL: Readonly<Record<string, string>> = {
  listen: 'idle',
  connect: 'idle',
  setRecordSize: 'idle paused',
  setWindow: 'idle listen<4 paused',
  continue: 'paused',
  read: 'active',
  abort: 'listen active paused',
  close: 'listen active paused halted',
  stop: 'halted',
};

export class MoverModel {
  readonly version: NdmpVersion;
  state: State = 'idle';
  mode: 'read' | 'write' | 'noaction' = 'noaction';
  by: 'local' | 'tcp' = 'local';
  pauseReason = 'na';
  haltReason = 'na';
  recordBytes = 10_240;
  recordNum = 0n;
  windowOffset = 0n;
  windowLength = allOnes;
  position = 0n;
  moved = 0n;
  seek = 0n;
  left = 0n;
  open: 'read' | 'read-write' | undefined = 'read-write';
  stream: Stream = 'none';
  /** Of the image: given by the peer of a mover that writes to tape, and taken from that. */
  fed = 0;
  taken = 0;
  tape: ModelTape;
  at = 0;
  warned = false;
  /** Parts of records that peers of a mover that reads have got. */
  readonly received: { readonly record: ModelRecord; readonly skipped: number; readonly length: number }[] =
    [];
  notices: string[] = [];
  #window: Anchor | undefined = { position: 0n, object: 0 };
  #next: Anchor | undefined;
  #last: (Anchor & { readonly length: number }) | undefined;
  /** Paused at the end of a file, where reading on had led. */
  #mayGoOn = false;

  constructor(version: NdmpVersion, tape: ModelTape) {
    this.version = version;
    this.tape = tape;
    this.#window = undefined;
  }
  get windowEnd(): bigint {
    const end = this.windowOffset + this.windowLength;
    return end > allOnes ? allOnes : end;
  }

  // --- requests: an error, or none and it is done

  #illegal(request: string): boolean {
    return !(LEGAL[request] ?? '').split(' ').some((word) => {
      const [state, below] = word.split('<');
      return state === this.state && (below === undefined || this.version < Number(below));
    });
  }
  #tapeFault(mode: string): string | undefined {
    if (this.open === undefined) return 'dev-not-open';
    return mode === 'read' && this.open === 'read' ? 'permission' : undefined;
  }
  listen(mode: 'read' | 'write', by: 'local' | 'tcp'): string {
    if (this.#illegal('listen')) return 'illegal-state';
    const fault = this.#tapeFault(mode);
    if (fault !== undefined) return fault;
    [this.state, this.mode, this.by] = ['listen', mode, by];
    return 'no-err';
  }
  connect(mode: 'read' | 'write'): string {
    if (this.#illegal('connect')) return 'illegal-state';
    const fault = this.#tapeFault(mode);
    if (fault !== undefined) return fault;
    [this.mode, this.by] = [mode, 'tcp'];
    this.begin();
    return 'no-err';
  }
  /** The stream is there. */
  begin(): void {
    [this.state, this.stream, this.fed, this.taken] = ['active', 'open', 0, 0];
  }
  setRecordSize(bytes: number): string {
    if (this.#illegal('setRecordSize')) return 'illegal-state';
    if (bytes < 1 || bytes > 4 * 1024 * 1024) return 'illegal-args';
    this.recordBytes = bytes;
    return 'no-err';
  }
  setWindow(offset: bigint, length: bigint): string {
    if (this.#illegal('setWindow')) return 'illegal-state';
    const record = BigInt(this.recordBytes);
    const endless = length === allOnes || offset + length === allOnes;
    if (offset % record !== 0n || (!endless && (length % record !== 0n || offset + length > allOnes)))
      return 'illegal-args';
    [this.windowOffset, this.windowLength, this.recordNum] = [offset, length, offset / record];
    this.#window = this.open === undefined ? undefined : { position: offset, object: this.at };
    this.#next = this.#last = undefined;
    this.#mayGoOn = false;
    return 'no-err';
  }
  continue(): string {
    if (this.#illegal('continue')) return 'illegal-state';
    const fault = this.#tapeFault(this.mode);
    if (fault !== undefined) return fault;
    this.state = 'active';
    this.pauseReason = 'na';
    if (this.#mayGoOn) {
      this.#next = { position: this.position, object: this.at };
      this.#last = undefined;
    }
    this.#mayGoOn = false;
    return 'no-err';
  }
  read(offset: bigint, length: bigint): string {
    if (this.#illegal('read') || this.by !== 'tcp' || this.mode !== 'write' || this.left > 0n)
      return 'illegal-state';
    [this.position, this.seek, this.left] = [offset, offset, length];
    return 'no-err';
  }
  abort(): string {
    if (this.#illegal('abort')) return 'illegal-state';
    this.#halt('aborted');
    return 'no-err';
  }
  close(): string {
    if (this.#illegal('close')) return 'illegal-state';
    if (this.state !== 'halted') this.#halt('connect-closed');
    return 'no-err';
  }
  stop(): string {
    if (this.#illegal('stop')) return 'illegal-state';
    [this.state, this.mode, this.haltReason] = ['idle', 'noaction', 'na'];
    [this.recordBytes, this.recordNum, this.windowOffset, this.windowLength] = [10_240, 0n, 0n, allOnes];
    [this.position, this.moved, this.seek, this.left] = [0n, 0n, 0n, 0n];
    this.#window = this.#next = this.#last = undefined;
    this.#mayGoOn = false;
    return 'no-err';
  }

  #halt(reason: string): void {
    [this.state, this.haltReason, this.pauseReason, this.stream] = ['halted', reason, 'na', 'none'];
    this.notices.push(`halted ${reason}`);
  }
  #pause(reason: string): void {
    [this.state, this.pauseReason, this.seek] = ['paused', reason, this.position];
    this.notices.push(`paused ${reason} ${this.position}`);
  }

  // --- what happens then

  /** Until nothing more happens by itself. */
  settle(): void {
    while (this.state === 'active' && (this.mode === 'read' ? this.#write() : this.#send()));
  }
  #write(): boolean {
    if (this.stream === 'cut') return this.#over('connect-error');
    const there = this.fed - this.taken;
    if (there === 0) return this.stream === 'ended' ? this.#over('connect-closed') : false;
    if (this.position >= this.windowEnd) return this.#stopped('eow');
    if (there < this.recordBytes && this.stream === 'open') return false;
    if (this.open !== 'read-write') return this.#over('internal-error');
    if (this.at >= this.tape.endsAfter) return this.#stopped('eom');
    if (this.at >= this.tape.earlyAfter && !this.warned) {
      this.warned = true;
      return this.#stopped('eom');
    }
    this.tape.objects = this.tape.objects.slice(0, this.at);
    const zeros = Math.max(0, this.recordBytes - there);
    this.tape.objects.push({ from: this.taken, length: this.recordBytes, zeros });
    this.at += 1;
    this.taken += Math.min(there, this.recordBytes);
    this.position += BigInt(this.recordBytes);
    this.moved += BigInt(this.recordBytes);
    this.recordNum = this.position / BigInt(this.recordBytes);
    return true;
  }
  #over(reason: string): false {
    this.#halt(reason);
    return false;
  }
  #stopped(reason: string): false {
    this.#pause(reason);
    return false;
  }

  #send(): boolean {
    if (this.stream === 'ended') return this.#over('connect-closed');
    if (this.stream === 'cut') return this.#over('connect-error');
    if (this.left === 0n) return false;
    if (this.position < this.windowOffset || this.position >= this.windowEnd) return this.#stopped('seek');
    if (this.open === undefined) return this.#over('internal-error');
    this.#window ??= { position: this.windowOffset, object: this.at };
    const isNext = this.position === (this.#next ?? this.#window).position;
    const place = this.#place(this.#window);
    const object = place === undefined ? undefined : this.tape.objects[place.object];
    if (place === undefined || object === undefined || object === 'filemark') {
      if (object === 'filemark' && this.version < 4) this.at += 1;
      this.#stopped('eof');
      this.#mayGoOn = isNext;
      return false;
    }
    this.at = place.object + 1;
    if (object.length > this.recordBytes) return this.#over('media-error');
    if (object.length < this.recordBytes && place.isCounted) {
      const behind = this.tape.objects[this.at];
      if (behind !== undefined && (behind !== 'filemark' || this.version < 4)) this.at += 1;
      if (typeof behind === 'object') return this.#over('media-error');
    }
    this.#last = { ...place, length: object.length };
    this.#next = { position: place.position + BigInt(object.length), object: place.object + 1 };
    const skipped = Number(this.position - place.position);
    if (skipped >= object.length) {
      this.#stopped('eof');
      this.#mayGoOn = this.position === this.#next.position;
      return false;
    }
    const bounds = [BigInt(object.length - skipped), this.left, this.windowEnd - this.position];
    const wanted = Number(bounds.reduce((a, b) => (a < b ? a : b)));
    this.received.push({ record: object, skipped, length: wanted });
    this.recordNum = this.position / BigInt(this.recordBytes);
    this.position += BigInt(wanted);
    this.moved += BigInt(wanted);
    if (this.left !== allOnes) this.left -= BigInt(wanted);
    return true;
  }
  /** The record that should hold the position, with the tape before it; undefined when this file ends earlier. */
  #place(window: Anchor): (Anchor & { readonly isCounted: boolean }) | undefined {
    const [next, last] = [this.#next, this.#last];
    let { position, object } = window;
    if (next !== undefined && this.position >= next.position) ({ position, object } = next);
    else if (last !== undefined && this.position >= last.position) ({ position, object } = last);
    this.at = Math.min(object, this.tape.objects.length);
    if (this.at < object) return undefined;
    const record = BigInt(this.recordBytes);
    const isCounted = this.position >= position + record;
    for (; this.position >= position + record; position += record) {
      const passed = this.tape.objects[this.at];
      if (passed === undefined) return undefined;
      if (passed === 'filemark') {
        if (this.version < 4) this.at += 1;
        return undefined;
      }
      this.at += 1;
    }
    return { position, object: this.at, isCounted };
  }
}
