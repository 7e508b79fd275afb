/**
 * Dispatch: one message of a client becomes its reply. What a row of the tables says is checked here, once, before any handler:
 * that the version has the message, that the client may send it, that its body is one.
 *
 * Two levels of refusal (spec4 2.6.2): the header's error when the message itself could not be taken, and then there is no body;
 * else the reply's own, and the body is complete.
 */
import type { Logger } from '#env';
import { CanceledError } from '#errors';
import { NdmpError, type NdmpErrorName, Status } from './errors.table.js';
import { type Exchange, HANDLERS } from './handlers.js';
import type { NdmpHeader } from './header.js';
import { type Slices, writeBody } from './message.js';
import {
  decodeRequest,
  encodeRefusal,
  encodeReply,
  isRequest,
  messageOf,
  type RequestName,
  rowOf,
} from './messages.js';
import type { NdmpSession } from './session.js';
import { type NdmpVersion, XdrError } from './xdr.js';

/** What goes back; undefined: nothing does. `close`: the client is leaving. */
export type Response =
  | { readonly kind: 'reply'; readonly error: number; readonly body: Slices; readonly sent: () => void }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'close' };

const nothing: Response = { kind: 'nothing' };
const noBody: Slices = [];

/** The number of an error in the header. */
export const numberOf = (name: NdmpErrorName, version: NdmpVersion): number =>
  Buffer.concat(writeBody(Status, name, version)).readUInt32BE(0);

const refusedByHeader = (name: NdmpErrorName, version: NdmpVersion): Response => ({
  kind: 'reply',
  error: numberOf(name, version),
  body: noBody,
  sent: () => undefined,
});

/** What the header alone decides: the request that is to be handled, or what goes back. */
function gate({ connect, version }: NdmpSession, header: NdmpHeader): RequestName | Response {
  if (header.type === 'reply') return nothing; // nobody was asked anything
  const name = messageOf(header.code, version);
  if (name === undefined) return refusedByHeader('not-supported', version);
  if (name === 'connectClose') return { kind: 'close' };
  if (!isRequest(name)) return nothing; // what servers say; such messages are never answered
  if (name !== 'connectOpen') connect.assumeOpen();
  if (rowOf(name).needs === 'authorized' && !connect.isAuthorized)
    return refusedByHeader('not-authorized', version);
  return name;
}

/** A message that was longer than the client may send, or than there was memory for. */
export function tooLong(session: NdmpSession, header: NdmpHeader, why: 'xdr-decode' | 'no-mem'): Response {
  const name = gate(session, header);
  return typeof name === 'string' ? refusedByHeader(why, session.version) : name;
}

/** Never rejects. */
export async function dispatch(session: NdmpSession, header: NdmpHeader, body: Buffer): Promise<Response> {
  const { version } = session;
  const name = gate(session, header);
  if (typeof name !== 'string') return name;
  try {
    return await handled(session, name, body);
  } catch (error) {
    if (!(error instanceof XdrError)) throw error;
    session.log.debug('A message could not be read', { name, why: error.message });
    return refusedByHeader(error.code === 'unencodable' ? 'xdr-encode' : 'xdr-decode', version);
  }
}

async function handled<K extends RequestName>(
  session: NdmpSession,
  name: K,
  body: Buffer,
): Promise<Response> {
  const request = decodeRequest(name, body, session.version);
  const releases: (() => void)[] = [];
  const exchange: Exchange = { whenSent: (release) => releases.push(release) };
  const sent = (): void => {
    for (const release of releases) release();
  };
  try {
    const reply = await HANDLERS[name](session, request, exchange);
    return { kind: 'reply', error: 0, body: encodeReply(name, reply, session.version), sent };
  } catch (error) {
    sent();
    if (error instanceof XdrError) throw error;
    const refusal = refusalOf(error, session.log, name);
    return {
      kind: 'reply',
      error: 0,
      body: encodeRefusal(name, refusal, session.version),
      sent: () => undefined,
    };
  }
}

function refusalOf(error: unknown, log: Logger, name: RequestName): NdmpErrorName {
  if (error instanceof NdmpError) {
    log.debug('Refused', { name, error: error.code, why: error.message });
    return error.code;
  }
  if (error instanceof CanceledError) return 'io';
  log.error('A request failed unexpectedly', { name, error: String((error as Error).stack) });
  return 'undefined';
}
