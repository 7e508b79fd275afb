/**
 * Fuzz of the iSCSI target, in process: logins and PDUs made from the tables, then bent, cut and broken off anywhere.
 *
 * Oracle: nothing is logged as unexpected; what the target sends is well-formed and in order; when all peers have gone, no
 * session, connection, timer, gather memory or lent data is left; nobody gets in without the secret; a good client is
 * still served. The same seed is the same run.
 */
import { strict as assert } from 'node:assert';
import type { Env, Link, Logger, Net } from '#env';
import { realEnv } from '#env';
import { formatText, IscsiServer, KEYS, noTag, type Pair, PDU, type PduName, STAGE } from '#iscsi';
import { formatLun, TargetDevice } from '#scsi';
import { SlabPool } from '#wire';
import { SimRandom } from '../sim/sim-random.js';
// Not through their face, which needs a test runner: this runs by itself too.
import { FakeDisk } from '../support/fake-disk.js';
import { Initiator } from '../support/initiator.js';
import { makeHeader } from '../support/pdu-peer.js';
import { HandClock, openAccess, targetName } from '../support/iscsi-target.js';
import { linkPair } from '../support/link-pair.js';

const guardedName = 'iqn.2026-01.test:guarded';
const blocksMax = 48;
const requestNames = Object.entries(PDU).flatMap(([name, { from }]) =>
  from === 'initiator' ? [name as PduName] : [],
);
const keyNames = [
  ...Object.keys(KEYS),
  'CHAP_A',
  'CHAP_I',
  'CHAP_C',
  'CHAP_N',
  'CHAP_R',
  'X-other',
  'Nonsense',
];
const values = ['Yes', 'No', 'None', 'CRC32C', 'CRC32C,None', 'CHAP', 'CHAP,None', '0', '1', '512', '65536', '0xffffff', 'All', '', '5', '0x00', 'Reject', 'Irrelevant', targetName, guardedName, '~', '\u00e9']; // prettier-ignore
const opcodes = [
  0x00, 0x03, 0x12, 0x1a, 0x28, 0x2a, 0x25, 0x5e, 0x5f, 0xa0, 0xa3, 0x9e, 0x4d, 0x16, 0x7f, 0xff,
];

export interface FuzzResult {
  /** PDUs sent. */
  readonly inputs: number;
  readonly conversations: number;
  /** Conversations that got past login. */
  readonly sessions: number;
}

/** Errors of the product's log; a debug or info line is no error. */
class ErrorLog implements Logger {
  readonly errors: string[] = [];
  facility(): Logger {
    return this;
  }
  error(message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.errors.push(`${message} ${JSON.stringify(facts)}`);
  }
  debug(): void {
    return;
  }
  info(): void {
    return;
  }
  warn(): void {
    return;
  }
}

const settle = async (): Promise<void> => await new Promise((resolve) => void setImmediate(resolve));

class World {
  readonly dice: SimRandom;
  readonly log = new ErrorLog();
  readonly clock = new HandClock();
  readonly pool = new SlabPool({ blockBytes: 256 * 1024, blocksMax });
  readonly server: IscsiServer;
  readonly disks: readonly FakeDisk[];
  accept: (link: Link) => void = () => undefined;

  constructor(seed: number) {
    this.dice = new SimRandom(seed);
    const net = { listen: async (_: unknown, accept: (link: Link) => void) => await this.#listen(accept) };
    const env: Env = {
      ...realEnv(),
      clock: this.clock,
      random: this.dice,
      log: this.log,
      net: net as unknown as Net,
    };
    this.server = new IscsiServer({ env, pool: this.pool });
    const device = new TargetDevice(this.log);
    this.disks = [new FakeDisk(4096, env), new FakeDisk(64, env)];
    for (const [lun, disk] of this.disks.entries()) device.plug(lun, disk);
    this.server.addTarget({ name: targetName, alias: 'fuzzed', device, access: openAccess });
    const secretOf = (): Buffer => Buffer.from('nobody guesses this');
    const access = { ...openAccess, chap: () => ({ secretOf }) };
    this.server.addTarget({ name: guardedName, alias: '', device: new TargetDevice(this.log), access });
  }
  async #listen(accept: (link: Link) => void): ReturnType<Net['listen']> {
    this.accept = accept;
    return await Promise.resolve({
      address: { host: '192.0.2.2', port: 3260 },
      close: async () => await Promise.resolve(),
    });
  }
  async start(): Promise<void> {
    await this.server.addPortal({ address: { host: '192.0.2.2', port: 3260 }, groupTag: 1 });
  }
  connect(): Initiator {
    const small = this.dice.chance(0.3);
    const { near, far } = linkPair((length) =>
      small ? this.dice.between(1, 64) : this.dice.between(1, length + 1),
    );
    const initiator = new Initiator(near);
    initiator.checksDataSN = false;
    this.accept(far);
    return initiator;
  }

  // --- what is sent -------------------------------------------------------------------------------------------------------

  number(bytes: number): number {
    const max = 2 ** (8 * bytes) - 1;
    return this.dice.pick([
      0,
      1,
      this.dice.integer(8),
      max,
      max - 1,
      this.dice.between(0, max),
      512,
      0x8000_0000 % (max + 1),
    ]);
  }
  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.dice.integer(256)));
  }
  cdb(): Buffer {
    const cdb = this.dice.chance(0.8) ? Buffer.alloc(16) : this.bytes(16);
    cdb[0] = this.dice.pick(opcodes);
    cdb[8] = this.dice.integer(16);
    for (let flips = this.dice.integer(4); flips > 0; flips--)
      cdb[this.dice.integer(16)] = this.dice.integer(256);
    return cdb;
  }
  text(): Buffer {
    const count = this.dice.chance(0.05) ? 200 : this.dice.integer(6);
    const pairs: Pair[] = Array.from({ length: count }, () => ({
      key: this.dice.pick(keyNames),
      value: this.dice.pick(values),
    }));
    const text = formatText(pairs);
    return this.dice.chance(0.2) ? this.bend(text) : text;
  }
  /** Some bytes changed, some cut off. */
  bend(bytes: Buffer): Buffer {
    const bent = Buffer.from(bytes);
    for (let flips = this.dice.between(1, 3); flips > 0 && bent.length > 0; flips--) {
      bent[this.dice.integer(bent.length)] = this.dice.integer(256);
    }
    return this.dice.chance(0.3) ? bent.subarray(0, this.dice.integer(bent.length + 1)) : bent;
  }
  lun(): Buffer {
    return this.dice.chance(0.9) ? formatLun(this.dice.integer(3)) : this.bytes(8);
  }

  /** One PDU for this peer: plausible more often than not. */
  pdu(peer: Initiator, transferTags: readonly { tag: number; transferTag: number }[]): Buffer {
    const name = this.dice.chance(0.5)
      ? this.dice.pick(['scsiCommand', 'dataOut'] as const)
      : this.dice.pick(requestNames);
    const asked = transferTags.length > 0 && this.dice.chance(0.7) ? this.dice.pick(transferTags) : undefined;
    const random = Object.entries(PDU[name].bhs.fields).map(([field, { kind, span, high, low }]) => {
      if (kind === 'flag') return [field, this.dice.chance(0.5)];
      if (kind === 'bytes') return [field, this.bytes(span)];
      return [field, span === 1 ? this.dice.integer(2 ** (high - low + 1)) : this.number(span)];
    });
    const likely = {
      opcode: PDU[name].opcode,
      totalAhsLength: 0,
      initiatorTaskTag: asked?.tag ?? this.dice.pick([1, 2, 3, this.dice.integer(30), noTag]),
      targetTransferTag: asked?.transferTag ?? this.dice.pick([noTag, 1, this.number(4)]),
      cmdSN: this.dice.chance(0.9) ? peer.cmdSN : (peer.cmdSN + this.dice.integer(6) - 2) >>> 0,
      expStatSN: peer.expStatSN,
      lun: this.lun(),
      cdb: this.cdb(),
      final: this.dice.chance(0.8),
      immediate: this.dice.chance(0.1),
      bufferOffset: this.dice.pick([0, 512, 1024, this.number(4)]),
      expectedDataTransferLength: this.dice.pick([0, 512, 4096, 100_000, this.number(4)]),
      reason: this.dice.pick([1, 2, 9, this.dice.chance(0.1) ? 0 : 3]),
    };
    const known = PDU[name].bhs.fields;
    const kind = this.dice.pick(['none', 'in', 'out', 'odd'] as const);
    if (name === 'scsiCommand' && kind !== 'odd') Object.assign(likely, this.command(kind));
    if (name === 'taskManagementRequest') Object.assign(likely, this.management());
    const chosen = Object.entries(likely).filter(([field]) => field in known && this.dice.chance(0.95));
    const data =
      name === 'scsiCommand' && (kind === 'none' || kind === 'in') ? Buffer.alloc(0) : this.data(name);
    const ahs = this.dice.chance(0.03) ? this.bytes(this.dice.integer(4) * 4) : Buffer.alloc(0);
    const fields = { ...Object.fromEntries(random), ...Object.fromEntries(chosen) };
    const lengths = { dataSegmentLength: data.length, totalAhsLength: ahs.length / 4 };
    const bytes = peer.encode(name, { ...fields, ...lengths } as never, { data, ahs });
    const numbered = PDU[name].numbered && fields['immediate'] === false && fields['cmdSN'] === peer.cmdSN;
    if (numbered) peer.cmdSN = (peer.cmdSN + 1) >>> 0;
    return this.dice.chance(0.01) ? this.bend(bytes) : bytes;
  }
  /** Fields of a command that may well be executed. */
  command(kind: 'none' | 'in' | 'out'): Readonly<Record<string, unknown>> {
    const cdb = this.cdb();
    const blocks = this.dice.integer(20);
    if (kind === 'out') Buffer.from([0x2a, 0, 0, 0, 0, this.dice.integer(80), 0, 0, blocks, 0]).copy(cdb);
    if (kind === 'in') Buffer.from([this.dice.pick([0x28, 0x12]), 0, 0, 0, 36, 0, 0, 0, blocks, 0]).copy(cdb);
    return {
      cdb,
      read: kind === 'in',
      write: kind === 'out',
      final: kind !== 'out' || this.dice.chance(0.7),
      expectedDataTransferLength:
        kind === 'none' ? 0 : this.dice.pick([blocks * 512, blocks * 512, 512, 4096, 300_000]),
      initiatorTaskTag: this.dice.integer(1000),
      lun: formatLun(this.dice.integer(3)),
    };
  }
  management(): Readonly<Record<string, unknown>> {
    return {
      function: this.dice.chance(0.9) ? this.dice.between(1, 8) : this.dice.integer(128),
      referencedTaskTag: this.dice.integer(1000),
      lun: formatLun(this.dice.integer(3)),
    };
  }
  data(name: PduName): Buffer {
    if (name === 'textRequest' || name === 'loginRequest') return this.text();
    if (name === 'scsiCommand' && this.dice.chance(0.5)) return Buffer.alloc(0);
    return Buffer.alloc(this.dice.pick([0, 1, 511, 512, 1024, 4096, this.dice.integer(3000)]));
  }

  // --- conversations ------------------------------------------------------------------------------------------------------

  /** A login that may go well; true when it did. */
  async login(peer: Initiator): Promise<boolean> {
    const keys = Object.fromEntries(
      [
        ['InitialR2T', this.dice.pick(['Yes', 'No'])],
        ['ImmediateData', this.dice.pick(['Yes', 'No'])],
        ['MaxOutstandingR2T', this.dice.pick(['1', '8'])],
        ['MaxBurstLength', this.dice.pick(['512', '4096', '262144'])],
        ['FirstBurstLength', this.dice.pick(['512', '65536'])],
        ['DataPDUInOrder', this.dice.pick(['Yes', 'No'])],
        ['HeaderDigest', this.dice.pick(['None', 'CRC32C'])],
        ['DataDigest', this.dice.pick(['None', 'CRC32C'])],
        ['MaxRecvDataSegmentLength', this.dice.pick(['512', '65536'])],
      ].filter(() => this.dice.chance(0.5)),
    );
    for (const disk of this.disks) disk.go(); // a session that is replaced ends first, and its commands with it
    const target = this.dice.chance(0.8) ? { target: targetName } : {};
    const isid = Buffer.from([0, 2, 0x3d, 0, 0, this.dice.integer(3)]);
    await peer.login({ ...target, keys, isid });
    return true;
  }
  /** Logins that are not as they should be. Gives the number of PDUs. */
  async badLogins(peer: Initiator): Promise<number> {
    const count = this.dice.between(1, 12);
    for (let sent = 0; sent < count; sent++) {
      const who: Pair[] = [
        { key: 'InitiatorName', value: 'iqn.2026-01.test:fuzz' },
        { key: 'TargetName', value: this.dice.pick([targetName, guardedName]) },
      ];
      const text =
        this.dice.chance(0.7) && sent === 0 ? Buffer.concat([formatText(who), this.text()]) : this.text();
      const data = text.subarray(0, this.dice.chance(0.95) ? 8192 : 20_000);
      const currentStage = this.dice.pick([STAGE.security, STAGE.security, STAGE.operational, 2, 3]);
      const fields = {
        immediate: true,
        currentStage: sent === 0 || this.dice.chance(0.3) ? currentStage : STAGE.security,
        nextStage: this.dice.integer(4),
        transit: this.dice.chance(0.4),
        continues: this.dice.chance(0.1),
        tsih: this.dice.chance(0.1) ? this.dice.integer(5) : 0,
        versionMin: this.dice.chance(0.02) ? 1 : 0,
      };
      const bytes = peer.encode('loginRequest', fields, { data });
      peer.sendRaw(this.dice.chance(0.1) ? this.bend(bytes) : bytes);
      if (this.dice.chance(0.5)) await settle();
      assert(
        this.server.sessions().every((session) => session.targetName !== guardedName),
        'in without the secret',
      );
    }
    return count;
  }
  async fullFeature(peer: Initiator, count: number): Promise<number> {
    let sent = 0;
    for (; sent < count && !peer.isClosed; sent++) {
      const asked = peer.log.slice(-20).flatMap((pdu) =>
        pdu.name === 'readyToTransfer'
          ? [
              {
                tag: pdu.fields.initiatorTaskTag,
                transferTag: (pdu.fields as { targetTransferTag?: number }).targetTransferTag ?? 0,
              },
            ]
          : [],
      );
      if (this.dice.chance(0.01))
        peer.sendRaw(this.dice.chance(0.5) ? this.bytes(48) : makeHeader('nopOut', {}).subarray(0, 20));
      else peer.sendRaw(this.pdu(peer, asked));
      if (this.dice.chance(0.3)) await settle();
      if (this.dice.chance(0.01)) this.clock.pass(this.dice.pick([1000, 5000, 20_000]));
      if (this.dice.chance(0.01)) this.dice.pick(this.disks).stop();
      if (this.dice.chance(0.05)) for (const disk of this.disks) disk.go();
    }
    return sent;
  }

  /** Everybody has gone: nothing may be left. */
  async checkClean(what: string): Promise<void> {
    for (const disk of this.disks) disk.go();
    for (let turn = 0; turn < 50 && (this.server.sessions().length > 0 || this.clock.pending > 0); turn++) {
      this.clock.pass(30_000);
      await settle();
    }
    assert.deepEqual(this.log.errors, [], what);
    assert.deepEqual(this.server.sessions(), [], `${what}: sessions are left`);
    assert.equal(this.clock.pending, 0, `${what}: timers are left`);
    assert.equal(this.pool.freeBytes, blocksMax * this.pool.blockBytes, `${what}: memory is left`);
    assert.equal(
      this.disks.reduce((sum, disk) => sum + disk.slabsHeld, 0),
      0,
      `${what}: data is left`,
    );
  }
  /** A client that does everything right is served. */
  async goodClient(): Promise<void> {
    const peer = this.connect();
    await peer.login({ target: targetName, name: 'iqn.2026-01.test:good', keys: { InitialR2T: 'No' } });
    for (let count = 0; count < 4; count++) await peer.command([0, 0, 0, 0, 0, 0]);
    const out = this.bytes(2048);
    const write = await peer.command([0x2a, 0, 0, 0, 0, 0, 0, 0, 4, 0], { out });
    const read = await peer.command([0x28, 0, 0, 0, 0, 0, 0, 0, 4, 0], { in: 2048 });
    assert.deepEqual([write.status, read.status], [0, 0]);
    assert(read.data.equals(out));
    await peer.logout();
  }
}

/** At least `count` PDUs from `seed` on. Throws what the oracle finds, with the seed in its message. */
export async function run(seed: number, count: number): Promise<FuzzResult> {
  const world = new World(seed);
  await world.start();
  let inputs = 0;
  let conversations = 0;
  let sessions = 0;
  while (inputs < count) {
    conversations += 1;
    const what = `seed ${seed}, conversation ${conversations}`;
    const peers: Initiator[] = [];
    for (let left = world.dice.between(1, 3); left > 0; left--) {
      const peer = world.connect();
      peers.push(peer);
      if (world.dice.chance(0.3)) inputs += await world.badLogins(peer);
      else if (await world.login(peer)) {
        sessions += 1;
        inputs += await world.fullFeature(peer, world.dice.between(1, 120));
      }
      assert.equal(peer.fault, undefined, `${what}: ${String(peer.fault?.stack)}`);
    }
    for (const peer of peers) {
      if (world.dice.chance(0.5)) peer.link.end();
      else peer.close();
    }
    await settle();
    for (const peer of peers) peer.close();
    await world.checkClean(what);
    if (conversations % 20 === 0) {
      await world.goodClient();
      await world.checkClean(`${what}, the good client`);
    }
  }
  return { inputs, conversations, sessions };
}
