/** Sizes of the engine, with their reasons, and what holds between them. */
import { strict as assert } from 'node:assert';
import { bulkAlignBytes } from '#env';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Chunks: mean about 20 KiB. Smaller ones cost memory for the index, larger ones find less (performance.md B4). */
export const chunkBytesMin = 4 * KiB;
export const chunkBytesMean = 16 * KiB;
export const chunkBytesMax = 64 * KiB;

/** New chunks are compressed together: what a fast codec gains from neighbours is gained at this size. */
export const regionBytesMax = 256 * KiB;
/** Regions begin at such multiples in a container: copies into kernel buffers are slow at 16 mod 32. */
export const regionAlignBytes = 64;
/** Bytes of chunks in one container, before compression. */
export const containerRawBytesMax = 4 * MiB;
export const containerChunksMax = 1024;
/** Two regions that follow each other are more than one can hold, and no later generation has more than the one before. */
export const containerRegionsMax = 64;
assert((2 * containerRawBytesMax) / regionBytesMax < containerRegionsMax);
/** The head (header, regions, chunks) fits this, so one read fetches it. */
export const headBytesMax = 8 * KiB;
/** The first of them begins at such a multiple: so does the image in memory then, and the disk can fetch it from there (`bulk`). */
export const headAlignBytes = bulkAlignBytes;
assert(headBytesMax % headAlignBytes === 0 && headAlignBytes % regionAlignBytes === 0);
/** Containers begin and end at such multiples of a pack. */
export const containerAlignBytes = 4096;
assert(containerAlignBytes % regionAlignBytes === 0 && regionBytesMax % regionAlignBytes === 0);
assert(
  containerRawBytesMax / chunkBytesMin <= containerChunksMax,
  'a container of smallest chunks has room for all',
);
assert(chunkBytesMax <= regionBytesMax);

/** A pack is given to no more containers when it has grown beyond this. */
export const packBytes = 64 * MiB;
assert(packBytes >= 4 * containerRawBytesMax);
/** Open files of packs. */
export const packFilesMax = 64;

/**
 * Journal, both copies of its batches, between two checkpoints of a small group (a large one waits for twice its checkpoint): bounds
 * the replay and the recipes held in memory.
 */
export const journalBytesMax = MiB;
/** Containers between two checkpoints, or one for so many of all: what a restart after a crash reads for the index. */
export const checkpointContainers = 2048;
export const checkpointContainersShare = 64;
/** Runs of a recipe that are stored as one piece. */
export const pieceRuns = 4096;
/** Bytes of a stream of entries that are stored as one piece. */
export const entryPieceBytes = 240 * KiB;
/** Largest label and largest journal batch: what a volume may hand us at once. */
export const labelBytesMax = 120 * KiB;
/** Space that is kept for journal, checkpoint and ends of containers when the disk is nearly full. */
export const metadataReserveBytes = 768 * KiB;
/** What the uncut end of a stream and the container begun for it may take. */
export const streamReserveBytes = 16 * KiB;

/** Entries of the index in memory before they are written as a run of their own. */
export const indexMemoryEntries = 128 * 1024;
/** Fresh runs of about one size that are merged into one. */
export const indexRunsPerTier = 4;
/** Fresh runs go into the body of the index when together they hold so many times that, and one for so many of the body. */
export const indexFreshRuns = 8;
export const indexBasePerFresh = 8;
/** A run of the body holds at most so many times that (64 MB): it is merged at a time. */
export const indexBaseRuns = 32;
/** Merges leave so much of the disk free: without them the index is slower, with a full disk nothing can be written. */
export const mergeReserveBytes = 64 * MiB;
/**
 * Bits of the summary filters per entry. 1.3 % of new chunks cost a look at the disk for the body, 0.4 % for each fresh run.
 * 64 MB per TB of 20 KB chunks in all, for a ninth of the entries at most is in fresh runs.
 */
export const baseFilterBits = 10;
export const freshFilterBits = 12;
/** Directories of containers at hand, and places of the table of their fingerprints. */
export const directoriesMax = 1000;
export const localityPlaces = 1024 * 1024;
/** What was appended to a stream and is not in containers yet: a writer is not held up by us for as long as this lasts. */
export const ringHeldBytesMax = 4 * MiB;
/** With room behind that for what is on its way from initiators: eight records of 256 KiB at a time, and more of fewer bytes. */
export const ringBytes = ringHeldBytesMax + 3 * MiB;
/** Bytes that are cut at a time: a message for each of these. */
export const cutBytesMax = 512 * KiB;
/** Less than this is cut only when it must be. */
export const cutBytesMin = 256 * KiB;
assert(ringBytes % cutBytesMax === 0 && cutBytesMin <= cutBytesMax && chunkBytesMax <= cutBytesMax);
