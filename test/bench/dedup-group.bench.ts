/**
 * Streams into the deduplicating store, in process: every file given becomes a volume.
 *
 *   node dist/test/bench/dedup-group.bench.js [--dense|--adaptive] [--encrypted] [--again] [--optimize] [--compare] FOLDER FILE …
 *
 * RECORD in the environment: bytes of a record, 262144 if not given. THREADS: beside the main one, 0 if not given.
 *
 * Prints a JSON line per file, and one for the whole: MB/s by the clock, CPU seconds per GB (10^9 bytes), bytes on disk.
 * `--again` writes each file a second time; then everything is read back and compared with the file.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { realEnv } from '#env';
import { DedupGroup, type Volume } from '#store';
import { copyOf, xxh64 } from '#wire';

const entryBytes = 24;
const arguments_ = process.argv.slice(2);
const pieceBytes = Number(process.env['RECORD'] ?? 262_144);
const options = new Set(arguments_.filter((one) => one.startsWith('--')));
const [folder, ...files] = arguments_.filter((one) => !one.startsWith('--'));

async function measured(name: string, bytes: number, work: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const MBps = Math.round(bytes / 1e6 / seconds);
  const cpuSecondsPerGB = Number(((user + system) / 1e6 / (bytes / 1e9)).toFixed(2));
  console.log(
    JSON.stringify({ name, MBps, cpuSecondsPerGB, rssMB: Math.round(process.memoryUsage().rss / 1e6) }),
  );
}
async function write(group: DedupGroup, id: string, source: Buffer): Promise<void> {
  const volume = await group.create(id);
  const stream = volume.stream('data');
  const entries = volume.stream('entries', { entryBytes });
  const entry = Buffer.alloc(entryBytes);
  for (let at = 0; at < source.length; at += pieceBytes) {
    await stream.append([source.subarray(at, at + pieceBytes)]);
    entry.writeUInt32LE(pieceBytes, 0);
    entry.writeUIntLE(at, 8, 6);
    entry.writeBigUInt64LE(xxh64(source.subarray(at, at + pieceBytes)), 16);
    await entries.append([entry]);
  }
  await volume.commit(Buffer.from(id));
  await volume.close();
}
async function readBack(volume: Volume, source: Buffer): Promise<void> {
  const stream = volume.stream('data');
  stream.willRead(0);
  for (let at = 0; at < source.length; at += pieceBytes) {
    const slab = await stream.read(at, Math.min(pieceBytes, source.length - at));
    if (options.has('--compare') && !copyOf(slab).equals(source.subarray(at, at + slab.length)))
      throw new Error(`at ${at}`);
    slab.release();
  }
  await volume.close();
}

if (folder === undefined) throw new Error('Which folder?');
const group = await DedupGroup.open({
  env: realEnv(),
  folder,
  density: options.has('--dense') ? 'dense' : options.has('--adaptive') ? 'adaptive' : 'fast',
  threads: Number(process.env['THREADS'] ?? 0),
  keySource: options.has('--encrypted')
    ? { kind: 'passphrase', passphrase: async () => await Promise.resolve('of the bench') }
    : undefined,
});
let logical = 0;
for (const file of files) {
  const source = await readFile(file);
  const id = basename(file).replaceAll('.', '-');
  await measured(`write ${id}`, source.length, async () => await write(group, id, source));
  logical += source.length;
  if (options.has('--again')) {
    await measured(`again ${id}`, source.length, async () => await write(group, `${id}-again`, source));
    logical += source.length;
  }
}
if (options.has('--optimize')) {
  await measured('optimize', logical, async () => {
    await group.optimize();
  });
}
for (const file of files.slice(-2)) {
  const source = await readFile(file);
  const id = basename(file).replaceAll('.', '-');
  await measured(`read ${id}`, source.length, async () => await readBack(await group.open(id), source));
}
const sizes = await group.sizes();
const usedBytes = sizes.physicalBytes;
await group.close();
console.log(
  JSON.stringify({
    logicalMB: logical / 1e6,
    usedMB: usedBytes / 1e6,
    reduction: Number((logical / usedBytes).toFixed(2)),
  }),
);
