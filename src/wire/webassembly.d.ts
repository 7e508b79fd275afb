/** What we use of the WebAssembly API: memory that starts at a page, and our kernels. Node's types leave it to lib.dom. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    /** A SharedArrayBuffer when the memory is shared; replaced when the memory grows. */
    readonly buffer: ArrayBuffer;
    /** Adds pages of 64 KiB; how many there were. */
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
