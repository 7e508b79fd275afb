/**
 * What the main thread allocates on its heap for each record and chunk, once it is warm: a sampling heap profile while duplicates and
 * new data are written: straight into DedupGroup, through a drive, and over iSCSI into a daemon that runs in this process, by a
 * client that does not.
 *
 *   node dist/test/bench/allocation.bench.js [--megabytes 256] [--record 262144] [--threads N] [--queue 8]
 *                                            [--pause 2] [--only store|drive|iscsi] [--top 12]
 *
 * A line per case: bytes for a chunk (20 KB), for a record and for a MiB, and how many records had to wait; then the places that
 * allocate most. Into the store and the drive the bench pauses for so many milliseconds after a MiB: who is faster than the crew
 * has to wait, and to wait takes promises (`--pause 0`). A commit of all of it is in each case. What the bench itself allocates is
 * told apart; what threads of the crew allocate is theirs and not in it; neither are buffers outside of the heap.
 */
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { expectLongLife } from '#env';
import { heapProfile, type Site } from './heap-profile.js';

const { values: options } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '256' },
    record: { type: 'string', default: '262144' },
    threads: { type: 'string' },
    pause: { type: 'string', default: '2' },
    queue: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
    top: { type: 'string', default: '12' },
  },
});
expectLongLife(); // as the daemon: before the modules that are measured are loaded
const { threadsFor } = await import('#store');
const { openGroup, TapeWriter } = await import('./tape-writer.js');
const { buildClient, pass } = await import('./client.js');
const { serveHere } = await import('./served-here.js');

const threads = Number(options.threads ?? threadsFor(availableParallelism()));
const recordBytes = Number(options.record);
const records = Math.ceil((Number(options.megabytes) * 1e6) / recordBytes);
const bytes = records * recordBytes;
const chunkBytes = 20_000;
const MiB = 1024 * 1024;
/** After a MiB, so that nobody has to wait for the crew, if it is quick enough. */
const pauseMs = Number(options.pause);
const recordsOfPause = Math.max(1, Math.floor(MiB / recordBytes));
/** Until all that is measured is compiled by the compiler that leaves out what nobody sees. */
const warmRounds = 6;

function report(what: string, sites: readonly Site[], count: number, note: string): void {
  const sum = (isBench: boolean): number =>
    sites.reduce((total, site) => total + (site.isBench === isBench ? site.bytes : 0), 0);
  const per = (size: number, unit: number): string =>
    (size / ((count * recordBytes) / unit)).toFixed(1).padStart(8);
  const units = (size: number): string =>
    `${per(size, chunkBytes)} a chunk ${per(size, recordBytes)} a record ${per(size, MiB)} a MiB`;
  const line = `${what.padEnd(28)} ${units(sum(false))}   ${note}; the bench itself ${per(sum(true), recordBytes)} a record`;
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
    if (writing !== undefined) {
      waited += 1;
      await writing;
    }
    if (pauseMs > 0 && record % recordsOfPause === 0) await sleep(pauseMs);
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
  const profiled = async (name: string): Promise<void> => {
    const sites = await heapProfile(round);
    report(`${name} ${what}`, sites, records, `${waited} of ${records} waited`);
  };
  await profiled('duplicates');
  randomFillSync(data);
  await profiled('new data');
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
/** Four times as much, because there is a login, a rewind and a filemark in it. */
async function overIscsi(): Promise<void> {
  const client = await buildClient();
  const { url, stop } = await serveHere(join(folder, 'home'), threads);
  const count = 4 * records;
  const shape = { name: 'write', block: String(recordBytes), inFlight: Number(options.queue) };
  const write = async (seed: number): Promise<void> => {
    const source = ['-s', 'random', '-S', String(seed), '-n', String(count * recordBytes)];
    const to = { name: 'tapesilo', url, pid: process.pid };
    await pass(client, to, shape, { ops: 'w', source, verify: false });
  };
  for (const seed of [1, 2, 2, 2]) await write(seed);
  for (const [what, seed] of [
    ['duplicates', 2],
    ['new data', 3],
  ] as const) {
    const sites = await heapProfile(async () => await write(seed));
    report(`${what} over iSCSI`, sites, count, `${options.queue} at a time`);
  }
  await stop();
}
if ('store'.includes(options.only)) await straight();
if ('drive'.includes(options.only)) await throughDrive();
if ('iscsi'.includes(options.only)) await overIscsi();
await rm(folder, { recursive: true });
