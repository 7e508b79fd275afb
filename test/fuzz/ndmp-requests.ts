/**
 * NDMP requests of chance, mostly sensible: one maker for each message. Values that handlers judge themselves are wrong now and
 * then; bytes are bent elsewhere (`ndmp.fuzz.ts`).
 */
import type { MessageName, NdmpVersion, RequestName, RequestOf } from '#ndmp';
import type { SimRandom } from '../sim/sim-random.js';

/** What requests may speak of. */
export interface NdmpWorld {
  readonly dice: SimRandom;
  readonly version: NdmpVersion;
  readonly tapes: readonly string[];
  readonly changers: readonly string[];
  /** Address of another listener, of nobody, of a stranger. */
  readonly endpoints: () => readonly { readonly host: string; readonly port: number }[];
  /** Answers to a challenge: the right one sometimes. */
  readonly authData: () => RequestOf<'connectClientAuth'>['authData'];
  readonly roots: readonly string[];
}
type Maker<K extends MessageName> = (world: NdmpWorld) => RequestOf<K>;
type Makers = { readonly [K in RequestName]: Maker<K> };

const allOnes = 0xffff_ffff_ffff_ffffn;
const nothing = (): Record<string, never> => ({});

const text = ({ dice }: NdmpWorld): string =>
  dice.pick(['', 'x', 'a'.repeat(dice.integer(300)), '\u{1F4FC}', '/', '../..', 'LEVEL', '\0']);
const device = (world: NdmpWorld, likely: readonly string[]): string => {
  const { dice, tapes, changers } = world;
  return dice.chance(0.85) ? dice.pick(likely) : dice.pick([...tapes, ...changers, 'nobody', text(world)]);
};
const u32 = ({ dice }: NdmpWorld): number =>
  dice.pick([0, 1, 2, 512, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, dice.integer(2 ** 32), dice.integer(100)]);
const quad = ({ dice }: NdmpWorld): bigint =>
  dice.pick([0n, 0n, 1n, 512n, 10_240n, 1n << 20n, 1n << 63n, allOnes, BigInt(dice.integer(100_000))]);
/** In records of the usual sizes, so that windows are often legal. */
const offset = (world: NdmpWorld): bigint =>
  world.dice.chance(0.7) ? 512n * BigInt(world.dice.integer(64)) : quad(world);
const length = (world: NdmpWorld): bigint =>
  world.dice.pick([0n, allOnes, allOnes, 512n * BigInt(world.dice.between(1, 200)), quad(world)]);
const strange = ({ dice }: NdmpWorld): { unknown: number } => ({ unknown: dice.pick([9, 123, 0xffff_ffff]) });

const addressType = (world: NdmpWorld): RequestOf<'moverListen'>['addrType'] =>
  world.dice.chance(0.05)
    ? strange(world)
    : world.dice.pick(['tcp', 'tcp', 'local', ...(world.version === 3 ? (['fc', 'ipc'] as const) : [])]);
const moverMode = (world: NdmpWorld): RequestOf<'moverListen'>['mode'] =>
  world.dice.chance(0.05) ? strange(world) : world.dice.pick(['read', 'read', 'write', 'write']);
function address(world: NdmpWorld): RequestOf<'dataConnect'>['addr'] {
  const { dice, version } = world;
  if (dice.chance(0.3)) return { type: 'local' };
  if (dice.chance(0.03)) return { type: 'unknown', number: 77 };
  if (dice.chance(0.03) && version === 3) return { type: 'ipc', data: dice.bytes(dice.integer(20)) };
  const count = version === 4 ? dice.pick([0, 1, 1, 1, 2, 3]) : 1;
  const endpoints = Array.from({ length: count }, () => ({ ...dice.pick(world.endpoints()), env: [] }));
  return { type: 'tcp', endpoints };
}

const flags = ['y', 'n', 'T', '1', '0', 'f', 'd', 'maybe', ''];
function variables(world: NdmpWorld): { name: string; value: string }[] {
  const { dice } = world;
  const likely: [string, () => string][] = [
    ['FILESYSTEM', () => dice.pick(world.roots)],
    ['PREFIX', () => dice.pick(world.roots)],
    ['HIST', () => dice.pick(flags)],
    ['TYPE', () => dice.pick(['tar', 'dump', 'zip'])],
    ['LEVEL', () => dice.pick(['0', '1', '9', '10', '-1', 'x'])],
    ['UPDATE', () => dice.pick(flags)],
    ['DIRECT', () => dice.pick(flags)],
    ['RECURSIVE', () => dice.pick(flags)],
    ['EXCLUDE', () => dice.pick(['*.o', '*', '**/x', '['])],
    ['FILES', () => dice.pick(['a', '../..', '/etc', 'sub'])],
    ['BASE_DATE', () => dice.pick(['0', '1', 'ffffffffffff', ''])],
    ['DUMP_DATE', () => dice.pick(['0', '99999999999999999999'])],
    ['USER', () => text(world)],
  ];
  const chosen = likely.filter(([name]) => dice.chance(name === 'FILESYSTEM' ? 0.95 : 0.12));
  const odd = dice.chance(0.1) ? [{ name: text(world), value: text(world) }] : [];
  return [...chosen.map(([name, value]) => ({ name, value: value() })), ...odd];
}
const buType = ({ dice }: NdmpWorld): string =>
  dice.pick(['tar', 'tar', 'tar', 'tar', 'tar', 'tar', 'dump', 'cpio', '']);
function recovery(world: NdmpWorld): RequestOf<'dataStartRecover'> {
  const { dice } = world;
  const path = (): Buffer => Buffer.from(dice.pick(['/', '', 'f0', '/f1', 'sub/f2', '../f0', text(world)]));
  const names = Array.from({ length: dice.integer(4) }, () => ({
    originalPath: path(),
    destinationPath: path(),
    name: dice.chance(0.5) ? Buffer.alloc(0) : path(),
    otherName: Buffer.alloc(0),
    ssid: 0,
    node: dice.chance(0.5) ? allOnes : quad(world),
    fhInfo: dice.pick([allOnes, 0n, offset(world)]),
  }));
  return { mover: address(world), env: variables(world), nlist: names, buType: buType(world) };
}

/** Commands that a changer and a drive may well execute; most move nothing. */
const CDBS = [
  '000000000000',
  '120000006000',
  '1a081d00ff00',
  'b8100000ffff000020000000',
  'a50000000000000000000000',
  '030000001200',
  '010000000000',
  '080000040000',
  '0a0000020000',
  '1b0000000000',
  '160000000000',
  '5e000000000000ffff00',
  'ff0000000000',
];
function cdb(world: NdmpWorld): RequestOf<'scsiExecuteCdb'> {
  const { dice } = world;
  const bytes = Buffer.from(dice.pick(CDBS), 'hex');
  if (dice.chance(0.2)) bytes[dice.integer(bytes.length)] = dice.integer(256);
  return {
    flags: dice.pick([0, 1, 1, 2, 3, u32(world)]),
    timeout: dice.pick([0, 1000, 60_000, u32(world)]),
    datainLen: dice.pick([0, 96, 255, 8192, 65_536, u32(world)]),
    cdb: dice.chance(0.05) ? dice.bytes(dice.integer(40)) : bytes,
    dataout: dice.bytes(dice.pick([0, 0, 0, 12, 512])),
  };
}

export const MAKERS: Makers = {
  connectOpen: ({ dice, version }) => ({
    protocolVersion: dice.chance(0.9) ? version : dice.pick([0, 1, 5, 0xffff]),
  }),
  connectClientAuth: ({ authData }) => ({ authData: authData() }),
  connectServerAuth: ({ dice }) => ({
    clientAttr: dice.pick([{ type: 'none' }, { type: 'md5', challenge: dice.bytes(64) }] as const),
  }),
  configGetHostInfo: nothing,
  configGetButypeAttr: (world) => ({ name: buType(world) }),
  configGetConnectionType: nothing,
  configGetAuthAttr: (world) => ({
    authType: world.dice.chance(0.1) ? strange(world) : world.dice.pick(['md5', 'md5', 'text', 'none']),
  }),
  configGetButypeInfo: nothing,
  configGetFsInfo: nothing,
  configGetTapeInfo: nothing,
  configGetScsiInfo: nothing,
  configGetServerInfo: nothing,
  configSetExtList: ({ dice }) => ({
    selectedExt: Array.from({ length: dice.integer(3) }, () => ({
      classId: dice.pick([0x2050, 0x2051, 0x2051, 7]),
      version: dice.integer(3),
    })),
  }),
  configGetExtList: nothing,
  scsiOpen: (world) => ({ device: device(world, world.changers) }),
  scsiClose: nothing,
  scsiGetState: nothing,
  scsiSetTarget: (world) => ({
    device: device(world, world.changers),
    targetController: world.dice.integer(3),
    targetId: world.dice.integer(3),
    targetLun: world.dice.integer(3),
  }),
  scsiResetDevice: nothing,
  scsiResetBus: nothing,
  scsiExecuteCdb: cdb,
  tapeOpen: (world) => ({
    device: device(world, world.tapes),
    mode: world.dice.chance(0.05)
      ? strange(world)
      : world.dice.pick(['read', 'read-write', 'read-write', 'read-write', 'raw']),
  }),
  tapeClose: nothing,
  tapeGetState: nothing,
  tapeMtio: (world) => ({
    tapeOp: world.dice.chance(0.05)
      ? strange(world)
      : world.dice.pick(['fsf', 'bsf', 'fsr', 'bsr', 'rew', 'rew', 'eof', 'off']),
    count: world.dice.pick([0, 1, 1, 1, 2, 100, u32(world)]),
  }),
  tapeWrite: ({ dice }) => ({ dataOut: dice.bytes(dice.pick([0, 1, 512, 512, 10_240, 65_537])) }),
  tapeRead: (world) => ({ count: world.dice.pick([0, 1, 512, 10_240, 65_536, u32(world)]) }),
  tapeExecuteCdb: cdb,
  dataGetState: nothing,
  dataStartBackup: (world) => ({ mover: address(world), buType: buType(world), env: variables(world) }),
  dataStartRecover: recovery,
  dataAbort: nothing,
  dataGetEnv: nothing,
  dataStop: nothing,
  dataListen: (world) => ({ addrType: addressType(world) }),
  dataConnect: (world) => ({ addr: address(world) }),
  dataStartRecoverFilehist: recovery,
  moverGetState: nothing,
  moverListen: (world) => ({ mode: moverMode(world), addrType: addressType(world) }),
  moverContinue: nothing,
  moverAbort: nothing,
  moverStop: nothing,
  moverSetWindow: (world) => ({ offset: offset(world), length: length(world) }),
  moverRead: (world) => ({ offset: offset(world), length: length(world) }),
  moverClose: nothing,
  moverSetRecordSize: (world) => ({
    len: world.dice.pick([512, 512, 10_240, 65_536, 1_048_576, 777, 0, u32(world)]),
  }),
  moverConnect: (world) => ({ mode: moverMode(world), addr: address(world) }),
};

/** How often a message is sent; those not named have 1. */
export const WEIGHTS: Partial<Readonly<Record<RequestName, number>>> = {
  tapeOpen: 4,
  tapeMtio: 4,
  tapeWrite: 4,
  tapeRead: 3,
  moverListen: 5,
  moverConnect: 3,
  moverContinue: 4,
  moverSetWindow: 4,
  moverRead: 4,
  moverAbort: 2,
  moverStop: 5,
  moverClose: 2,
  moverSetRecordSize: 3,
  dataListen: 3,
  dataConnect: 4,
  dataStartBackup: 5,
  dataStartRecover: 3,
  dataAbort: 2,
  dataStop: 5,
  scsiOpen: 2,
  scsiExecuteCdb: 3,
};
