/** MOVER requests and notices: between what travels and the mover. */
import type { ReplyOf, RequestName, RequestOf } from './messages.js';
import type { Mover, MoverNotices } from './mover.js';
import type { SessionContext } from './session.js';

type MoverName = Extract<RequestName, `mover${string}`>;
type MoverHandlers = {
  readonly [K in MoverName]: (
    session: { readonly mover: Mover },
    request: RequestOf<K>,
  ) => Promise<ReplyOf<K>>;
};

export const moverHandlers: MoverHandlers = {
  moverGetState: async ({ mover }) => await mover.getState(),
  moverListen: async ({ mover }, { mode, addrType }) => ({
    dataConnectionAddr: await mover.listen(mode, addrType),
  }),
  moverConnect: async ({ mover }, { mode, addr }) => await done(mover.connect(mode, addr)),
  moverContinue: async ({ mover }) => await done(mover.continue()),
  moverAbort: async ({ mover }) => await done(mover.abort()),
  moverStop: async ({ mover }) => await done(mover.stop()),
  moverClose: async ({ mover }) => await done(mover.close()),
  moverSetWindow: async ({ mover }, { offset, length }) => await done(mover.setWindow(offset, length)),
  moverRead: async ({ mover }, { offset, length }) => await done(mover.read(offset, length)),
  moverSetRecordSize: async ({ mover }, { len }) => await done(mover.setRecordSize(len)),
};
async function done(work: Promise<void>): Promise<object> {
  await work;
  return {};
}

/** Notices of the mover as posts; what went wrong is said in a LOG message too, because the notice of version 4 has no text. */
export const moverNotices = (session: Pick<SessionContext, 'post' | 'log'>): MoverNotices => ({
  paused(reason, seekPosition) {
    session.log.info('The mover pauses', { reason, seekPosition: String(seekPosition) });
    session.post('notifyMoverPaused', { reason, seekPosition });
  },
  halted(reason, text) {
    session.log.info('The mover has halted', { reason, why: text });
    if (reason === 'media-error' || reason === 'connect-error' || reason === 'internal-error') {
      const associated = { associatedMessageValid: 'no', associatedMessageSequence: 0 } as const;
      session.post('logMessage', { logType: 'error', messageId: 0, entry: `${text}\n`, ...associated });
    }
    session.post('notifyMoverHalted', { reason, textReason: text });
  },
});
