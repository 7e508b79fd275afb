/**
 * TextExchange: the Text Requests of one connection in full feature phase (RFC 7143 11.10, 11.11): sequences in several
 * PDUs in both directions, SendTargets, and the few keys that may change after login. One exchange at a time.
 */
import { ProtocolError } from '#errors';
import { textSequenceBytesMax } from '#limits';
import type { KeyValues } from './keys.table.js';
import { noTag, type FieldsOf } from './pdu.table.js';
import { formatText, Negotiator, parseText, TextSequence, type Pair } from './text.js';

export type TextRequest = FieldsOf<'textRequest'>;
export interface TextAnswer {
  readonly final: boolean;
  readonly continues: boolean;
  readonly transferTag: number;
  readonly text: Buffer;
}
export interface TextHost {
  readonly keys: KeyValues;
  /** Largest data segment that the initiator takes. */
  readonly segmentBytesMax: number;
  nextTransferTag(): number;
  /** Undefined when this session may not ask that. */
  sendTargets(what: string): Pair[] | undefined;
}

export class TextExchange {
  readonly #host: TextHost;
  readonly #sequence = new TextSequence();
  #transferTag = noTag;
  #unsent: Buffer = Buffer.alloc(0);

  constructor(host: TextHost) {
    this.#host = host;
  }

  /** Throws ProtocolError when the request does not belong here or is not text; the exchange is then over. */
  answer(request: TextRequest, data: Buffer): TextAnswer {
    try {
      return this.#step(request, data);
    } catch (error) {
      this.#reset();
      throw error;
    }
  }

  #step(request: TextRequest, data: Buffer): TextAnswer {
    // 11.10.4: a request without transfer tag begins anew, whatever was under way.
    if (request.targetTransferTag === noTag) this.#reset();
    else if (request.targetTransferTag !== this.#transferTag) {
      throw new ProtocolError('text-tag', 'There is no text exchange with this transfer tag');
    }
    if (request.continues && request.final)
      throw new ProtocolError('text', 'A text cannot end and go on at once');
    this.#sequence.add(data);
    if (request.continues) return this.#part(Buffer.alloc(0), false);
    if (this.#unsent.length > 0) {
      if (this.#sequence.take().length > 0)
        throw new ProtocolError('text', 'Text was sent in the middle of ours');
      const rest = this.#unsent;
      this.#unsent = Buffer.alloc(0);
      return this.#part(rest, request.final);
    }
    return this.#part(formatText(this.#answerTo(parseText(this.#sequence.take()))), request.final);
  }

  #answerTo(pairs: readonly Pair[]): Pair[] {
    const negotiator = new Negotiator(false, this.#host.keys);
    const answers: Pair[] = [];
    for (const pair of pairs) {
      if (pair.key !== 'SendTargets') answers.push(...negotiator.answer([pair], 'full-feature'));
      else answers.push(...(this.#host.sendTargets(pair.value) ?? [{ key: pair.key, value: 'Reject' }]));
    }
    return answers;
  }

  /** As much as fits into one PDU; the initiator fetches the rest with empty requests. */
  #part(text: Buffer, final: boolean): TextAnswer {
    const most = Math.min(this.#host.segmentBytesMax, textSequenceBytesMax);
    const continues = text.length > most;
    if (continues) this.#unsent = text.subarray(most);
    const ends = final && !continues;
    if (ends) this.#reset();
    else if (this.#transferTag === noTag) this.#transferTag = this.#host.nextTransferTag();
    return { final: ends, continues, transferTag: this.#transferTag, text: text.subarray(0, most) };
  }
  #reset(): void {
    this.#transferTag = noTag;
    this.#sequence.take();
    this.#unsent = Buffer.alloc(0);
  }
}
