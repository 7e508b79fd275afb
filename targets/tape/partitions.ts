/** Sizes of partitions as the Medium Partition mode page asks for them and shows them (SSC-4 8.3.4). */
import { type MEDIUM_PARTITION, PARTITION_SIZE_UNIT, type ValueOfPage } from './mode-pages.table.js';

export type PartitionPage = ValueOfPage<typeof MEDIUM_PARTITION>;

/** FFFFh: all that the others leave. */
const theRest = 0xffff;
/** A partition that is too small to hold a record and its reserve is of no use. */
const partitionBytesMin = 64 * 1024;

const sizesOf = (page: PartitionPage): readonly number[] => [page.size0, page.size1, page.size2, page.size3];

function unitBytes({ sizeUnit, partitionUnits }: PartitionPage): number {
  switch (sizeUnit) {
    case PARTITION_SIZE_UNIT.bytes:
      return 1;
    case PARTITION_SIZE_UNIT.kilobytes:
      return 1e3;
    case PARTITION_SIZE_UNIT.megabytes:
      return 1e6;
    default:
      return 10 ** partitionUnits;
  }
}

/**
 * Bytes of each partition of a volume of `capacityBytes`; one partition without a page. Undefined when the sizes asked for
 * do not fit the volume.
 */
export function partitionCapacities(capacityBytes: number, page?: PartitionPage): number[] | undefined {
  const count = (page?.additionalPartitions ?? 0) + 1;
  if (page === undefined || count === 1) return [capacityBytes];
  // FDP and SDP leave the sizes to the device server: equal parts.
  if (!page.initiatorDefinedPartitions)
    return equalParts(capacityBytes, page.fixedDataPartitions ? 2 : count);
  const unit = unitBytes(page);
  const asked = sizesOf(page).slice(0, count);
  const rests = asked.filter((size) => size === theRest).length;
  const taken = asked.reduce((sum, size) => sum + (size === theRest ? 0 : atLeast(size * unit)), 0);
  if (rests === 0) return taken > capacityBytes ? undefined : asked.map((size) => atLeast(size * unit));
  // Sizes are rounded as the volume is (SSC-4 8.3.4). LTFS asks for 1 GB beside the rest, also of a cartridge that has no more.
  const shrink = taken < capacityBytes - rests * partitionBytesMin ? 1 : capacityBytes / 2 / taken;
  const given = asked.map((size) => (size === theRest ? 0 : atLeast(Math.floor(size * unit * shrink))));
  const left = capacityBytes - given.reduce((sum, bytes) => sum + bytes, 0);
  if (left < rests * partitionBytesMin) return undefined;
  return asked.map((size, index) => (size === theRest ? Math.floor(left / rests) : (given[index] ?? 0)));
}
const equalParts = (capacityBytes: number, count: number): number[] =>
  Array.from({ length: count }, () => Math.floor(capacityBytes / count));
const atLeast = (bytes: number): number => Math.max(bytes, partitionBytesMin);

/** What the page shows of partitions that there are: sizes in the largest unit that keeps them apart. */
export function shownPartitions(capacitiesBytes: readonly number[]): Partial<PartitionPage> {
  const largest = Math.max(1, ...capacitiesBytes);
  let power = 0;
  while (largest / 10 ** power >= theRest) power += 3;
  const size = (index: number): number => Math.floor((capacitiesBytes[index] ?? 0) / 10 ** power);
  return {
    additionalPartitions: Math.max(0, capacitiesBytes.length - 1),
    fixedDataPartitions: false,
    selectDataPartitions: false,
    initiatorDefinedPartitions: true,
    sizeUnit: PARTITION_SIZE_UNIT.power,
    partitionUnits: power,
    size0: size(0),
    size1: size(1),
    size2: size(2),
    size3: size(3),
  };
}
