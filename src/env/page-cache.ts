/**
 * PageCache: reading what the system has in memory of a file, and nothing that would have to be waited for: for threads that others
 * wait for. Linux's preadv2(2), through koffi; synchronous.
 */
import process from 'node:process';
import { E } from './tree-calls.js';

/** The same on every Linux. */
const RWF_NOWAIT = 0x08;

/** What became of a read. `away`: some of it is not in memory (it may be on its way now). `refused`: that cannot be told here. */
export type PageCacheRead = 'read' | 'away' | 'refused';
/** Fills `target` from `offset` of the file with that descriptor (`DiskFile.descriptor`). */
export type PageCache = (descriptor: number, target: Uint8Array, offset: number) => PageCacheRead;

/** Undefined where there is no such call. */
export async function openPageCache(): Promise<PageCache | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const ranges = koffi.pointer(koffi.struct({ target: 'void*', bytes: 'size_t' }));
    const preadv2 = koffi.load(null).func('preadv2', 'int64_t', ['int', ranges, 'int', 'int64_t', 'int']);
    return (descriptor, target, offset) => {
      const range = { target, bytes: target.length };
      const bytes = Number(preadv2(descriptor, range, 1, offset, RWF_NOWAIT));
      if (bytes === target.length) return 'read';
      return bytes >= 0 || koffi.errno() === E.again ? 'away' : 'refused';
    };
  } catch {
    return undefined; // koffi has no binary for this machine, or the C library lacks the function
  }
}
