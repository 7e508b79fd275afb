/** What `npm run bench` measures: kinds of data on the deduplicating store with their floors and aims, and shapes on plain files. */
export interface Case {
  readonly name: string;
  readonly op: 'w' | 'r';
  readonly block: string;
  readonly inFlight: number;
  /** Of tgt's speed in the same run: what must be reached, and what is wanted. */
  readonly floor: number;
  readonly aim: number;
  /** What is written before the rounds, one over the other; arguments of the client. */
  readonly before: readonly (readonly string[])[];
  /** What round 0, 1 … writes or reads. */
  readonly source: (round: number) => readonly string[];
}

function of(
  name: string,
  op: 'w' | 'r',
  shape: Pick<Case, 'block' | 'inFlight'>,
  limits: Pick<Case, 'floor' | 'aim'>,
  before: readonly (readonly string[])[],
  source: (round: number) => readonly string[],
): Case {
  return { name, op, ...shape, ...limits, before, source };
}
/** Before anything is measured: some of everything, so that code is compiled and memory is there. */
export const warmUp = (round: number, size: string): string[] => [
  '-s',
  'mix:25',
  '-S',
  String(7000 + round),
  '-n',
  size,
];

/** `backups`: files, each one full backup; `size`: of what is made up. */
export function casesOf(backups: readonly string[], size: string): Case[] {
  const large = { block: '256K', inFlight: 8 };
  const small = { block: '64K', inFlight: 1 };
  const random = (seed: number): string[] => ['-s', 'random', '-S', String(seed), '-n', size];
  const generation = (number: number): string[] => {
    const file = backups[Math.min(number, backups.length - 1)];
    return file === undefined ? ['-s', `gen:${number}:20`, '-n', size] : ['-s', `file:${file}`];
  };
  const compressible = (seed: number): string[] => {
    const source = backups[0] === undefined ? ['-s', 'mix:25', '-n', size] : ['-s', `subst:${backups[0]}`];
    return [...source, '-S', String(seed)];
  };
  const again = (): string[] => random(1);
  const weeks = 8;
  const last = (): string[] => generation(weeks - 1);
  return [
    of('duplicate data', 'w', large, { floor: 0.9, aim: 1.2 }, [random(1)], again),
    of('next weekly full', 'w', large, { floor: 0.6, aim: 0.9 }, [generation(0)], (round) =>
      generation(round + 1),
    ),
    of('new incompressible', 'w', large, { floor: 0.55, aim: 0.75 }, [random(99)], (round) =>
      random(100 + round),
    ),
    of('new compressible', 'w', large, { floor: 0.3, aim: 0.5 }, [compressible(99)], (round) =>
      compressible(100 + round),
    ),
    of('read back', 'r', large, { floor: 0.7, aim: 1 }, [generation(1)], () => generation(1)),
    of(
      'read back, eighth week',
      'r',
      large,
      { floor: 0.7, aim: 1 },
      Array.from({ length: weeks }, (_, week) => generation(week)),
      last,
    ),
    of('read back, incompressible', 'r', large, { floor: 0.7, aim: 1 }, [random(2)], () => random(2)),
    of('64 KiB, 1 in flight, duplicates', 'w', small, { floor: 0.9, aim: 1.2 }, [random(1)], again),
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
  return plainShapes.flatMap(([block, inFlight]) => {
    const name = `plain, ${block} q${inFlight}`;
    return [
      of(`${name}, write`, 'w', { block, inFlight }, { floor: 1, aim: 1.2 }, [source()], source),
      of(`${name}, read`, 'r', { block, inFlight }, { floor: 1, aim: 1.5 }, [source()], source),
    ];
  });
}
