/** PathSelection: which paths somebody named: those, all below them, and the folders that lead to them. */

const slash = 0x2f;

export class PathSelection {
  /** Of each path that was named, and each that leads to one. */
  readonly #paths = new Map<string, 'named' | 'through'>();
  readonly #missing = new Set<string>();

  /** Paths are plain (`tree-root.ts`). None, or the empty one: everything. */
  constructor(paths: readonly Buffer[]) {
    if (paths.some((path) => path.length === 0)) return;
    for (const path of paths) {
      for (let at = path.indexOf(slash); at !== -1; at = path.indexOf(slash, at + 1)) {
        const above = path.toString('latin1', 0, at);
        if (!this.#paths.has(above)) this.#paths.set(above, 'through');
      }
      this.#paths.set(path.toString('latin1'), 'named');
      this.#missing.add(path.toString('latin1'));
    }
  }
  /** Paths that were named and never asked about. */
  missing(): Buffer[] {
    return [...this.#missing].map((path) => Buffer.from(path, 'latin1'));
  }
  of(path: Uint8Array): 'all' | 'through' | 'none' {
    if (this.#paths.size === 0) return 'all';
    const text = Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1');
    this.#missing.delete(text);
    for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) {
      if (this.#paths.get(text.slice(0, at)) === 'named') return 'all';
    }
    const mark = this.#paths.get(text);
    if (mark === undefined) return text === '' ? 'through' : 'none';
    return mark === 'named' ? 'all' : 'through';
  }
}
