/**
 * The daemon: `tapesilo serve`. Start order, signals, drain, stop order.
 *
 * Start: home, claim, catalog, store, libraries and targets, portals, admin socket, ready line. Stop: the other way round;
 * initiators are asked to log out first, then drives write out what they hold. E3: after a failed assertion, or an error
 * that nobody caught, the process ends with a status other than 0; it does not limp. What was synchronized is on disk then.
 */
import {
  AdminServer,
  AdminService,
  catalogPath,
  forgetSocket,
  formatAddress,
  identityOfFiles,
  Installation,
  installationId,
  makeFirstLibrary,
  NdmpSite,
  Network,
  parseAddress,
  placeSocket,
  portOfNdmp,
  type ServeOptions,
  viewServed,
  welcomeGroup,
} from '#admin';
import { Catalog } from '#catalog';
import {
  type Address,
  type Env,
  type Logger,
  makeDurableDirectory,
  type Process,
  readIdentity,
  type TlsIdentity,
} from '#env';
import { threadsFor } from '#store';
import { RefusedError, StoreError } from '#errors';
import { logoutGraceMs } from '#limits';
import { keepersOf } from './keepers.js';
import { readyLines } from './ready.js';
import { type OpenDedup, wire } from './wiring.js';

/** SIGTERM to exit: what has not ended by then is ended. */
const stopMsMax = 9_500;
const cleanKey = 'running';

/**
 * Runs until told to stop. Returns the exit status; throws what kept it from starting. `openDedup`: the simulator opens groups
 * that are tuned for it.
 */
export async function serve(
  process: Process,
  env: Env,
  options: ServeOptions,
  openDedup?: OpenDedup,
): Promise<number> {
  const log = env.log.facility('daemon');
  process.onFatal((error) => {
    log.error('Stopping because of a bug: what was synchronized is safe', { error: describe(error) });
    process.exit(1);
  });
  const stopped = firstSignal(process, env, log);
  const onBug = (error: unknown): never => {
    throw error; // onFatal takes it
  };
  const threads = options.threads ?? threadsFor(process.processors);
  const daemon = new Daemon(env, log, onBug, threads, openDedup);
  try {
    await daemon.start(options, process);
    for (const line of readyLines(daemon.served, options.json)) process.out(`${line}\n`);
    await stopped;
    env.clock.after(stopMsMax, () => {
      log.error('Stopping took too long: what was synchronized is safe');
      process.exit(1);
    });
  } finally {
    await daemon.stop();
  }
  log.info('Stopped');
  return 0;
}

/** npm passes on a Ctrl-C that we got from the terminal too: two within this time are one. */
const sameSignalMs = 100;

/** Resolves at the first signal to stop; at a second one the process ends. */
async function firstSignal(process: Process, env: Env, log: Logger): Promise<void> {
  await new Promise<void>((resolve) => {
    let firstMs: number | undefined;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.onSignal(signal, () => {
        const nowMs = env.clock.monotonicMs();
        if (firstMs !== undefined && nowMs - firstMs > sameSignalMs) process.exit(130);
        firstMs ??= nowMs;
        log.info('Stopping', { signal });
        resolve();
      });
    }
  });
}

/** A stack belongs in the log, not on a person's screen. */
const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** Undoes the steps of the start, last first. */
class Daemon {
  readonly #env: Env;
  readonly #log: Logger;
  readonly #onBug: (error: unknown) => void;
  readonly #threads: number;
  readonly #openDedup: OpenDedup | undefined;
  readonly #undo: (() => Promise<void>)[] = [];
  #view: () => ReturnType<typeof viewServed> = () => {
    throw new Error('The daemon has not started');
  };

  constructor(
    env: Env,
    log: Logger,
    onBug: (error: unknown) => void,
    threads: number,
    openDedup?: OpenDedup,
  ) {
    this.#env = env;
    this.#log = log;
    this.#onBug = onBug;
    this.#threads = threads;
    this.#openDedup = openDedup;
  }
  get served(): ReturnType<typeof viewServed> {
    return this.#view();
  }

  async start(options: ServeOptions, { pid, machine }: Pick<Process, 'pid' | 'machine'>): Promise<void> {
    const { home } = options;
    const listen = options.listen.map((text) => parseAddress(text));
    const announce = announceFor(options);
    const wanted = await ndmpWanted(this.#env, options);
    const catalog = await this.#openHome(home);
    const parts = await wire({
      env: this.#env,
      catalog,
      home,
      store: options.store,
      threads: this.#threads,
      openDedup: this.#openDedup,
    });
    this.#undo.push(async () => await parts.groups.close());
    const installation = await Installation.open({ env: this.#env, catalog, ...parts });
    this.#undo.push(async () => await installation.close());
    const { hostName, system, systemVersion } = machine;
    const makeNdmp = parts.ndmp({
      hostName,
      osType: system,
      osVersion: systemVersion,
      hostId: await installationId(installation),
      vendor: 'tapesilo',
      product: 'tapesilo virtual tape library',
      revision: options.version ?? '',
    });
    const site = await NdmpSite.open(installation, home, makeNdmp, wanted.identity);
    this.#undo.push(async () => await this.#endSessions([site.server, parts.server]));
    parts.groups.whenOpened = async (group) => {
      const loaded = await welcomeGroup(installation, group);
      this.#log.info(`Storage group ${group.name} is open`, { loaded });
    };
    parts.groups.keepUpWith(keepersOf(this.#env, installation));
    if (await makeFirstLibrary(installation)) this.#log.info('Made the first library', { home });
    const network = new Network(installation);
    await this.#openPortals(network, listen, announce);
    await this.#openNdmpPortals(site, wanted);
    const service = new AdminService(installation, network, site, { home, pid });
    this.#view = () => viewServed(installation, network, site, { home, pid });
    await this.#openSocket(service, home);
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).toReversed()) {
      try {
        await undo();
      } catch (error) {
        this.#log.error('Stopping a part failed', { error: describe(error) });
      }
    }
  }

  async #openHome(home: string): Promise<Catalog> {
    const { disk } = this.#env;
    await makeDurableDirectory(disk, home);
    await checkIsHome(this.#env, home);
    this.#undo.push(await claim(this.#env, home));
    const catalog = await openCatalog(this.#env, catalogPath(home));
    this.#undo.push(async () => await catalog.close());
    const wasRunning = (await catalog.settings.get(cleanKey)) !== undefined;
    if (wasRunning)
      this.#log.warn('The last run did not stop by itself: cartridges are as they were synchronized');
    await catalog.settings.set(cleanKey, 'yes');
    this.#undo.push(async () => await catalog.settings.remove(cleanKey));
    return catalog;
  }

  async #openPortals(
    network: Network,
    listen: readonly Address[],
    announce: readonly (Address | undefined)[],
  ): Promise<void> {
    for (const row of await network.kept()) {
      const portal = await network.reopen(row);
      if (portal.problem !== undefined)
        this.#log.error('A portal is not open', {
          portal: formatAddress(portal.address),
          problem: portal.problem,
        });
    }
    for (const [at, address] of listen.entries()) await network.open(address, 1, announce[at] ?? announce[0]);
    if (listen.length === 0) await this.#openDefault(network, announce[0]);
  }
  /** Without --listen: this machine only. Beside portals that are kept it may fail: one of those may have the port. */
  async #openDefault(network: Network, announce: Address | undefined): Promise<void> {
    const isOnly = network.portals.length === 0;
    await network.open(parseAddress('127.0.0.1'), 1, announce).catch((error: unknown) => {
      if (isOnly) throw error;
      this.#log.info('Not listening on the default address', { reason: String(error) });
    });
  }

  async #openNdmpPortals(site: NdmpSite, { portals }: NdmpWanted): Promise<void> {
    for (const row of await site.catalog.ndmp.portals()) {
      const { address, problem } = await site.portals.reopen(row);
      if (problem !== undefined)
        this.#log.error('An NDMP portal is not open', { portal: formatAddress(address), problem });
    }
    for (const { address, tls } of portals) await site.portals.open(address, tls);
    const expiry = expiryOf(site);
    if (expiry !== undefined && expiry < this.#env.clock.wallMs() + expiresSoonMs)
      this.#log.warn('The certificate of NDMP over TLS ends soon, or has ended: TLS clients refuse it then', {
        validTo: new Date(expiry).toISOString(),
      });
    if (site.portals.all.length > 0 && site.access.all.length === 0)
      this.#log.info('There is no NDMP user yet: make one with `tapesilo ndmp user create NAME`');
  }
  /** Those of all protocols side by side: together they have one time to say good-bye. */
  async #endSessions(servers: readonly { close(graceMs: number): Promise<void> }[]): Promise<void> {
    const ended = await Promise.allSettled(servers.map(async (server) => await server.close(logoutGraceMs)));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  async #openSocket(service: AdminService, home: string): Promise<void> {
    const { path, isElsewhere } = await placeSocket(this.#env, home);
    this.#undo.push(async () => await forgetSocket(this.#env.disk, home));
    if (isElsewhere)
      this.#log.warn('The admin socket is elsewhere, because the path of the home is long', { path });
    const server = new AdminServer(service, this.#env.log.facility('admin'), this.#onBug);
    await server.listen(this.#env.net, path);
    this.#undo.push(async () => {
      await server.close();
      await service.settled();
    });
  }
}

/** When the certificate that a portal uses ends. */
function expiryOf({ identity, portals }: NdmpSite): number | undefined {
  if (identity === undefined || !portals.all.some(({ tls }) => tls)) return undefined;
  return readIdentity(identity).validToMs;
}
const expiresSoonMs = 14 * 24 * 3600 * 1000;

interface NdmpWanted {
  readonly portals: readonly { readonly address: Address; readonly tls: boolean }[];
  readonly identity: TlsIdentity | undefined;
}
/** Checked before anything is opened: what is wrong with the command line is said at once. */
async function ndmpWanted(env: Env, { ndmp }: ServeOptions): Promise<NdmpWanted> {
  const of = (list: readonly string[] | undefined, tls: boolean): NdmpWanted['portals'] =>
    (list ?? []).map((text) => ({ address: parseAddress(text, portOfNdmp(tls)), tls }));
  const files = ndmp?.identity;
  return {
    portals: [...of(ndmp?.listen, false), ...of(ndmp?.tlsListen, true)],
    identity: files === undefined ? undefined : await identityOfFiles(env, files.certificate, files.key),
  };
}

/** One for all, or one for each --listen. */
function announceFor({ listen, announce }: ServeOptions): readonly (Address | undefined)[] {
  if (announce.length > 1 && announce.length !== listen.length) {
    throw new RefusedError(
      'usage',
      `Give one --announce, or one for each --listen: there are ${listen.length}`,
    );
  }
  return announce.map((text) => parseAddress(text, 0));
}

/** Not somebody's other folder: we are about to make it private and to fill it. */
async function checkIsHome({ disk }: Env, home: string): Promise<void> {
  const ours = /^(lost\+found|lock|store|groups|ndmp|admin\.(sock|path)|catalog\.db.*)$/;
  if ((await disk.list(home)).every((name) => ours.test(name)) || (await disk.exists(catalogPath(home))))
    return;
  throw new RefusedError(
    'conflict',
    `${home} holds other things and no catalog: choose a new or an empty folder with --home`,
  );
}

async function openCatalog(env: Env, path: string): Promise<Catalog> {
  try {
    return await Catalog.open(env, path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RefusedError(
      'damaged',
      `The catalog ${path} cannot be opened: ${why}. Put a copy of it back, or move the home away and start with a new one`,
      {},
      { cause },
    );
  }
}

async function claim(env: Env, home: string): Promise<() => Promise<void>> {
  try {
    return await env.disk.claim(home);
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'locked') throw cause;
    const { pid } = cause.facts;
    const who = typeof pid === 'number' ? `process ${pid}` : 'another process';
    throw new RefusedError(
      'conflict',
      `${home} is served by ${who} already: use that one, stop it, or choose another folder with --home`,
      cause.facts,
      { cause },
    );
  }
}
