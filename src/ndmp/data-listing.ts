/** What is in an image, told as file history, or in LOG messages when no history is wanted (DATA_START_RECOVER_FILEHIST). */
import type { HistoryEntry, ListRequest, TreeJob } from '#trees';
import {
  counted,
  type DataRun,
  DmaLog,
  type Ending,
  type ImageStream,
  roomFor,
  type RunParts,
} from './data-faces.js';
import { HistoryPoster } from './data-history.js';
import type { HistoryForm } from './data-variables.js';
import { ImageReader } from './image-reader.js';

export class ListRun implements DataRun {
  readonly done: Promise<Ending>;
  readonly #parts: RunParts;
  readonly #log: DmaLog;
  readonly #form: HistoryForm;
  readonly #history: HistoryPoster;
  readonly #reader: ImageReader;
  readonly #job: TreeJob;
  #isAborted = false;

  constructor(parts: RunParts, request: ListRequest, form: HistoryForm, stream: ImageStream) {
    this.#parts = parts;
    this.#log = new DmaLog(parts.posts, parts.log);
    this.#form = form;
    this.#history = new HistoryPoster(parts.posts, form);
    this.#reader = new ImageReader(stream.link, parts.env.clock, stream.ask);
    this.#job = parts.trees.list(request, this.#reader, {
      history: async (entries) => await this.#tell(entries),
      log: ({ level, text, path }) => {
        if (!this.#isAborted) this.#log.say(level, text, path);
        return this.#room();
      },
    });
    this.done = this.#end();
  }
  get view(): DataRun['view'] {
    const { files } = this.#job.progress;
    return { bytes: this.#reader.bytes, estimateBytes: 0n, files, part: this.#reader.part };
  }
  abort(): void {
    this.#isAborted = true;
    this.#job.abort();
    this.#reader.destroy();
  }

  #room(): Promise<void> | undefined {
    return roomFor(this.#parts.posts, () => this.#isAborted);
  }
  async #tell(entries: readonly HistoryEntry[]): Promise<void> {
    for (const entry of entries) {
      await this.#room();
      if (this.#isAborted) return;
      if (this.#form === 'none') this.#log.say('normal', `/${entry.path.toString()}`);
      else this.#history.add([entry]);
    }
  }
  async #end(): Promise<Ending> {
    const result = await this.#job.done;
    const isLost = this.#reader.isLost;
    if (!this.#isAborted) this.#reader.finish();
    if (this.#isAborted || result.outcome === 'aborted') {
      this.#reader.destroy();
      return { reason: 'aborted', text: 'Aborted' };
    }
    this.#history.flush();
    if (result.outcome === 'failed') {
      const text = result.message ?? 'The image could not be read';
      this.#log.say('error', text);
      return { reason: isLost ? 'connect-error' : 'internal-error', text };
    }
    this.#log.say('normal', `The image holds ${counted(result.files, 'file')}`);
    return { reason: 'successful', text: 'Done' };
  }
}
