/**
 * Entries column by column: byte k of every entry behind byte k of the one before, each as the difference of the two. What
 * counts up or stays the same becomes runs of equal bytes, which any codec makes vanish; checksums stay what they are.
 */
export function toColumns(source: Buffer, entryBytes: number): Buffer {
  const target = Buffer.alloc(source.length);
  const count = Math.floor(source.length / entryBytes);
  let at = 0;
  for (let column = 0; column < entryBytes; column++) {
    let before = 0;
    for (let index = 0; index < count; index++) {
      const byte = source[index * entryBytes + column] ?? 0;
      target[at] = byte - before;
      before = byte;
      at += 1;
    }
  }
  source.copy(target, at, at);
  return target;
}
export function fromColumns(source: Buffer, entryBytes: number): Buffer {
  const target = Buffer.alloc(source.length);
  const count = Math.floor(source.length / entryBytes);
  let at = 0;
  for (let column = 0; column < entryBytes; column++) {
    let before = 0;
    for (let index = 0; index < count; index++) {
      before = (before + (source[at] ?? 0)) & 0xff;
      target[index * entryBytes + column] = before;
      at += 1;
    }
  }
  source.copy(target, at, at);
  return target;
}
