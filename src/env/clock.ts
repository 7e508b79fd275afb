/** The real clock; the only timers of the product. */
import { CanceledError } from '../errors.js';
import type { Clock } from './env.js';

/** Node fires at once what lies further ahead: a peer that gives FFFFFFFFh milliseconds means to wait for ever. */
const delayMsMax = 0x7fff_ffff;

export const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(delayMs, delayMsMax));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  async sleep(delayMs, signal) {
    // Timers that come due while others run go before all sockets: work in pieces would let nobody in.
    if (delayMs === 0) return await new Promise<void>((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(new CanceledError('Sleep was canceled'));
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
        Math.min(delayMs, delayMsMax),
      );
      if (signal?.aborted === true) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  },
};
