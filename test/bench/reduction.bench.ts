/**
 * What is left on disk of generations of backups, and how fast they go there, beside restic and borg.
 *
 *   node dist/test/bench/reduction.bench.js FOLDER [--only reduction,framing,streams,speed] [--rounds 3] [--work FOLDER]
 *
 * Each file of FOLDER is one full backup, in the order of their names: for instance ten `tar` files of a folder as it was in ten
 * weeks (`tar --sort=name -cf gen01.tar …`), or of ten published versions of some packages. Everything goes through a tape
 * drive without network: records, entries, filemarks, commits. Sizes are of all files of a closed group. A JSON line per result.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DedupGroup, Density } from '#store';
import { absent, bytesBelow, type Peer, peers, type Taken } from './peers.js';
import { openGroup, TapeWriter } from './tape-writer.js';

const KiB = 1024;
const {
  values: options,
  positionals: [source],
} = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: 'reduction,framing,streams,speed' },
    rounds: { type: 'string', default: '3' },
    work: { type: 'string' },
  },
});
if (source === undefined) throw new Error('Which folder has the backups?');
const only = new Set(options.only.split(','));
const work = options.work ?? (await mkdtemp(join(tmpdir(), 'tapesilo-reduction-')));
const files = (await readdir(source, { withFileTypes: true }))
  .filter((entry) => entry.isFile() && entry.name !== 'SHA256SUMS')
  .map(({ name }) => join(source, name))
  .toSorted();
const generations = await Promise.all(files.map(async (file) => await readFile(file)));
const logical = generations.reduce((sum, { length }) => sum + length, 0);

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const ratio = (bytes: number): number => Number((logical / bytes).toFixed(2));
const rates = (bytes: number, { seconds, cpuSeconds }: Taken): object => ({
  MBps: Math.round(bytes / 1e6 / seconds),
  cpuSecondsPerGB: Number((cpuSeconds / (bytes / 1e9)).toFixed(2)),
});
async function timed(act: () => Promise<void>): Promise<Taken> {
  const before = process.cpuUsage();
  const from = performance.now();
  await act();
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}
const nameOf = (index: number): string => `gen-${String(index + 1).padStart(2, '0')}`;

/** All generations, each on a cartridge; bytes of the closed group. */
async function stored(density: Density, recordBytes: (generation: number) => number): Promise<number> {
  const folder = join(work, 'group');
  await rm(folder, { recursive: true, force: true });
  const group = await openGroup(folder, density);
  for (const [index, bytes] of generations.entries()) {
    const tape = await TapeWriter.begin(group, nameOf(index));
    await tape.write(bytes, recordBytes(index));
    await tape.end();
  }
  await group.close();
  return await bytesBelow(folder);
}
async function reduction(): Promise<void> {
  const first = await stored('adaptive', () => 256 * KiB);
  say({ what: 'by default', diskMB: first / 1e6, reduction: ratio(first), aim: 9.3 });
  const folder = join(work, 'group');
  const group = await openGroup(folder);
  const taken = await timed(async () => void (await group.optimize()));
  await group.close();
  const optimized = await bytesBelow(folder);
  say({ what: 'after optimize', diskMB: optimized / 1e6, reduction: ratio(optimized), aim: 13, ...taken });
  const dense = await stored('dense', () => 256 * KiB);
  say({ what: 'dense', diskMB: dense / 1e6, reduction: ratio(dense), aim: 13 });
}
/** Fast, as what follows: adaptive compression depends on how busy the machine is. */
async function framing(): Promise<void> {
  const mixed = [256, 10, 64, 1024, 20, 512, 32, 128, 200, 100];
  const own = await stored('fast', () => 256 * KiB);
  const cases: [string, (generation: number) => number][] = [
    ['10 KiB records (tar -b 20)', () => 10 * KiB],
    ['1 MiB records (tar -b 2048)', () => 1024 * KiB],
    ['another size for each generation', (generation) => (mixed[generation % mixed.length] ?? 256) * KiB],
  ];
  for (const [what, recordBytes] of cases) {
    const bytes = await stored('fast', recordBytes);
    say({
      what,
      diskMB: bytes / 1e6,
      reduction: ratio(bytes),
      ofTheStreams: Number((own / bytes).toFixed(3)),
      floor: 0.95,
    });
  }
}

/** Each generation in parts, each part on a cartridge of its own; a record of each in turn, or one after another. */
async function storedInParts(parts: number, interleaved: boolean): Promise<{ bytes: number; taken: Taken }> {
  const folder = join(work, 'group');
  await rm(folder, { recursive: true, force: true });
  const group = await openGroup(folder, 'fast');
  const recordBytes = 256 * KiB;
  const taken = await timed(async () => {
    for (const [index, bytes] of generations.entries()) {
      const partBytes = Math.ceil(bytes.length / parts / recordBytes) * recordBytes;
      const tapes: TapeWriter[] = [];
      for (let part = 0; part < parts; part++) {
        const tape = await TapeWriter.begin(group, `${nameOf(index)}-${part}`);
        tapes.push(tape);
        if (interleaved) continue;
        await tape.write(bytes.subarray(part * partBytes, (part + 1) * partBytes), recordBytes);
        await tape.end();
      }
      if (!interleaved) continue;
      for (let at = 0; at < partBytes; at += recordBytes) {
        for (const [part, tape] of tapes.entries()) {
          const from = part * partBytes + at;
          if (from < bytes.length)
            await tape.record(bytes.subarray(from, Math.min(from + recordBytes, bytes.length)));
        }
      }
      for (const tape of tapes) await tape.end();
    }
  });
  await group.close();
  return { bytes: await bytesBelow(folder), taken };
}
async function streams(): Promise<void> {
  const alone = await storedInParts(8, false);
  const together = await storedInParts(8, true);
  say({ what: '8 parts, one after another', reduction: ratio(alone.bytes), ...rates(logical, alone.taken) });
  const kept = Number((alone.bytes / together.bytes).toFixed(3));
  say({
    what: '8 streams at once',
    reduction: ratio(together.bytes),
    kept,
    ...rates(logical, together.taken),
  });
}

/** Other bytes that compress as well: each stands for another (odd numbers have inverses modulo 256). */
function substituted(bytes: Buffer, seed: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  for (let at = 0; at < bytes.length; at++) copy[at] = (bytes[at] ?? 0) * (2 * seed + 1) + seed; // the lowest eight bits of it
  return copy;
}
/** A group that stays open and has worked before, as a daemon's: opening it, the first use of its memory, and V8's compiling are not counted. */
class Ours implements Peer {
  readonly name: string;
  readonly #density: Density;
  #group: DedupGroup | undefined;
  constructor(name: string, density: Density) {
    this.name = name;
    this.#density = density;
  }
  async begin(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
    this.#group = await openGroup(folder, this.#density);
    for (let seed = 1; seed <= 3; seed++) {
      const tape = await TapeWriter.begin(this.#group, `before-${seed}`);
      await tape.write(substituted(generations[0] ?? Buffer.alloc(0), seed), 256 * KiB);
      await tape.end();
    }
  }
  async store(_folder: string, name: string, file: string): Promise<Taken> {
    const group = this.#group;
    const bytes = generations[files.indexOf(file)];
    if (group === undefined || bytes === undefined) throw new Error('Not begun');
    return await timed(async () => {
      const tape = await TapeWriter.begin(group, name);
      await tape.write(bytes, 256 * KiB);
      await tape.end();
    });
  }
  async end(): Promise<void> {
    await this.#group?.close();
  }
}
const CASES = ['new', 'again', 'next'] as const;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** In turns: a new repository gets the first generation, the same again, then all others. */
async function speed(): Promise<void> {
  const contenders: Peer[] = [
    new Ours('tapesilo', 'adaptive'),
    new Ours('tapesilo dense', 'dense'),
    ...peers,
  ];
  const seen = new Map<string, Taken[]>();
  const sizes = new Map<string, number>();
  const rest = generations.slice(1).reduce((sum, { length }) => sum + length, 0);
  const bytesOf = { new: generations[0]?.length ?? 0, again: generations[0]?.length ?? 0, next: rest };
  for (const name of absent) say({ what: 'speed', contender: name, skipped: 'it is not installed' });
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const one of contenders) {
      const folder = join(work, one.name.replace(' ', '-'));
      await one.begin(folder);
      const before = await bytesBelow(folder);
      const note = (what: string, taken: Taken): void => {
        seen.set(`${one.name} ${what}`, [...(seen.get(`${one.name} ${what}`) ?? []), taken]);
      };
      note('new', await one.store(folder, nameOf(0), files[0] ?? ''));
      note('again', await one.store(folder, 'again', files[0] ?? ''));
      let next: Taken = { seconds: 0, cpuSeconds: 0 };
      for (const [index, file] of files.slice(1).entries()) {
        const { seconds, cpuSeconds } = await one.store(folder, nameOf(index + 1), file);
        next = { seconds: next.seconds + seconds, cpuSeconds: next.cpuSeconds + cpuSeconds };
      }
      note('next', next);
      await one.end();
      sizes.set(one.name, (await bytesBelow(folder)) - before);
      await rm(folder, { recursive: true, force: true });
      await rm(`${folder}-base`, { recursive: true, force: true });
    }
  }
  const rateOf = (name: string, what: (typeof CASES)[number]): number =>
    bytesOf[what] / 1e6 / median((seen.get(`${name} ${what}`) ?? []).map(({ seconds }) => seconds));
  for (const { name } of contenders) {
    for (const what of CASES) {
      const all = seen.get(`${name} ${what}`) ?? [];
      const taken = {
        seconds: median(all.map((one) => one.seconds)),
        cpuSeconds: median(all.map((one) => one.cpuSeconds)),
      };
      const beside = Object.fromEntries(
        peers.map((peer) => [
          `x ${peer.name}`,
          Number((rateOf(name, what) / rateOf(peer.name, what)).toFixed(2)),
        ]),
      );
      say({ what: `speed: ${what}`, contender: name, ...rates(bytesOf[what], taken), ...beside });
    }
    say({ what: 'speed: on disk', contender: name, diskMB: (sizes.get(name) ?? NaN) / 1e6 });
  }
}

say({ what: 'data', folder: basename(source), files: files.length, logicalMB: logical / 1e6 });
if (only.has('reduction')) await reduction();
if (only.has('framing')) await framing();
if (only.has('streams')) await streams();
if (only.has('speed')) await speed();
await rm(join(work, 'group'), { recursive: true, force: true });
if (options.work === undefined) await rm(work, { recursive: true, force: true });
