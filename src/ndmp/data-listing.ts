/** What is in an image, told as file history, or in LOG messages when no history is wanted (DATA_START_RECOVER_FILEHIST). */
import type { HistoryEntry, ListRequest, TreeJob } from '#trees';
import { counted, type Ending, type ImageStream, type RunParts } from './data-faces.js';
import { HistoryPoster } from './data-history.js';
import { ReadingRun } from './data-reading.js';
import type { HistoryForm } from './data-variables.js';

export class ListRun extends ReadingRun {
  readonly done: Promise<Ending>;
  protected readonly job: TreeJob;
  readonly #form: HistoryForm;
  readonly #history: HistoryPoster;

  constructor(parts: RunParts, request: ListRequest, form: HistoryForm, stream: ImageStream) {
    super(parts, stream);
    this.#form = form;
    this.#history = new HistoryPoster(parts.posts, form);
    this.job = parts.trees.list(request, this.reader, {
      history: async (entries) => await this.#tell(entries),
      log: (said) => this.say(said),
    });
    this.done = this.#end();
  }

  async #tell(entries: readonly HistoryEntry[]): Promise<void> {
    for (const entry of entries) {
      await this.room();
      if (this.isAborted) return;
      if (this.#form === 'none') this.log.say('normal', `/${entry.path.toString()}`);
      else this.#history.add([entry]);
    }
  }
  async #end(): Promise<Ending> {
    const result = await this.job.done;
    const isLost = this.reader.isLost;
    if (!this.isAborted) this.reader.finish();
    if (this.isAborted || result.outcome === 'aborted') return this.aborted();
    this.#history.flush();
    if (result.outcome === 'failed')
      return this.failed(result.message ?? 'The image could not be read', isLost);
    this.log.say('normal', `The image holds ${counted(result.files, 'file')}`);
    return { reason: 'successful', text: 'Done' };
  }
}
