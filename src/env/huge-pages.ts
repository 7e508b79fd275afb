/**
 * Memory in pages of 2 MB where the system has them to give: Linux's madvise(2), through koffi. A system may give them to everybody, to
 * nobody, or, as most do, to who asks.
 */
import process from 'node:process';

/** The same on every Linux. */
const MADV_HUGEPAGE = 14;

/** For so many bytes from the first of `memory` on, whether they are there already or come later. Where it is not to be had, nothing changes. */
export async function askForHugePages(memory: Buffer, bytes: number): Promise<void> {
  if (process.platform !== 'linux') return;
  try {
    const { default: koffi } = await import('koffi');
    koffi.load(null).func('int madvise(void*, size_t, int)')(memory, bytes, MADV_HUGEPAGE);
  } catch {
    // koffi has no binary for this machine, or the C library lacks the function: the pages are small
  }
}
