/**
 * What the main thread allocates on its heap for each record and chunk, once it is warm: a sampling heap profile while duplicates and
 * new data are written: straight into DedupGroup, through a drive, and over iSCSI into a daemon that runs in this process, by a
 * client that does not.
 *
 *   node dist/test/bench/allocation.bench.js [--megabytes 256] [--record 262144] [--threads N] [--only drive] [--top 12]
 *
 * A line per case: bytes for a chunk (20 KB), for a record and for a MiB, and how many records had to wait; then the places that
 * allocate most. What the bench itself allocates is told apart; what threads of the crew allocate is theirs and not in it; neither
 * are buffers outside of the heap.
 */
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expectLongLife } from '#env';
import { heapProfile, type Site } from './heap-profile.js';

const { values: options } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '256' },
    record: { type: 'string', default: '262144' },
    threads: { type: 'string' },
    only: { type: 'string', default: '' },
    top: { type: 'string', default: '12' },
  },
});
expectLongLife(); // as the daemon: before the modules that are measured are loaded
const { threadsFor } = await import('#store');
const { openGroup, TapeWriter } = await import('./tape-writer.js');

const threads = Number(options.threads ?? threadsFor(availableParallelism()));
const recordBytes = Number(options.record);
const records = Math.ceil((Number(options.megabytes) * 1e6) / recordBytes);
const bytes = records * recordBytes;
const chunkBytes = 20_000;
const MiB = 1024 * 1024;
/** Until all that is measured is compiled by the compiler that leaves out what nobody sees. */
const warmRounds = 6;

function report(what: string, sites: readonly Site[], waited: number): void {
  const sum = (isBench: boolean): number =>
    sites.reduce((total, site) => total + (site.isBench === isBench ? site.bytes : 0), 0);
  const per = (size: number, unit: number): string => (size / (bytes / unit)).toFixed(1).padStart(8);
  const units = (size: number): string =>
    `${per(size, chunkBytes)} a chunk ${per(size, recordBytes)} a record ${per(size, MiB)} a MiB`;
  const line = `${what.padEnd(28)} ${units(sum(false))}   ${waited} of ${records} waited; the bench itself ${per(sum(true), recordBytes)}`;
  process.stdout.write(`${line}\n`);
  for (const { place, bytes: size } of sites.filter(({ isBench }) => !isBench).slice(0, Number(options.top)))
    process.stdout.write(`${' '.repeat(28)} ${units(size)}   ${place}\n`);
}
/** Writes a record; undefined when that is done. */
type Write = (record: number) => Promise<unknown> | undefined;

let waited = 0;
async function writeAll(write: Write): Promise<void> {
  waited = 0;
  for (let record = 0; record < records; record++) {
    const writing = write(record);
    if (writing === undefined) continue;
    waited += 1;
    await writing;
  }
}
async function measure(what: string, write: Write, commit: () => Promise<void>): Promise<void> {
  const round = async (): Promise<void> => {
    await writeAll(write);
    await commit();
  };
  for (let warm = 0; warm < warmRounds; warm++) {
    randomFillSync(data);
    await round();
    await round();
  }
  report(`duplicates ${what}`, await heapProfile(round), waited);
  randomFillSync(data);
  report(`new data ${what}`, await heapProfile(round), waited);
}

const folder = await mkdtemp(join(tmpdir(), 'tapesilo-allocation-'));
const data = Buffer.alloc(bytes);
const slices = Array.from({ length: records }, (_, record) => [
  data.subarray(record * recordBytes, (record + 1) * recordBytes),
]);
async function straight(): Promise<void> {
  const group = await openGroup(join(folder, 'straight'), 'fast', threads);
  const volume = await group.create('straight');
  const stream = volume.stream('data');
  const label = Buffer.from('straight');
  await measure(
    'into the store',
    (record) => stream.append(slices[record] ?? []),
    async () => await volume.commit(label),
  );
  await volume.close();
  await group.close();
}
async function throughDrive(): Promise<void> {
  const group = await openGroup(join(folder, 'drive'), 'fast', threads);
  const tape = await TapeWriter.begin(group, 'drive');
  const slabs = slices.map((one) => ({ length: recordBytes, slices: one, release: () => undefined }));
  const write: Write = (record) => {
    const slab = slabs[record];
    return slab === undefined ? undefined : tape.put(slab);
  };
  await measure('through a drive', write, async () => await tape.commit());
  await tape.end();
  await group.close();
}
if ('store'.includes(options.only)) await straight();
if ('drive'.includes(options.only)) await throughDrive();
await rm(folder, { recursive: true });
