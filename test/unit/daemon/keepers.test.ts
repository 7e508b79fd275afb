/** Groups of the daemon are kept up while no drive is used, and left alone while an operator has them worked on. */
import test from 'ava';
import { AdminService, Installation, makeFirstLibrary, NdmpSite, Network } from '#admin';
import { Catalog } from '#catalog';
import { type Env, realEnv } from '#env';
import { NdmpStandIn, tempFolder } from '#support';
import { keepersOf } from '../../../src/daemon/keepers.js';
import { wire } from '../../../src/daemon/wiring.js';

async function setUp(t: Parameters<typeof tempFolder>[0]) {
  const env = realEnv();
  const catalog = await Catalog.open(env, ':memory:');
  const parts = await wire({ env, catalog, home: await tempFolder(t) });
  const installation = await Installation.open({ env, catalog, ...parts });
  await makeFirstLibrary(installation);
  t.teardown(async () => {
    await installation.close();
    await parts.groups.close();
    await catalog.close();
  });
  return { env, installation, groups: parts.groups };
}

test('drives that do something keep it waiting; when they rest it goes on', async (t) => {
  const { env, installation, groups } = await setUp(t);
  const group = groups.default;
  const { library } = installation.library(undefined);
  let look: () => void = () => undefined;
  const clock: Env['clock'] = {
    ...env.clock,
    after: (_, fire) => {
      look = fire;
      return { cancel: () => undefined };
    },
  };
  groups.keepUpWith(keepersOf({ ...env, clock }, installation));
  look();
  t.is(group.upkeep?.waiting, undefined);
  await library.move({ kind: 'slot', index: 0 }, { kind: 'drive', index: 0 });
  look();
  t.is(group.upkeep?.waiting, 'drives are busy');
  const drive = library.drives[0];
  await drive?.writeFilemarks(1, { immediate: true });
  look();
  t.is(group.upkeep?.waiting, 'drives are busy');
});

test('an operator’s work has the group for itself; new groups are kept up as well, until they go', async (t) => {
  const { env, installation, groups } = await setUp(t);
  const heard: string[] = [];
  const state = { work: undefined, done: 0, total: 0, waiting: undefined };
  groups.keepUpWith((name) => ({
    start: () => void heard.push(`${name} starts`),
    stop: async () => await Promise.resolve(void heard.push(`${name} stops`)),
    state: { ...state, scrubFrom: undefined, scrubbedMs: undefined },
  }));
  const site = await NdmpSite.open(installation, '/home', NdmpStandIn.make);
  const service = new AdminService(installation, new Network(installation), site, { home: '/home', pid: 1 });
  t.deepEqual(heard.splice(0), ['default starts']);
  await service.perform('group.create', { name: 'other', folder: await tempFolder(t) });
  await service.perform('group.create', { name: 'files', folder: await tempFolder(t), kind: 'plain' });
  t.deepEqual(heard.splice(0), ['other starts']);
  await service.perform('group.scrub', { name: 'other' });
  while (groups.named('other').work.isRunning) await env.clock.sleep(0);
  t.deepEqual(heard.splice(0), ['other stops', 'other starts']);
  await t.throwsAsync(service.perform('group.scrub', { name: 'files' }), { message: /keeps plain files/ });
  await service.perform('group.delete', { name: 'other' });
  t.deepEqual(heard.splice(0), ['other stops']);
});
