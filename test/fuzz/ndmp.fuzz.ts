/**
 * Fuzz of NDMP sessions, in process: logins, requests made from the tables in every version, image streams that come, speak, fall
 * silent and break off, bytes that are bent, connections that vanish.
 *
 * Oracle: nothing is logged as unexpected; every request is answered once, by its number, with a body that decodes to its end;
 * what states may be told together is told; nobody gets in without the secret; when all have gone nothing is left open,
 * lent, listening or running; a good client is still served. The same seed is the same run.
 */
import { strict as assert } from 'node:assert';
import type { Link } from '#env';
import { messageNames, type NdmpVersion, type RequestName, type RequestOf } from '#ndmp';
import { SimRandom } from '../sim/sim-random.js';
import { FakeTask, fakeNexus } from '../support/fake-task.js';
import { isAskedIn, type NdmpClient, type NdmpReply, ndmpDigest } from '../support/ndmp-client.js';
import { MAKERS, type NdmpWorld, WEIGHTS } from './ndmp-requests.js';
import { ndmpRoot, ndmpSecret, NdmpStack, ndmpUser } from './ndmp-stack.js';
import { settle } from './stack.js';

export interface NdmpFuzzResult {
  /** Messages sent. */
  readonly inputs: number;
  /** Sessions that were authorized. */
  readonly sessions: number;
  /** Answers, by message and error. */
  readonly answers: ReadonlyMap<string, number>;
}

const versions = [2, 3, 4] as const;
const strangerHost = '198.51.100.7';
const markBytes = 4;
const sequenceBytes = 4;

const hostNexus = fakeNexus('host');
/** TEST UNIT READY, RESERVE(6), RELEASE(6), REWIND, WRITE(6), READ(6), UNLOAD, PREVENT, ALLOW. */
const HOST_CDBS = [
  '000000000000',
  '160000000000',
  '170000000000',
  '010000000000',
  '0a0000020000',
  '080000040000',
  '1b0000000000',
  '1e0000000100',
  '1e0000000000',
];

/** One client, and what it has learnt. */
class Peer {
  /** Of its session at the server. */
  readonly id: number;
  readonly client: NdmpClient;
  challenge: Buffer | undefined;
  authorized = false;
  constructor(id: number, client: NdmpClient) {
    this.id = id;
    this.client = client;
  }
}

/** What leads on from a state, so that conversations get somewhere. */
const FROM_MOVER: Readonly<Record<string, readonly RequestName[]>> = {
  idle: ['moverListen', 'moverListen', 'moverSetWindow', 'tapeMtio', 'tapeWrite'],
  listen: ['moverGetState', 'dataConnect'],
  active: ['moverRead', 'moverRead', 'moverGetState', 'moverClose'],
  paused: ['moverContinue', 'moverContinue', 'moverSetWindow', 'tapeMtio'],
  halted: ['moverStop'],
};
const FROM_DATA: Readonly<Record<string, readonly RequestName[]>> = {
  idle: ['dataConnect', 'dataListen', 'moverConnect', 'dataStartBackup'],
  listen: ['moverConnect', 'dataGetState'],
  connected: ['dataStartBackup', 'dataStartBackup', 'dataStartRecover'],
  active: ['dataGetState', 'moverGetState', 'dataAbort'],
  halted: ['dataStop', 'dataGetEnv'],
};

class World {
  readonly dice: SimRandom;
  readonly ndmp: NdmpStack;
  readonly answers = new Map<string, number>();
  inputs = 0;
  sessions = 0;
  /** What an answer had wrong. */
  fault: Error | undefined;
  /** The far ends of image streams. */
  #streams: Link[] = [];
  /** What the host has under way. */
  #hosts: Promise<unknown>[] = [];

  constructor(dice: SimRandom, ndmp: NdmpStack) {
    this.dice = dice;
    this.ndmp = ndmp;
  }

  connect(): Peer {
    const { dice } = this;
    const small = dice.chance(0.2);
    const cut = (length: number): number => (small ? dice.between(1, 64) : dice.between(1, length + 1));
    const client = this.ndmp.connect(dice.pick(versions), cut);
    return new Peer(this.ndmp.server.sessions().at(-1)?.id ?? 0, client);
  }
  worldOf(peer: Peer): NdmpWorld {
    const { dice, ndmp } = this;
    return {
      dice,
      version: peer.client.version,
      tapes: ndmp.tapes.slice(0, 3), // the last one is the good client's
      changers: ndmp.changers,
      endpoints: () => [
        ...ndmp.net.ports.map((port) => ({ host: '192.0.2.2', port })),
        { host: '192.0.2.1', port: 9 },
        { host: strangerHost, port: 22 },
      ],
      authData: () => this.#authData(peer),
      roots: [ndmpRoot, ndmpRoot, `${ndmpRoot}/sub`, `${ndmpRoot}/own`, '/', '/elsewhere', '..', 'root/x'],
    };
  }
  #authData(peer: Peer): RequestOf<'connectClientAuth'>['authData'] {
    const { dice } = this;
    const { challenge = dice.bytes(64) } = peer;
    const secret = dice.chance(0.2) ? 'wrong' : ndmpSecret;
    const authId = dice.chance(0.1) ? 'stranger' : ndmpUser;
    return dice.pick([
      { type: 'md5', authId, authDigest: ndmpDigest(secret, challenge) },
      { type: 'md5', authId, authDigest: dice.bytes(16) },
      { type: 'text', authId, authPassword: secret },
      { type: 'none' },
      { type: 'unknown', number: 5 },
    ] as const);
  }

  /** A stranger agrees on a version at most; who does not speaks what was offered. */
  async open({ client }: Peer): Promise<void> {
    await client.nextPost('notifyConnectionStatus');
    if (this.dice.chance(0.3)) client.version = 4;
    else await client.must('connectOpen', { protocolVersion: client.version });
    this.inputs += 1;
  }
  /** As a client should; most conversations begin so. */
  async login(peer: Peer): Promise<void> {
    const { client } = peer;
    await client.login({ user: ndmpUser, secret: ndmpSecret });
    this.inputs += 3;
    peer.authorized = true;
    this.sessions += 1;
  }

  /** What the peer's session is ready for. */
  #leadingOn({ id, client: { version } }: Peer): RequestName | undefined {
    const { dice, ndmp } = this;
    const session = ndmp.server.sessions().find((one) => one.id === id);
    if (session?.authorized !== true) return undefined;
    const { tape, mover, data } = session;
    if (tape === undefined && mover.state === 'idle') return dice.pick(['tapeOpen', 'tapeOpen', 'scsiOpen']);
    const name = dice.pick(
      (dice.chance(0.6) ? FROM_MOVER[mover.state] : FROM_DATA[data.state]) ?? ['moverGetState' as const],
    );
    return isAskedIn(name, version) ? name : undefined;
  }

  // --- requests -------------------------------------------------------------------------------------------------------------

  async talk(peer: Peer, count: number): Promise<void> {
    const { version } = peer.client;
    const asked = messageNames.filter((name): name is RequestName => isAskedIn(name, version));
    const weights = Object.fromEntries(asked.map((name) => [name, WEIGHTS[name] ?? 1]));
    for (let sent = 0; sent < count && !peer.client.isClosed; sent++) {
      if (this.dice.chance(0.003)) this.#nonsense(peer);
      else {
        const likely = this.dice.chance(0.6) ? this.#leadingOn(peer) : undefined;
        this.#ask(peer, likely ?? (this.dice.weighted(weights) as RequestName));
      }
      if (this.dice.chance(0.6)) await settle(this.dice.between(1, 2));
      if (this.dice.chance(0.3)) this.#stream();
      if (this.dice.chance(0.005)) this.ndmp.stack.clock.pass(this.dice.pick([1000, 5000]));
      if (this.dice.chance(0.02)) this.#hostActs();
      if (this.dice.chance(0.002)) {
        const [session] = this.ndmp.server.sessions();
        if (session !== undefined) this.ndmp.server.dropSession(session.id);
      }
    }
  }
  #ask<K extends RequestName>(peer: Peer, name: K): void {
    const { client } = peer;
    this.inputs += 1;
    const bytes = client.encode(name, MAKERS[name](this.worldOf(peer)));
    if (this.dice.chance(0.02)) {
      peer.authorized ||= name === 'connectClientAuth'; // not all damage counts, and nobody will see the answer
      return this.#sendBent(client, bytes);
    }
    client
      .expecting(name, bytes)
      .then(
        (reply) => this.#check(peer, name, reply),
        () => undefined, // the connection ended first: `client.fault` tells when that was not its right
      )
      .catch((error: unknown) => (this.fault ??= error as Error));
  }
  #sendBent(client: NdmpClient, bytes: Buffer): void {
    const { dice } = this;
    const bent = Buffer.from(bytes);
    const low = dice.chance(0.1) ? 0 : markBytes + sequenceBytes;
    for (let count = dice.between(1, 3); count > 0; count--)
      bent[dice.between(low, bent.length - 1)] = dice.integer(256);
    const cut = dice.chance(0.05);
    if (low === 0 || cut) client.isLost = true;
    if (cut) client.sendRaw(bent.subarray(0, dice.between(1, bent.length)));
    else client.sendDamaged(bent);
  }
  #nonsense({ client }: Peer): void {
    const { dice } = this;
    this.inputs += 1;
    client.isLost = true;
    const marks = ['80000000', '00000000', '00000001ff', '7fffffff', 'ffffffff', '80000004deadbeef'];
    client.sendRaw(dice.chance(0.5) ? Buffer.from(dice.pick(marks), 'hex') : dice.bytes(dice.between(1, 60)));
  }

  #check<K extends RequestName>(peer: Peer, name: K, reply: NdmpReply<K>): void {
    const said = reply.error ?? `header ${reply.header.error}`;
    this.answers.set(`${name} ${said}`, (this.answers.get(`${name} ${said}`) ?? 0) + 1);
    assert(said !== 'undefined', `${name} was refused without a reason`);
    const body = reply.body as Readonly<Record<string, unknown>> | undefined;
    if (said === 'no-err' && name === 'connectClientAuth') peer.authorized = true;
    if (said === 'no-err' && name === 'configGetAuthAttr') {
      const { serverAttr } = body as { serverAttr: { challenge?: Buffer } };
      peer.challenge = serverAttr.challenge ?? peer.challenge;
    }
    if (said !== 'no-err' || body === undefined) return;
    if (/^(scsi|tape|mover|data)/.test(name))
      assert(peer.authorized || name === 'connectClientAuth', `${name} was done for a stranger`);
    if (name === 'moverGetState') {
      if (body['state'] !== 'paused') assert.equal(body['pauseReason'], 'na');
      else assert.notEqual(body['pauseReason'], 'na');
      if (body['state'] !== 'halted') assert.equal(body['haltReason'], 'na');
      else assert.notEqual(body['haltReason'], 'na');
    }
    if (name === 'dataGetState') assert.equal(body['haltReason'] === 'na', body['state'] !== 'halted');
  }

  // --- image streams --------------------------------------------------------------------------------------------------------

  /** Somebody comes to a listener, or one who is there does something. */
  #stream(): void {
    const { dice, ndmp } = this;
    const [port] = ndmp.net.ports.slice(1);
    if (port !== undefined && dice.chance(0.5)) {
      this.inputs += 1;
      ndmp.net.connect({ host: '192.0.2.2', port }).then(
        (link) => {
          link.start({ data: () => undefined, closed: () => undefined });
          this.#streams.push(link);
        },
        () => undefined, // it was closed meanwhile
      );
      return;
    }
    if (this.#streams.length === 0) return;
    const link = dice.pick(this.#streams);
    this.inputs += 1;
    const what = dice.weighted({ write: 6, end: 1, reset: 1, still: 1 });
    if (what === 'write') link.write([dice.bytes(dice.pick([1, 511, 512, 5000, 100_000]))]);
    else if (what === 'still') link.pause();
    else {
      if (what === 'end') link.end();
      else link.destroy();
      this.#streams = this.#streams.filter((one) => one !== link);
    }
  }
  dropStreams(): void {
    for (const link of this.#streams) link.destroy();
    this.#streams = [];
  }

  // --- a host beside us -----------------------------------------------------------------------------------------------------

  /** On iSCSI somebody uses the same drives; or they are reset. Whether it is let is not our question. */
  #hostActs(): void {
    const { dice } = this;
    const { device } = this.ndmp.stack;
    const lun = dice.between(1, 2);
    if (dice.chance(0.1)) {
      this.#hosts.push(device.units.get(lun)?.reset('logical-unit', hostNexus) ?? Promise.resolve());
      return;
    }
    const cdb = Buffer.from(dice.pick(HOST_CDBS), 'hex');
    const out = cdb[0] === 0x0a ? dice.bytes(512) : Buffer.alloc(0);
    this.#hosts.push(Promise.resolve(device.execute(new FakeTask({ cdb, nexus: hostNexus, lun, out }))));
  }
  async hostLeaves(): Promise<void> {
    await Promise.all(this.#hosts);
    this.#hosts = [];
    for (const lun of [1, 2])
      await this.ndmp.stack.device.execute(
        new FakeTask({ cdb: Buffer.from('170000000000', 'hex'), nexus: hostNexus, lun }),
      );
  }

  // --- judging --------------------------------------------------------------------------------------------------------------

  /** Everybody has gone: nothing may be left. */
  async checkClean(what: string): Promise<void> {
    this.dropStreams();
    await this.ndmp.calm();
    await this.hostLeaves();
    const fault = this.fault === undefined ? [] : [this.fault.message];
    assert.deepEqual([...fault, ...this.ndmp.leftovers()], [], what);
  }
  /** A client that does everything right is served, on a drive of its own. */
  async goodClient(version: NdmpVersion): Promise<void> {
    const client = this.ndmp.connect(version);
    const device = this.ndmp.tapes.at(-1) ?? '';
    await client.login({ user: ndmpUser, secret: ndmpSecret });
    await client.must('tapeOpen', { device, mode: 'read-write' });
    await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
    const dataOut = this.dice.bytes(3000);
    await client.must('tapeWrite', { dataOut });
    await client.must('tapeMtio', { tapeOp: 'eof', count: 1 });
    await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
    const { dataIn } = await client.must('tapeRead', { count: 4000 });
    assert(Buffer.concat(dataIn).equals(dataOut));
    await client.must('tapeClose', {});
    client.sendRaw(client.encode('connectClose', {}));
    await client.closed;
  }
}

async function converse(world: World, what: string): Promise<void> {
  const { dice } = world;
  const peers = Array.from({ length: dice.between(1, 3) }, () => world.connect());
  for (const peer of peers) {
    if (dice.chance(0.85)) await world.login(peer);
    else await world.open(peer);
  }
  for (let rounds = dice.between(1, 6); rounds > 0; rounds--) {
    for (const peer of peers) await world.talk(peer, dice.between(1, 30));
  }
  for (const { client } of peers) {
    assert(client.fault === undefined, `${what}: ${String(client.fault?.stack)}`);
    const leave = dice.weighted({ end: 1, closing: 1, reset: 1 });
    if (leave === 'end') client.link.end();
    else if (leave === 'closing') client.sendRaw(client.encode('connectClose', {}));
    else client.close();
  }
  await settle();
  for (const { client } of peers) client.close();
}

/** At least `count` messages from `seed` on. Throws what the oracle finds, with the seed in its message. */
export async function run(seed: number, count: number): Promise<NdmpFuzzResult> {
  const world = new World(new SimRandom(seed), await NdmpStack.open(seed));
  world.ndmp.stack.device.attach(hostNexus);
  for (let conversations = 1; world.inputs < count; conversations++) {
    const what = `seed ${seed}, conversation ${conversations}`;
    await converse(world, what);
    await world.checkClean(what);
    await world.ndmp.stack.loadTapes();
    if (conversations % 20 === 0) {
      await world.goodClient(world.dice.pick(versions));
      await world.checkClean(`${what}, the good client`);
    }
  }
  await world.ndmp.close();
  return { inputs: world.inputs, sessions: world.sessions, answers: world.answers };
}
