/**
 * What the store's thread allocates on its heap for each record and chunk, once it is warm: a sampling heap profile over streams of
 * duplicates and of new data, straight into DedupGroup and through a drive.
 *
 *   node dist/test/bench/allocation.bench.js [--megabytes 256] [--record 262144] [--threads N] [--top 12]
 *
 * A JSON line per case: bytes for a record and for a chunk (20 KB); then the places that allocate most. What threads of the
 * crew allocate is theirs and not in it; neither are buffers outside of the heap.
 */
import { randomFillSync } from 'node:crypto';
import { type HeapProfiler, Session } from 'node:inspector/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Stream } from '#store';
import { threadsFor } from '#store';
import { openGroup, TapeWriter } from './tape-writer.js';

const { values: options } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '256' },
    record: { type: 'string', default: '262144' },
    threads: { type: 'string', default: String(threadsFor(availableParallelism())) },
    top: { type: 'string', default: '12' },
  },
});
const recordBytes = Number(options.record);
const bytes = Math.ceil((Number(options.megabytes) * 1e6) / recordBytes) * recordBytes;
const chunkBytes = 20_000;
const sampledEveryBytes = 512;
const data = Buffer.alloc(bytes);

interface Site {
  readonly place: string;
  readonly bytes: number;
}
type Node = HeapProfiler.SamplingHeapProfileNode;
const frameOf = ({ callFrame: { functionName, url, lineNumber } }: Node): string =>
  `${functionName === '' ? '(anonymous)' : functionName} ${basename(url)}:${lineNumber + 1}`;
/** With who called what is not ours. */
function sitesOf(node: Node, from: string, into: Map<string, number>): void {
  const frame = frameOf(node);
  const isOurs = node.callFrame.url.startsWith('file:');
  const place = isOurs ? frame : `${frame} < ${from}`;
  into.set(place, (into.get(place) ?? 0) + node.selfSize);
  for (const child of node.children) sitesOf(child, isOurs ? frame : from, into);
}
async function profiled(work: () => Promise<void>): Promise<Site[]> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.enable');
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: sampledEveryBytes,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as HeapProfiler.StartSamplingParameterType);
  await work();
  const { profile } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  const sites = new Map<string, number>();
  sitesOf(profile.head, '', sites);
  return [...sites].map(([place, size]) => ({ place, bytes: size })).toSorted((a, b) => b.bytes - a.bytes);
}
function report(what: string, sites: readonly Site[]): void {
  const sum = sites.reduce((total, site) => total + site.bytes, 0);
  const perRecord = (size: number): number => Math.round(size / (bytes / recordBytes));
  const perChunk = (size: number): number => Number((size / (bytes / chunkBytes)).toFixed(1));
  const line = { what, recordBytes, bytesPerRecord: perRecord(sum), bytesPerChunk: perChunk(sum) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  for (const site of sites.slice(0, Number(options.top)))
    process.stdout.write(`  ${String(perChunk(site.bytes)).padStart(8)} a chunk  ${site.place}\n`);
}

const folder = await mkdtemp(join(tmpdir(), 'tapesilo-allocation-'));
const group = await openGroup(folder, 'fast', Number(options.threads));
const append = async (stream: Stream): Promise<void> => {
  for (let at = 0; at < bytes; at += recordBytes) await stream.append([data.subarray(at, at + recordBytes)]);
};
async function straight(): Promise<void> {
  const volume = await group.create('straight');
  const stream = volume.stream('data');
  randomFillSync(data);
  await append(stream);
  await append(stream); // warm by now
  report('duplicates, straight', await profiled(async () => await append(stream)));
  randomFillSync(data);
  report('new, straight', await profiled(async () => await append(stream)));
  await volume.commit(Buffer.from('straight'));
  await volume.close();
}
async function throughDrive(): Promise<void> {
  const tape = await TapeWriter.begin(group, 'drive');
  const write = async (): Promise<void> => await tape.write(data, recordBytes);
  await write();
  report('duplicates, through a drive', await profiled(write));
  randomFillSync(data);
  report('new, through a drive', await profiled(write));
  await tape.end();
}
await straight();
await throughDrive();
await group.close();
await rm(folder, { recursive: true });
