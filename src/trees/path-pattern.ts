/**
 * Patterns of what a backup leaves out: `*`, `?`, `[a-z]`, `[!a-z]`, `**` over slashes, `\` before a character that is meant
 * itself. Matching takes time in proportion to pattern and path, whatever the pattern is: nobody can hang it.
 */
import { ProtocolError } from '../errors.js';
import { treePatternBytesMax, treePatternsMax } from '../limits.js';

interface Piece {
  readonly kind: 'one' | 'star' | 'stars';
  /** Which bytes a `one` takes. */
  readonly takes: (byte: number) => boolean;
}
const slash = 0x2f;

class PathPattern {
  readonly #pieces: readonly Piece[];
  /** With a slash it means paths, without it names at any depth. */
  readonly #isPath: boolean;

  constructor(text: string) {
    const plain = text.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
    this.#isPath = plain.includes('/') || text.startsWith('/') || text.startsWith('./');
    this.#pieces = piecesOf(Buffer.from(plain));
  }
  matches(path: Uint8Array): boolean {
    return this.#takes(this.#isPath ? path : path.subarray(path.lastIndexOf(slash) + 1));
  }
  /** All the places in the pattern where one may be after each byte. */
  #takes(text: Uint8Array): boolean {
    const pieces = this.#pieces;
    let at = this.#behindStars([0]);
    for (const byte of text) {
      const next: number[] = [];
      for (const index of at) {
        const piece = pieces[index];
        if (piece === undefined) continue;
        if (piece.takes(byte)) next.push(piece.kind === 'one' ? index + 1 : index);
      }
      at = this.#behindStars(next);
      if (at.length === 0) return false;
    }
    return at.includes(pieces.length);
  }
  /** A star may also take nothing. */
  #behindStars(from: readonly number[]): number[] {
    const all = new Set<number>();
    for (let index of from) {
      all.add(index);
      for (; this.#pieces[index] !== undefined && this.#pieces[index]?.kind !== 'one';) {
        index += 1;
        all.add(index);
      }
    }
    return [...all];
  }
}

function piecesOf(text: Buffer): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length;) {
    const char = String.fromCharCode(text[at] ?? 0);
    if (char === '*') {
      const stars = text[at + 1] === 0x2a;
      pieces.push(
        stars ? { kind: 'stars', takes: () => true } : { kind: 'star', takes: (byte) => byte !== slash },
      );
      at += stars ? 2 : 1;
      continue;
    }
    const set = char === '[' ? setAt(text, at) : undefined;
    if (set !== undefined) {
      pieces.push({ kind: 'one', takes: (byte) => byte !== slash && set.has(byte) !== set.isNegated });
      at = set.end;
      continue;
    }
    if (char === '\\' && at + 1 < text.length) at += 1;
    const wanted = text[at];
    const any = char === '?';
    pieces.push({ kind: 'one', takes: (byte) => (any ? byte !== slash : byte === wanted) });
    at += 1;
  }
  return pieces;
}

/** `[a-z]` from its bracket on; undefined when it is never closed, and then the bracket means itself. */
function setAt(
  text: Buffer,
  from: number,
): { has: (byte: number) => boolean; isNegated: boolean; end: number } | undefined {
  const first = text[from + 1];
  const isNegated = first === 0x21 || first === 0x5e;
  const start = from + (isNegated ? 2 : 1);
  const close = text.indexOf(0x5d, start + 1); // a bracket in the first place means itself
  if (close === -1) return undefined;
  const bytes = new Set<number>();
  for (let at = start; at < close; at += 1) {
    const low = text[at] ?? 0;
    const isRange = text[at + 1] === 0x2d && at + 2 < close;
    const high = isRange ? (text[at + 2] ?? 0) : low;
    for (let byte = low; byte <= high; byte += 1) bytes.add(byte);
    if (isRange) at += 2;
  }
  return { has: (byte) => bytes.has(byte), isNegated, end: close + 1 };
}

/** Whether any of the patterns matches a path. Throws ProtocolError when there are too many, or one is too long. */
export function pathPatterns(texts: readonly string[]): (path: Uint8Array) => boolean {
  if (texts.length > treePatternsMax || texts.some((text) => text.length > treePatternBytesMax)) {
    throw new ProtocolError('patterns', `More than ${treePatternsMax} patterns, or one that is too long`);
  }
  const patterns = texts.filter((text) => text !== '').map((text) => new PathPattern(text));
  return (path) => patterns.some((pattern) => pattern.matches(path));
}
