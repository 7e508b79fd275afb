/**
 * What the checksums cost: CRC32C by length (where src/wire/crc32c.ts changes from TypeScript to native code), XXH64 of a
 * record. `node dist/test/bench/checksums.bench.js`: calls and bytes per CPU second.
 */
import { crc32c as native } from '@node-rs/crc32';
import { crc32c, xxh64Of } from '#wire';

function measure(name: string, bytes: Buffer, calls: number, once: (bytes: Buffer) => unknown): void {
  for (let call = 0; call < 2000; call++) once(bytes);
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call++) once(bytes);
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  const rate = `${(calls / seconds / 1e6).toFixed(2)} M/s ${((calls * bytes.length) / seconds / 1e9).toFixed(2)} GB/s`;
  process.stdout.write(`${name.padEnd(24)} ${rate}\n`);
}

for (const length of [48, 128, 256, 512]) {
  const bytes = Buffer.alloc(length, 7);
  measure(`crc32c ${length}`, bytes, 1_000_000, (data) => crc32c(data));
  measure(`crc32c native ${length}`, bytes, 1_000_000, (data) => native(data));
}
const record = Buffer.alloc(262_144, 7);
measure('crc32c 256 KiB', record, 8_000, (data) => crc32c(data));
measure('xxh64 256 KiB', record, 8_000, (data) => xxh64Of([data], 5n));
