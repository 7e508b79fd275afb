/** What recovery and listing have in common: a job that reads an image, and says things to the DMA. */
import type { TreeJob } from '#trees';
import { type DataRun, DmaLog, type Ending, type ImageStream, roomFor, type RunParts } from './data-faces.js';
import { ImageReader } from './image-reader.js';
import type { LogType } from './types.js';

/** What the engine says of its work. */
interface Said {
  readonly level: LogType;
  readonly text: string;
  readonly path?: Buffer | undefined;
}

export abstract class ReadingRun implements DataRun {
  protected readonly parts: RunParts;
  protected readonly log: DmaLog;
  protected readonly reader: ImageReader;
  protected isAborted = false;
  protected abstract readonly job: TreeJob;
  abstract readonly done: Promise<Ending>;

  constructor(parts: RunParts, stream: ImageStream) {
    this.parts = parts;
    this.log = new DmaLog(parts.posts, parts.log);
    this.reader = new ImageReader(stream.link, parts.env.clock, stream.ask);
  }
  get view(): DataRun['view'] {
    const { files } = this.job.progress;
    return { bytes: this.reader.bytes, estimateBytes: 0n, files, part: this.reader.part };
  }
  abort(): void {
    this.isAborted = true;
    this.job.abort();
    this.reader.destroy();
  }
  protected room(): Promise<void> | undefined {
    return roomFor(this.parts.posts, () => this.isAborted);
  }
  /** For the sink of the job. */
  protected say({ level, text, path }: Said): Promise<void> | undefined {
    if (!this.isAborted) this.log.say(level, text, path);
    return this.room();
  }
  protected aborted(): Ending {
    this.reader.destroy();
    return { reason: 'aborted', text: 'Aborted' };
  }
  /** `isLost`: the stream ended before we were done with it. */
  protected failed(text: string, isLost: boolean): Ending {
    this.log.say('error', text);
    return { reason: isLost ? 'connect-error' : 'internal-error', text };
  }
}
