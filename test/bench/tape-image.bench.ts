/**
 * Writing and reading records in process, without network: Drive over TapeImage over FileGroup on a real folder.
 *
 *   node dist/test/bench/tape-image.bench.js [folder] [megabytes]
 *
 * Prints a JSON line per case: MB/s by the clock and CPU seconds per GB (10^9 bytes) of this process, median of the rounds.
 * `cold` is the first write of new files, `warm` overwrites them, `read` verifies checksums as every read does.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realEnv } from '#env';
import { FileGroup } from '#store';
import { Cartridge, Drive, mediumOf } from '#vtl';
import { alignedBuffer, type Slab } from '#wire';

interface Sample {
  readonly seconds: number;
  readonly cpuSeconds: number;
}
const rounds = 5;
const KiB = 1024;

async function measure(work: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (used.user + used.system) / 1e6 };
}
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

function report(name: string, recordBytes: number, bytes: number, samples: readonly Sample[]): void {
  const line = {
    name,
    recordBytes,
    MBps: Math.round(bytes / 1e6 / median(samples.map(({ seconds }) => seconds))),
    MBpsBest: Math.round(bytes / 1e6 / Math.min(...samples.map(({ seconds }) => seconds))),
    cpuSecondsPerGB: Number((median(samples.map(({ cpuSeconds }) => cpuSeconds)) / (bytes / 1e9)).toFixed(3)),
    rounds: samples.length,
  };
  console.log(JSON.stringify(line));
}

/** Slabs as a socket's pool has them: aligned blocks of 256 KiB, used in turn. */
function recordSource(recordBytes: number): () => Slab {
  const block = alignedBuffer(16 * 256 * KiB);
  for (let at = 0; at < block.length; at += 4) block.writeUInt32LE((at * 2654435761) >>> 0, at);
  const per = Math.floor(block.length / recordBytes);
  let next = 0;
  return () => {
    const at = (next++ % per) * recordBytes;
    return { length: recordBytes, slices: [block.subarray(at, at + recordBytes)], release: () => undefined };
  };
}

async function writeAll(drive: Drive, recordBytes: number, records: number): Promise<void> {
  await drive.rewind();
  const source = recordSource(recordBytes);
  for (let i = 0; i < records; i++) await drive.writeRecord(source());
  await drive.synchronize();
}
async function readAll(drive: Drive, records: number): Promise<void> {
  await drive.rewind();
  for (let i = 0; i < records; i++) {
    const found = await drive.readRecord();
    if (found.kind !== 'record') throw new Error(`Record ${i} is a ${found.kind}`);
    found.record.release();
  }
}

async function bench(folder: string, megabytes: number): Promise<void> {
  const env = realEnv();
  const group = await FileGroup.open({ env, folder });
  const drive = new Drive({ env, id: 'drive0', serial: 'BENCH0', generation: 8 });
  for (const recordBytes of [256 * KiB, 64 * KiB]) {
    const records = Math.floor((megabytes * 1e6) / recordBytes);
    const bytes = records * recordBytes;
    const id = `bench-${recordBytes}`;
    const options = { env, group, id, barcode: `B${recordBytes}L8`, medium: mediumOf('LTO-8') };
    await drive.insert(await Cartridge.create(options));
    const write = async (): Promise<void> => await writeAll(drive, recordBytes, records);
    report('write cold', recordBytes, bytes, [await measure(write)]);
    const warm: Sample[] = [];
    const read: Sample[] = [];
    for (let round = 0; round < rounds; round++) {
      warm.push(await measure(write));
      read.push(await measure(async () => await readAll(drive, records)));
    }
    report('write warm', recordBytes, bytes, warm);
    report('read', recordBytes, bytes, read);
    await drive.remove();
    await group.remove(id);
  }
  await group.close();
}

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'tapesilo-bench-')));
try {
  await bench(folder, Number(process.argv[3] ?? 512));
} finally {
  if (process.argv[2] === undefined) await rm(folder, { recursive: true, force: true });
}
