/**
 * A tree engine without files: every tree holds the same few members of chance, and what is recovered is kept in memory. For
 * fuzz and simulation, where the real one's system calls cannot go. Its image: a header block for each member, its bytes in
 * whole blocks, and two blocks of zeros at the end.
 */
import { createHash } from 'node:crypto';
import type {
  BackupRequest,
  BackupSink,
  FileSystemFigures,
  HistoryEntry,
  ImageSource,
  ListRequest,
  ListSink,
  RecoverName,
  RecoverRequest,
  RecoverSink,
  TreeEngine,
  TreeJob,
  TreeProgress,
  TreeResult,
} from '#trees';

const blockBytes = 512;
const toTheEnd = 0xffff_ffff_ffff_ffffn;
const inBlocks = (bytes: number): number => Math.ceil(bytes / blockBytes) * blockBytes;

export interface FakeMember {
  readonly path: string;
  readonly bytes: Buffer;
  /** Of its header in the image. */
  readonly offset: number;
}

export class FakeTrees implements TreeEngine {
  readonly formats = ['tar'] as const;
  readonly members: readonly FakeMember[];
  readonly image: Buffer;
  /** Jobs that have not ended. */
  running = 0;
  /** By destination: what was recovered. */
  readonly recovered = new Map<string, Buffer>();
  readonly #pieceBytes: number;

  /** Members `f0`, `f1` … of these sizes; the image goes out in pieces of `pieceBytes`. */
  constructor(sizes: readonly number[], pieceBytes = 8192) {
    this.#pieceBytes = pieceBytes;
    const members: FakeMember[] = [];
    const parts: Buffer[] = [];
    let offset = 0;
    for (const [index, size] of sizes.entries()) {
      const member = { path: `f${index}`, bytes: bytesOf(index, size), offset };
      const header = Buffer.alloc(blockBytes);
      header.write(`${member.path} ${size}\n`);
      const body = Buffer.alloc(inBlocks(size));
      member.bytes.copy(body);
      parts.push(header, body);
      offset += blockBytes + body.length;
      members.push(member);
    }
    this.members = members;
    this.image = Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
  }

  backup(request: BackupRequest, sink: BackupSink): TreeJob {
    return this.#job(async (job) => {
      for (let at = 0; at < this.image.length && !job.aborted; at += this.#pieceBytes) {
        const end = Math.min(at + this.#pieceBytes, this.image.length);
        await sink.image(Uint8Array.prototype.slice.call(this.image, at, end));
        job.bytes = end;
        const begun = this.members.filter(({ offset }) => offset >= at && offset < end);
        job.files += begun.length;
        if (request.history && begun.length > 0 && !job.aborted) await sink.history(begun.map(entryOf));
      }
      if (!job.aborted) await sink.log({ level: 'normal', text: 'All of it is in the image' });
    });
  }

  recover(request: RecoverRequest, source: ImageSource, sink: RecoverSink): TreeJob {
    return this.#job(async (job) => {
      const take = async (length: number): Promise<Buffer> => await takeFrom(source, job, length);
      const wanted = new Map(request.names.map((name) => [String(name.original), name]));
      if (request.direct) return await this.#recoverDirectly(request.names, source, job, sink);
      source.ask(0n, toTheEnd);
      for (;;) {
        const header = await take(blockBytes);
        const [path = '', size = ''] = header.toString('latin1').split('\n')[0]?.split(' ') ?? [];
        if (job.aborted || !path.startsWith('f')) break;
        const bytes = await take(inBlocks(Number(size)));
        const name = wanted.get(path);
        if (request.names.length > 0 && name === undefined) continue;
        this.recovered.set(
          String(name?.destination ?? `${String(request.prefix)}/${path}`),
          bytes.subarray(0, Number(size)),
        );
        job.files += 1;
        if (name !== undefined) await sink.settled(name, 'ok');
        wanted.delete(path);
      }
      if (!job.aborted) for (const name of wanted.values()) await sink.settled(name, 'not-found');
    });
  }
  async #recoverDirectly(
    names: readonly RecoverName[],
    source: ImageSource,
    job: Job,
    sink: RecoverSink,
  ): Promise<void> {
    const ask = async (offset: bigint, length: number): Promise<Buffer> => {
      if (length > 0) source.ask(offset, BigInt(length));
      return await takeFrom(source, job, length);
    };
    for (const name of names) {
      const at = name.fhInfo ?? 0n;
      const header = await ask(at, blockBytes);
      if (job.aborted) return;
      const size = Number(/^f\d+ (\d+)\n/.exec(header.toString('latin1'))?.[1] ?? NaN);
      if (Number.isNaN(size)) {
        await sink.settled(name, 'not-found');
        continue;
      }
      const bytes = await ask(at + BigInt(blockBytes), inBlocks(size));
      if (job.aborted) return;
      this.recovered.set(String(name.destination), bytes.subarray(0, size));
      job.files += 1;
      await sink.settled(name, 'ok');
    }
  }

  list(request: ListRequest, source: ImageSource, sink: ListSink): TreeJob {
    return this.#job(async (job) => {
      const wanted = new Set(request.names.map(String));
      source.ask(0n, toTheEnd);
      for (;;) {
        const header = await takeFrom(source, job, blockBytes);
        const path = header.toString('latin1').split('\n')[0]?.split(' ')[0] ?? '';
        const index = this.members.findIndex((member) => member.path === path);
        const member = this.members[index];
        if (job.aborted || member === undefined) return;
        await takeFrom(source, job, inBlocks(member.bytes.length));
        if (job.aborted) return;
        job.files += 1;
        if (wanted.size === 0 || wanted.has(path)) await sink.history([entryOf(member, index)]);
      }
    });
  }

  async kindOf(): Promise<'directory'> {
    return await Promise.resolve('directory');
  }
  async fileSystem(): Promise<FileSystemFigures> {
    return await Promise.resolve({
      type: 'fake',
      device: '/dev/fake',
      mountPoint: '/',
      totalBytes: 1n << 40n,
      usedBytes: 0n,
      availableBytes: 1n << 40n,
      totalInodes: 1000n,
      usedInodes: 1n,
    });
  }

  #job(work: (job: Job) => Promise<void>): TreeJob {
    const job = new Job();
    this.running += 1;
    const run = async (): Promise<TreeResult> => {
      await Promise.resolve();
      try {
        await work(job);
        return job.result(job.aborted ? 'aborted' : 'successful');
      } catch (error) {
        return job.result(job.aborted ? 'aborted' : 'failed', (error as Error).message);
      } finally {
        this.running -= 1;
      }
    };
    const done = run();
    return {
      done,
      abort: () => (job.aborted = true),
      get progress(): TreeProgress {
        return { bytes: BigInt(job.bytes), files: job.files, estimateBytes: 0n };
      },
    };
  }
}

class Job {
  aborted = false;
  bytes = 0;
  files = 0;
  /** Of the part that was asked for: taken from the source, not looked at yet. */
  kept: Buffer = Buffer.alloc(0);

  result(outcome: TreeResult['outcome'], message?: string): TreeResult {
    const { files } = this;
    const counts = { bytes: BigInt(this.bytes), files, troubles: 0 };
    return message === undefined ? { outcome, ...counts } : { outcome, message, ...counts };
  }
}

async function takeFrom(source: ImageSource, job: Job, length: number): Promise<Buffer> {
  while (job.kept.length < length && !job.aborted) {
    const more = await source.read();
    if (more.length === 0) throw new Error('The image ends too early');
    job.kept = Buffer.concat([job.kept, more]);
    job.bytes += more.length;
  }
  const taken = job.kept.subarray(0, length);
  job.kept = job.kept.subarray(taken.length);
  return taken;
}

function bytesOf(index: number, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < size; at += 32) parts.push(createHash('sha256').update(`${index} ${at}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}
function entryOf({ path, bytes, offset }: FakeMember, index: number): HistoryEntry {
  return {
    path: Buffer.from(path),
    node: BigInt(100 + index),
    parentNode: 2n,
    fhInfo: BigInt(offset),
    type: 'regular',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: BigInt(bytes.length),
    mtime: 0n,
    atime: 0n,
    ctime: 0n,
    links: 1,
  };
}
