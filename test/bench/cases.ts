/** What `npm run bench` measures: kinds of data on the deduplicating store with their floors and aims, and shapes on plain files. */
export interface Case {
  readonly name: string;
  readonly op: 'w' | 'r';
  readonly block: string;
  readonly inFlight: number;
  /** Of tgt's speed in the same run: what must be reached, and what is wanted. */
  readonly floor: number;
  readonly aim: number;
  /** What is written before the rounds; arguments of the client. Nothing: the tape is as the case before left it. */
  readonly before: readonly string[] | undefined;
  /** What round 0, 1 … writes or reads. */
  readonly source: (round: number) => readonly string[];
}

/** `backups`: files, each one full backup; `size`: of what is made up. */
export function casesOf(backups: readonly string[], size: string): Case[] {
  const large = { block: '256K', inFlight: 8 };
  const random = (seed: number): string[] => ['-s', 'random', '-S', String(seed), '-n', size];
  const generation = (number: number): string[] => {
    const file = backups[Math.min(number, backups.length - 1)];
    return file === undefined ? ['-s', `gen:${number}:20`, '-n', size] : ['-s', `file:${file}`];
  };
  const compressible = (seed: number): string[] => {
    const source = backups[0] === undefined ? ['-s', 'mix:25', '-n', size] : ['-s', `subst:${backups[0]}`];
    return [...source, '-S', String(seed)];
  };
  return [
    {
      ...large,
      ...{ name: 'duplicate data', op: 'w', floor: 0.9, aim: 1.2 },
      before: random(1),
      source: () => random(1),
    },
    {
      ...large,
      ...{ name: 'next weekly full', op: 'w', floor: 0.6, aim: 0.9 },
      before: generation(0),
      source: (round) => generation(round + 1),
    },
    {
      ...large,
      ...{ name: 'new incompressible', op: 'w', floor: 0.55, aim: 0.75 },
      before: random(99),
      source: (round) => random(100 + round),
    },
    {
      ...large,
      ...{ name: 'new compressible', op: 'w', floor: 0.3, aim: 0.5 },
      before: compressible(99),
      source: (round) => compressible(100 + round),
    },
    {
      ...large,
      ...{ name: 'read back', op: 'r', floor: 0.7, aim: 1 },
      before: generation(1),
      source: () => generation(1),
    },
    {
      ...large,
      ...{ name: 'read back, incompressible', op: 'r', floor: 0.7, aim: 1 },
      before: random(2),
      source: () => random(2),
    },
    {
      ...{ name: '64 KiB, 1 in flight, duplicates', op: 'w', block: '64K', inFlight: 1 },
      ...{ floor: 0.9, aim: 1.2 },
      before: random(1),
      source: () => random(1),
    },
  ];
}
const plainShapes: readonly (readonly [string, number])[] = [
  ['256K', 8],
  ['64K', 1],
  ['1M', 1],
];
/** Plain files, which keep all that they are given. */
export function plainCasesOf(size: string): Case[] {
  const source = (): string[] => ['-s', 'random', '-S', '1', '-n', size];
  return plainShapes.flatMap(([block, inFlight]): Case[] => [
    {
      ...{ name: `plain, ${block} q${inFlight}, write`, op: 'w', block, inFlight, floor: 1, aim: 1.2 },
      before: source(),
      source,
    },
    {
      ...{ name: `plain, ${block} q${inFlight}, read`, op: 'r', block, inFlight, floor: 1, aim: 1.5 },
      before: undefined,
      source,
    },
  ]);
}
