/** What a group occupies and holds, for people and for whoever plans with it. Bytes. */
export interface GroupSizes {
  /** Of all streams of all volumes, as their owners see them. */
  readonly logicalBytes: number;
  /** Of chunks that are stored once, uncompressed. */
  readonly uniqueBytes: number;
  /** Of the containers they lie in: compressed, with what describes them. */
  readonly compressedBytes: number;
  /** Of all files. */
  readonly physicalBytes: number;
  /** Of files that hold nothing that anybody needs, as of the last collection. */
  readonly reclaimableBytes: number;
}
