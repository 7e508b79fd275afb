/**
 * GroupModel: what may be found in a storage group: of every volume and snapshot the states that it may be in. What was
 * acknowledged is one state; what is under way adds others; a crash leaves any of them, whole.
 */
import { strict as assert } from 'node:assert';

export interface State {
  /** Another one for each commit. */
  readonly label: string;
  readonly streams: ReadonlyMap<string, Buffer>;
}
/** 'absent': there is none of that name. */
export type Possible = State | 'absent';

export const emptyState: State = { label: '', streams: new Map() };

export const isSame = (a: State, b: State): boolean =>
  a.label === b.label &&
  [...new Set([...a.streams.keys(), ...b.streams.keys()])].every((name) =>
    bytesOf(a, name).equals(bytesOf(b, name)),
  );
const nothing = Buffer.alloc(0);
export const bytesOf = (state: State, stream: string): Buffer => state.streams.get(stream) ?? nothing;

export class GroupModel {
  /** In the order in which they came to be. */
  readonly #names: Map<string, readonly Possible[]>;
  readonly #copies = new Set<{ readonly from: string; readonly to: string }>();

  /** Counts what it was told. */
  changes = 0;

  constructor(names: Iterable<readonly [string, readonly Possible[]]> = []) {
    this.#names = new Map(names);
  }
  /** As it is now. */
  copy(): GroupModel {
    return new GroupModel(this.#names);
  }
  /** Of volumes, or of snapshots as `volume@snapshot`; not of what is certainly absent. */
  names(): string[] {
    return [...this.#names]
      .filter(([, states]) => states.some((one) => one !== 'absent'))
      .map(([name]) => name);
  }
  of(name: string): readonly Possible[] {
    return this.#names.get(name) ?? ['absent'];
  }
  /** The state that it certainly is in. */
  certain(name: string): Possible | undefined {
    const [only, ...others] = this.of(name);
    return others.length === 0 ? only : undefined;
  }
  /** Somebody has asked for that: from now on it may be found. */
  begin(name: string, next: Possible): void {
    this.changes += 1;
    this.#names.set(name, [...this.of(name), next]);
    if (next === 'absent') return;
    for (const { from, to } of this.#copies) if (from === name) this.begin(to, next);
  }
  /** It is done, so it is that or what was asked for afterwards. */
  done(name: string, next: Possible): void {
    this.changes += 1;
    const states = this.of(name);
    const at = states.lastIndexOf(next);
    // What has come back from a crash meanwhile knows nothing of it.
    if (at > 0) this.#names.set(name, states.slice(at));
  }
  /** Somebody has asked for a copy; what becomes of `from` until it is there may be in it. Returns what ends that. */
  copying(from: string, to: string): { readonly done: () => void; readonly failed: () => void } {
    const before = this.of(to).length;
    for (const one of this.of(from)) if (one !== 'absent') this.begin(to, one);
    const copy = { from, to };
    this.#copies.add(copy);
    return {
      done: () => {
        this.#copies.delete(copy);
        this.#names.set(to, this.of(to).slice(before));
      },
      failed: () => this.#copies.delete(copy),
    };
  }
  /** The group was looked at: that is how it is. */
  found(name: string, state: Possible): void {
    const fits = this.of(name).some((one) =>
      one === 'absent' ? state === one : state !== 'absent' && isSame(one, state),
    );
    if (!fits)
      throw new Error(`${name} is ${say(state)}, but should be ${this.of(name).map(say).join(' or ')}`);
    this.#names.set(name, [state]);
  }
  /** What was under way is over. */
  crashed(): void {
    this.#copies.clear();
  }
}
const say = (state: Possible): string => {
  if (state === 'absent') return state;
  const lengths = [...state.streams].map(([name, bytes]) => `${name} ${bytes.length}`);
  return `"${state.label.trimEnd()}" (${lengths.join(', ')})`;
};
export function withStream(state: State, stream: string, bytes: Buffer): State {
  assert(bytes.length >= 0);
  return { ...state, streams: new Map([...state.streams, [stream, bytes]]) };
}
