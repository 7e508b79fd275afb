/** The one piece of the WebAssembly API that we use: memory that starts at a page. Node's types leave it to lib.dom. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
  }
}
