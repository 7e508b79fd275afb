/**
 * RecoverNames: which members of an image are wanted, and where they go. A member belongs to the name that is the longest part
 * of its path.
 */
import { TreeFailure } from '../steps.js';
import type { RecoverName, RecoverRequest, RecoverStatus } from '../tree-engine.js';
import { pathBelow, plain } from '../tree-root.js';

export interface Wanted {
  /** In the request; undefined: everything is wanted. */
  readonly index: number | undefined;
  readonly original: Buffer;
  /** Below the root, without it. */
  readonly destination: Buffer;
  readonly fhInfo: number | undefined;
  /** Inode that it had; undefined when nobody knows. */
  readonly node: bigint | undefined;
}
export interface Match {
  readonly wanted: Wanted;
  /** Below the root. */
  readonly path: Buffer;
  /** The very name, not something below it. */
  readonly isItself: boolean;
  /** It was asked for with a directory above it also, which is to go elsewhere: where it would be with that. */
  readonly missingIn?: Buffer;
}

const slash = 0x2f;
/** All ones mean that it is not known (NDMP), and beyond 2^53 there is no image. */
const offsetMax = BigInt(Number.MAX_SAFE_INTEGER);

export class RecoverNames {
  readonly all: readonly Wanted[];
  readonly #byOriginal = new Map<string, Wanted>();
  readonly #isRecursive: boolean;

  constructor(all: readonly Wanted[], isRecursive: boolean) {
    this.all = all;
    this.#isRecursive = isRecursive;
    for (const wanted of all) this.#byOriginal.set(wanted.original.toString('latin1'), wanted);
  }
  /** `path`: plain. */
  match(path: Buffer): Match | undefined {
    const text = path.toString('latin1');
    const itself = this.#byOriginal.get(text);
    const outer = this.#isRecursive ? this.#above(path, text) : undefined;
    if (itself === undefined) return outer;
    const isElsewhere = outer !== undefined && !outer.path.equals(itself.destination);
    const missing = isElsewhere ? { missingIn: outer.path } : {};
    return { wanted: itself, path: itself.destination, isItself: true, ...missing };
  }
  /** With a directory that it is in. */
  #above(path: Buffer, text: string): Match | undefined {
    if (path.length === 0) return undefined;
    for (let at = text.lastIndexOf('/'); at > 0; at = text.lastIndexOf('/', at - 1)) {
      const above = this.#byOriginal.get(text.slice(0, at));
      if (above !== undefined) return below(above, path.subarray(at + 1));
    }
    const whole = this.#byOriginal.get('');
    return whole === undefined ? undefined : below(whole, path);
  }
}

function below(wanted: Wanted, rest: Buffer): Match {
  return { wanted, path: joined(wanted.destination, rest), isItself: false };
}
export function joined(folder: Buffer, rest: Buffer): Buffer {
  if (folder.length === 0) return rest;
  return rest.length === 0 ? folder : Buffer.concat([folder, Buffer.from([slash]), rest]);
}

/**
 * The names of a request. Throws TreeFailure when all of it is to go outside the root. Single names that cannot be are settled,
 * and left out.
 */
export function wantedOf(
  request: RecoverRequest,
  settle: (index: number, status: RecoverStatus, text: string) => void,
): Wanted[] {
  if (request.names.length === 0) {
    const destination = pathBelow(request.root, request.prefix);
    if (destination === undefined) {
      throw new TreeFailure(`${request.prefix.toString()} is not in ${request.root.toString()}`);
    }
    return [{ index: undefined, original: Buffer.alloc(0), destination, fhInfo: undefined, node: undefined }];
  }
  const wanted: Wanted[] = [];
  const seen = new Set<string>();
  for (const [index, name] of request.names.entries()) {
    const original = plain(name.original);
    const destination = pathBelow(request.root, name.destination);
    const key = original?.toString('latin1') ?? '';
    if (original === undefined) settle(index, 'not-found', 'There is no such name in an image');
    else if (destination === undefined) settle(index, 'permission', 'Its destination is not in the root');
    else if (seen.has(key)) settle(index, 'undefined', 'It was asked for twice: recovered once');
    else wanted.push({ index, original, destination, fhInfo: offsetOf(name), node: name.node });
    seen.add(key);
  }
  return wanted;
}

function offsetOf({ fhInfo }: RecoverName): number | undefined {
  return fhInfo === undefined || fhInfo > offsetMax ? undefined : Number(fhInfo);
}
