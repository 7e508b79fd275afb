/** What we use of @foxglove/wasm-zstd: the module that its own face wraps, for buffers that are allocated once. */
declare module '@foxglove/wasm-zstd/dist/wasm-zstd.js' {
  /** Addresses are in the module's own memory. Each answers -1 when it fails. */
  interface ZstdModule {
    /** All of its memory; another object after it grew. */
    readonly HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _compressBound(length: number): number;
    _compress(to: number, room: number, from: number, length: number, level: number): number;
    _decompress(to: number, room: number, from: number, length: number): number;
  }
  const load: () => Promise<ZstdModule>;
  export { load as default };
}
