/**
 * The kernels, each alone, on one core.
 *
 *   node dist/test/bench/kernels.bench.js [megabytes]
 *
 * Prints MB (10^6 bytes) for each second of CPU, best of the rounds, and the ratio of the codecs. Data: `random`; `text`, the
 * scripts and pages below node_modules; `binary`, the middle of Node's own program.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type AverageBytes, type Codec, Kernels, scratchBytes } from '#store';
import { top } from '../support/top.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const pageBytes = 64 * KiB;
const rounds = 3;
const inputBytes = Number(process.argv[2] ?? 24) * MiB;
const outputBytesMax = 2 * MiB;

const ceil = (bytes: number): number => Math.ceil(bytes / pageBytes) * pageBytes;
const inputAt = ceil(scratchBytes);
const packedAt = inputAt + inputBytes;
const plainAt = packedAt + outputBytesMax;
const pages = ceil(plainAt + outputBytesMax) / pageBytes;

/** MB for each second of CPU. */
function speed(bytes: number, work: () => void): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, user + system);
  }
  return bytes / best;
}

function textData(): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (length >= inputBytes) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && /\.([cm]?[jt]s|json|md|map)$/.test(entry.name)) {
        const bytes = readFileSync(path);
        parts.push(bytes);
        length += bytes.length;
      }
    }
  };
  visit(join(top, 'node_modules'));
  return Buffer.concat(parts).subarray(0, inputBytes);
}
function binaryData(): Buffer {
  const bytes = Buffer.alloc(inputBytes);
  const middle = Math.max(0, Math.floor((statSync(process.execPath).size - inputBytes) / 2));
  const file = openSync(process.execPath, 'r');
  const length = readSync(file, bytes, 0, inputBytes, middle);
  closeSync(file);
  return bytes.subarray(0, length);
}

function line(data: string, what: string, figures: string): void {
  process.stdout.write(`${data.padEnd(7)} ${what.padEnd(20)} ${figures}\n`);
}
const rate = (figure: number): string => `${figure.toFixed(0).padStart(6)} MB/s`;

function benchCuts(kernels: Kernels, name: string, length: number): void {
  for (const average of [8192, 16384] satisfies AverageBytes[]) {
    let count = 0;
    const figure = speed(length, () => {
      count = kernels.cut(inputAt, length, { bytes: 0, hash: 0 }, average);
    });
    line(name, `cut ${average / KiB}K`, `${rate(figure)}  mean ${Math.round(length / count)}`);
  }
}

function benchCodec(kernels: Kernels, name: string, length: number, codec: Codec, region: number): void {
  const count = Math.floor(length / region);
  const room = Kernels.boundOf(codec, region);
  let packed = 0;
  const compressed = speed(count * region, () => {
    packed = 0;
    for (let i = 0; i < count; i++) {
      packed += kernels.compress(codec, inputAt + i * region, region, packedAt, room);
    }
  });
  // The middle region again and again: decompression alone.
  const one = kernels.compress(codec, inputAt + (count >> 1) * region, region, packedAt, room);
  const decompressed = speed(count * region, () => {
    for (let i = 0; i < count; i++) kernels.decompress(codec, packedAt, one, plainAt, region);
  });
  const ratio = ((count * region) / packed).toFixed(2);
  line(name, `${codec} ${region / KiB}K`, `${rate(compressed)}  ratio ${ratio}  back ${rate(decompressed)}`);
}

function benchProbe(kernels: Kernels, name: string, length: number): void {
  const region = 128 * KiB;
  const count = Math.floor(length / region);
  let compressible = 0;
  const figure = speed(count * region, () => {
    compressible = 0;
    for (let i = 0; i < count; i++)
      compressible += Number(kernels.isCompressible(inputAt + i * region, region));
  });
  const microseconds = (1024 / figure).toFixed(2);
  line(
    name,
    'probe 128K',
    `${rate(figure)}  ${microseconds} µs/KiB, yes to ${compressible} of ${count} regions`,
  );
}

const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
const kernels = await Kernels.open(memory, 0);
const sources = { random: randomBytes(inputBytes), text: textData(), binary: binaryData() };
for (const [name, bytes] of Object.entries(sources)) {
  Buffer.from(memory.buffer, inputAt, bytes.length).set(bytes);
  benchCuts(kernels, name, bytes.length);
  benchProbe(kernels, name, bytes.length);
  for (const codec of ['fast', 'dense'] satisfies Codec[]) {
    for (const region of [128 * KiB, 256 * KiB]) benchCodec(kernels, name, bytes.length, codec, region);
  }
}
