/** What this thread allocates on its heap while something is done, and where: V8's sampling heap profile. */
import { type HeapProfiler, Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Site {
  readonly place: string;
  readonly bytes: number;
  /** In the bench itself, or in what it called: nothing of what is measured. */
  readonly isBench: boolean;
}
type Node = HeapProfiler.SamplingHeapProfileNode;
const sampledEveryBytes = 512;
const top = fileURLToPath(new URL('../../', import.meta.url));
const isOurs = ({ callFrame }: Node): boolean => callFrame.url.startsWith('file:');

function frameOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  const file = url.startsWith('file:') ? relative(top, fileURLToPath(url)) : url;
  return `${functionName === '' ? '(anonymous)' : functionName} ${file}:${lineNumber + 1}`;
}
/** Node's and V8's own functions are told with the one of ours that called them. */
function sitesOf(node: Node, caller: string, into: Map<string, number>): void {
  const frame = frameOf(node);
  const place = isOurs(node) ? frame : `${frame} < ${caller}`;
  into.set(place, (into.get(place) ?? 0) + node.selfSize);
  for (const child of node.children) sitesOf(child, isOurs(node) ? frame : caller, into);
}
const benchPlace = /(^| < )\S+ (\S+ )?test\//;

/** Most first. */
export async function heapProfile(work: () => Promise<void>): Promise<Site[]> {
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
  return [...sites]
    .map(([place, bytes]) => ({ place, bytes, isBench: benchPlace.test(place) }))
    .toSorted((a, b) => b.bytes - a.bytes);
}
