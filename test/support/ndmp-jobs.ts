/** What a backup program does around a job of DATA and a mover, versions 3 and 4: on one connection, or between two. */
import { strict as assert } from 'node:assert';
import type { PostOf, RequestOf } from '#ndmp';
import type { NdmpClient } from './ndmp-client.js';

const allOnes = 0xffff_ffff_ffff_ffffn;

export interface NdmpRoute {
  readonly data: NdmpClient;
  /** The same connection: a LOCAL stream; another one: TCP. */
  readonly tape: NdmpClient;
  readonly device: string;
  readonly recordBytes: number;
}
export interface NdmpSaved {
  /** By path: where its header is in the image. */
  readonly places: ReadonlyMap<string, bigint>;
  readonly env: RequestOf<'dataStartRecover'>['env'];
  /** What the log said, errors and warnings marked. */
  readonly log: readonly string[];
  /** Bytes of whole records. */
  readonly bytes: bigint;
}
type Variables = Readonly<Record<string, string>>;
type Name = RequestOf<'dataStartRecover'>['nlist'][number];

const pvals = (variables: Variables): { name: string; value: string }[] =>
  Object.entries(variables).map(([name, value]) => ({ name, value }));
const local: RequestOf<'dataConnect'>['addr'] = { type: 'local' };

/** The tape stands where the image begins; the mover waits for DATA, which is connected to it. */
async function join({ data, tape, device, recordBytes }: NdmpRoute, mode: 'read' | 'write'): Promise<void> {
  await tape.must('tapeOpen', { device, mode: mode === 'read' ? 'read-write' : 'read' });
  await tape.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  await tape.must('moverSetRecordSize', { len: recordBytes });
  await tape.must('moverSetWindow', { offset: 0n, length: allOnes });
  const addrType = data === tape ? 'local' : 'tcp';
  const { dataConnectionAddr } = await tape.must('moverListen', { mode, addrType });
  await data.must('dataConnect', { addr: data === tape ? local : dataConnectionAddr });
}
async function leave({ data, tape }: NdmpRoute): Promise<void> {
  await data.must('dataStop', {});
  await tape.must('moverStop', {});
  await tape.must('tapeClose', {});
}

/** A backup to the beginning of the tape, with two filemarks behind it. Throws unless both sides end well. */
export async function ndmpBackup(route: NdmpRoute, variables: Variables): Promise<NdmpSaved> {
  const { data, tape } = route;
  const before = data.posts.length;
  await join(route, 'read');
  await data.must('dataStartBackup', { mover: local, buType: 'tar', env: pvals(variables) });
  const { reason } = await data.nextPost('notifyDataHalted');
  const halted = await tape.nextPost('notifyMoverHalted');
  const { bytesMoved } = await tape.must('moverGetState', {});
  const { env } = await data.must('dataGetEnv', {});
  await tape.must('tapeMtio', { tapeOp: 'eof', count: 2 });
  await leave(route);
  const log = logOf(data, before);
  assert.equal(reason, 'successful', log.join(''));
  assert.equal(halted.reason, 'connect-closed');
  return { places: placesOf(data, before), env, log, bytes: bytesMoved };
}

/** Recovers `names` (all if there are none) from an image at the beginning of the tape. */
export async function ndmpRecover(
  route: NdmpRoute,
  { env }: Pick<NdmpSaved, 'env'>,
  variables: Variables,
  names: readonly Name[] = [],
): Promise<readonly string[]> {
  const { data, tape } = route;
  const before = data.posts.length;
  await join(route, 'write');
  const own = new Set(Object.keys(variables));
  await data.must('dataStartRecover', {
    mover: local,
    buType: 'tar',
    env: [...env.filter(({ name }) => !own.has(name)), ...pvals(variables)],
    nlist: [...names],
  });
  const { reason } = await relayReads(route);
  await tape.must('moverClose', {}); // it may be paused at the filemark, waiting for another tape
  await tape.nextPost('notifyMoverHalted');
  await leave(route);
  const log = logOf(data, before);
  assert.equal(reason, 'successful', log.join(''));
  return log;
}
/** What DATA asks for over TCP, the mover is told to read; until DATA halts. */
async function relayReads({ data, tape }: NdmpRoute): Promise<PostOf<'notifyDataHalted'>> {
  for (;;) {
    const { name, body } = await data.nextOf(['notifyDataRead', 'notifyDataHalted']);
    if (name === 'notifyDataHalted') return body as PostOf<'notifyDataHalted'>;
    await tape.must('moverRead', body as PostOf<'notifyDataRead'>);
  }
}

/** A name of version 4, to be restored as `destination`. */
export const nameToRecover = (path: string, destination: string, fhInfo = allOnes): Name => ({
  originalPath: Buffer.from(path),
  destinationPath: Buffer.from(destination),
  name: Buffer.alloc(0),
  otherName: Buffer.alloc(0),
  ssid: 0,
  node: allOnes,
  fhInfo,
});

function logOf({ posts }: NdmpClient, before: number): string[] {
  return posts.slice(before).flatMap((post) => {
    if (post.name !== 'logMessage') return [];
    const { logType, entry } = post.body as PostOf<'logMessage'>;
    return [logType === 'normal' ? entry : `${logType}: ${entry}`];
  });
}
/** Of a history by path. */
function placesOf({ posts }: NdmpClient, before: number): Map<string, bigint> {
  const places = new Map<string, bigint>();
  for (const post of posts.slice(before)) {
    if (post.name !== 'fhAddFile') continue;
    const { files } = post.body as PostOf<'fhAddFile'>;
    for (const { names, fhInfo } of files) places.set(String(names[0]?.path), fhInfo);
  }
  return places;
}
