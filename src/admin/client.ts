/** AdminClient: asks the daemon of a home. */
import { ProtocolError, RefusedError, StoreError } from '#errors';
import type { Env, Link } from '#env';
import { findSocket } from './home.js';
import {
  AdminError,
  encodeLine,
  Lines,
  parseReply,
  type Reply,
  replyBytesMax,
  type Success,
} from './protocol.js';

export class AdminClient {
  readonly #env: Pick<Env, 'disk' | 'net' | 'clock'>;
  readonly #home: string;

  constructor(env: Pick<Env, 'disk' | 'net' | 'clock'>, home: string) {
    this.#env = env;
    this.#home = home;
  }

  /** Does a verb. Throws AdminError with what the daemon refused, RefusedError 'unreachable' when none answers. */
  async call(verb: string, input: Readonly<Record<string, unknown>>): Promise<Success> {
    const link = await this.#connect();
    try {
      const reply = await ask(link, encodeLine({ verb, input }));
      if (reply.ok) return reply;
      throw new AdminError(reply.error.code, reply.error.message, reply.error.facts);
    } finally {
      link.destroy();
    }
  }

  async #connect(): Promise<Link> {
    try {
      return await this.#env.net.connectPath(await findSocket(this.#env.disk, this.#home));
    } catch (cause) {
      throw unreachable(this.#home, cause);
    }
  }
}

function unreachable(home: string, cause: unknown): RefusedError {
  const errno = cause instanceof StoreError ? cause.facts['errno'] : (cause as NodeJS.ErrnoException).code;
  if (errno === 'EACCES' || errno === 'EPERM') {
    return new RefusedError(
      'unauthorized',
      `You may not use the daemon of ${home}: run the command as the user that runs it`,
      { home },
      { cause },
    );
  }
  return new RefusedError(
    'unreachable',
    `No daemon runs on ${home}: start one with \`tapesilo serve --home ${home}\`, or name its home with --home`,
    { home, errno },
    { cause },
  );
}

async function ask(link: Link, request: Buffer): Promise<Reply> {
  const lines = new Lines(replyBytesMax);
  return await new Promise<Reply>((resolve, reject) => {
    link.start({
      data(chunk) {
        try {
          const [line] = lines.push(chunk);
          if (line !== undefined) resolve(parseReply(line));
        } catch (error) {
          reject(error instanceof Error ? error : new ProtocolError('no-reply', String(error)));
        }
      },
      closed(cause) {
        reject(new RefusedError('unreachable', 'The daemon went away before it answered', {}, { cause }));
      },
    });
    link.write([request]);
  });
}
