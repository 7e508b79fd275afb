/** The daemon in this process, with a tape in its first drive: for what is asked of this process, such as a profile of its heap. */
import { type Process, realEnv, realProcess } from '#env';
import { serve } from '../../src/daemon/index.js';
import { cliHere } from '../support/cli-here.js';
import type { Ready } from '../support/daemon.js';

export interface ServedHere {
  /** Of the unit with the tape, as the client wants it. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

export async function serveHere(home: string, threads: number): Promise<ServedHere> {
  let stop = (): void => undefined;
  let served: Promise<number> | undefined;
  const text = await new Promise<string>((resolve, reject) => {
    const here: Process = {
      ...realProcess(),
      out: resolve,
      onSignal(_signal, listener) {
        stop = listener;
        return () => undefined;
      },
      onFatal: () => undefined,
    };
    const options = {
      home,
      listen: ['127.0.0.1:0'],
      announce: [],
      store: 'dedup',
      threads,
      json: true,
    } as const;
    served = serve(here, realEnv('error'), options);
    served.catch(reject);
  });
  const { portals, targets } = JSON.parse(text) as Ready;
  const json = async <T>(...args: string[]): Promise<T> => {
    const { status, stdout, stderr } = await cliHere([...args, '--home', home, '--json']);
    if (status !== 0) throw new Error(`tapesilo ${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };
  const tapes = await json<{ barcode: string }[]>('tape', 'list');
  await json('tape', 'move', tapes[0]?.barcode ?? '', '--to', 'drive0');
  return {
    url: `iscsi://127.0.0.1:${portals[0]?.port}/${targets[0]?.name}/1`,
    stop: async () => {
      stop();
      await served;
    },
  };
}
