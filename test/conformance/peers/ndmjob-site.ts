/** A daemon of ours with an NDMP listener, a filer of other people's making beside it, and ndmjob to talk to both. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  agentText,
  buildNdmjobShim,
  describeTree,
  makeTree,
  type NdmjobAgent,
  type NdmjobAuth,
  Ndmjob,
  type NdmjobReport,
  type NdmpVersionNumber,
  startDaemon,
  startNdmjobFiler,
} from '#support';

/** Less than the tree holds, and more than half of it. */
const smallTape = '1M';
export const userName = 'dma';
export const secret = 'a secret of some length';

interface Cartridge {
  readonly barcode: string;
  readonly elementAddress: number;
}

/** What the conformance tests of one version share. */
export interface NdmjobSite {
  readonly version: NdmpVersionNumber;
  readonly ndmjob: Ndmjob;
  readonly folder: string;
  readonly ours: NdmjobAgent;
  /** Undefined without a C compiler. */
  readonly filer: NdmjobAgent | undefined;
  readonly tape: string;
  readonly robot: string;
  /** Element addresses. */
  readonly drive: number;
  readonly mailSlot: number;
  /** Slots with cartridges of usual size, and with small ones. */
  readonly slots: readonly [number, number];
  readonly smallSlots: readonly [number, number];
  readonly source: string;
  /** What the source is, as `describeTree` has it. */
  readonly sourceIs: readonly string[];
  close(): Promise<void>;
}

export async function openNdmjobSite(version: NdmpVersionNumber): Promise<NdmjobSite> {
  const ends: (() => unknown)[] = [];
  const t = { teardown: (end: () => unknown) => void ends.unshift(end) };
  const folder = await mkdtemp(join(tmpdir(), 'tapesilo-ndmjob-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const work = join(folder, 'work');
  const source = join(folder, 'source');
  for (const name of ['work', 'filer', 'source', 'out']) await mkdir(join(folder, name));
  await makeTree(source);
  const shim = await buildNdmjobShim(folder);
  const daemon = await startDaemon(t, join(folder, 'home'), ['--ndmp-listen', '127.0.0.1:0']);
  await daemon.jsonHere('ndmp', 'user', 'create', userName, '--secret', secret);
  await daemon.jsonHere('ndmp', 'root', 'add', folder);
  const devices = await daemon.jsonHere<{ name: string; kind: string }[]>('ndmp', 'device', 'list');
  const deviceOf = (kind: string): string => devices.find((one) => one.kind === kind)?.name ?? '';
  const small: number[] = [];
  for (const barcode of ['SM0001L8', 'SM0002L8']) {
    const create = ['tape', 'create', '--barcode', barcode, '--size', smallTape];
    const made = await daemon.jsonHere<Cartridge | readonly Cartridge[]>(...create);
    small.push(('barcode' in made ? made : made[0])?.elementAddress ?? 0);
  }
  const tapes = await daemon.jsonHere<Cartridge[]>('tape', 'list');
  const [first, second] = tapes.map(({ elementAddress }) => elementAddress);
  const { host, port } = daemon.ndmpPortal;
  const site = {
    version,
    ndmjob: new Ndmjob(work, shim),
    folder,
    ours: { host, port, user: userName, secret },
    filer: shim === undefined ? undefined : await startNdmjobFiler(t, join(folder, 'filer'), shim),
    tape: deviceOf('tape'),
    robot: deviceOf('changer'),
    slots: [first ?? 0, second ?? 0] as const,
    smallSlots: [small[0] ?? 0, small[1] ?? 0] as const,
    source,
    sourceIs: await describeTree(source),
    close: async () => {
      for (const end of ends) await end();
    },
  };
  const places = elementsIn(await site.ndmjob.run('-q', ...robotArgs(site)));
  return { ...site, ...places };
}

/** First drive and first mail slot, as ndmjob finds them in page 1Dh. */
function elementsIn({ text }: NdmjobReport): { drive: number; mailSlot: number } {
  const [, drive, mailSlot] = /drive \d+@(\d+) .*i\/e \d+@(\d+)/.exec(text) ?? [];
  if (drive === undefined) throw new Error(`No element addresses: ${text}`);
  return { drive: Number(drive), mailSlot: Number(mailSlot) };
}

// --- arguments --------------------------------------------------------------------------------------------------------

type Who = Pick<NdmjobSite, 'version' | 'ours'>;

export const tapeArgs = (site: Who & { tape: string }, auth: NdmjobAuth | 'unasked' = 'md5'): string[] => [
  '-T',
  agentText(site.ours, site.version, auth),
  '-f',
  site.tape,
];
export const robotArgs = (site: Who & { robot: string }): string[] => [
  '-R',
  agentText(site.ours, site.version),
  '-r',
  site.robot,
];
/** Our DATA service, on a connection of its own unless the tape's is given too. */
export const dataArgs = (site: Who): string[] => ['-D', agentText(site.ours, site.version)];
