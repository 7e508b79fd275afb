/** Administration over a library in memory, with an NDMP server that only says what it is told to. */
import type { ExecutionContext } from 'ava';
import { AdminService, Installation, makeFirstLibrary, NdmpSite, Network } from '#admin';
import { Catalog } from '#catalog';
import { type Env, realEnv, type TlsIdentity } from '#env';
import { RefusedError, type RefusedCode } from '#errors';
import { NdmpStandIn, tempFolder } from '#support';
import { wire } from '../../../src/daemon/wiring.js';

export interface NdmpAdmin {
  readonly installation: Installation;
  readonly catalog: Catalog;
  readonly site: NdmpSite;
  readonly server: NdmpStandIn;
  readonly home: string;
  do<T = Record<string, unknown>>(verb: string, input?: Record<string, unknown>): Promise<T>;
  /** Notes and warnings. */
  said(verb: string, input?: Record<string, unknown>): Promise<readonly string[]>;
  /** What it refuses with. */
  refused(code: RefusedCode, verb: string, input?: Record<string, unknown>): Promise<string>;
  /** As the next start of the daemon finds it. */
  again(identity?: TlsIdentity): Promise<NdmpStandIn>;
}

export async function ndmpAdmin(t: ExecutionContext, some: Partial<Env> = {}): Promise<NdmpAdmin> {
  const env = { ...realEnv(), ...some };
  const catalog = await Catalog.open(env, ':memory:');
  const home = await tempFolder(t);
  const parts = await wire({ env, catalog, home, store: 'plain' });
  const installation = await Installation.open({ env, catalog, ...parts });
  await makeFirstLibrary(installation);
  const open = async (identity?: TlsIdentity): Promise<NdmpSite> =>
    await NdmpSite.open(installation, home, NdmpStandIn.make, identity);
  const site = await open();
  const service = new AdminService(installation, new Network(installation), site, { home, pid: 1 });
  t.teardown(async () => {
    await installation.close();
    await parts.groups.close();
    await catalog.close();
  });
  return {
    installation,
    catalog,
    site,
    server: site.server as NdmpStandIn, // made by NdmpStandIn.make
    home,
    do: async <T>(verb: string, input = {}) => (await service.perform(verb, input)).result as T,
    said: async (verb, input = {}) => {
      const { notes, warnings } = await service.perform(verb, input);
      return [...notes, ...warnings.map((warning) => `warning: ${warning}`)];
    },
    refused: async (code, verb, input = {}) => {
      const error = await t.throwsAsync(service.perform(verb, input), { instanceOf: RefusedError, code });
      return error?.message ?? '';
    },
    again: async (identity) => {
      const next = await open(identity);
      for (const row of await catalog.ndmp.portals()) await next.portals.reopen(row);
      return next.server as NdmpStandIn;
    },
  };
}
