/** group verbs: storage groups, and what is done to them at length. */
import { isAbsolute, join, relative } from 'node:path';
import type { GroupRow } from '#catalog';
import { RefusedError } from '#errors';
import type { DedupGroup } from '#store';
import { type Key, keyOf, newKeyOf } from './group-keys.js';
import { newGroupRow } from './groups.js';
import type { GroupWork, WorkControls, WorkKind, WorkReport } from './group-work.js';
import { groupOf, type InstalledGroup } from './installed-group.js';
import { elementName } from './element-name.js';
import type { Installation } from './installation.js';
import { removeUnowned } from './unowned.js';
import type { InputOf, Told, VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';
import { viewGroup } from './group-views.js';
import { freedInWords, reportOfCollection, reportOfScrub } from './work-reports.js';

type Verbs = typeof verbs;
type Row<K extends keyof Verbs> = InputOf<Verbs[K]>;

export const groupVerbs = (installation: Installation) => {
  const { groups } = installation;
  const view = async (group: InstalledGroup) => await viewGroup(installation, group);
  return {
    GROUP_CREATE: async (input, told) => {
      const group = await createGroup(installation, input);
      told.note(`Made storage group ${group.name} in ${group.folder}`);
      if (group.row.keyKind !== undefined)
        told.note(
          'Keep its key where the disk of the group is not: without it nobody can read what is in it',
        );
      if (group.row.keyKind === 'passphrase')
        told.note(`After every start of the daemon: \`tapesilo group unlock ${group.name}\``);
      return await view(group);
    },
    GROUP_LIST: async (_, told) => {
      for (const { name, problem } of groups.all) {
        if (problem !== undefined) told.note(`${name} is not open: ${problem.message}`);
      }
      return await Promise.all(groups.all.map(view));
    },
    GROUP_SHOW: async ({ name }) => await view(groups.named(name)),
    GROUP_SET: async (input, told) => {
      const group = groups.named(input.name);
      await setGroup(installation, group, input);
      told.note(`Changed storage group ${group.name}`);
      const shown = await view(group);
      if (input.quota !== undefined && 'physicalBytes' in shown && shown.physicalBytes > input.quota)
        told.warn(
          `${group.name} takes more than its quota already: nothing new is accepted until it takes less`,
        );
      return shown;
    },
    GROUP_DELETE: async ({ name, force }, told) => {
      const group = groups.named(name);
      const shown = await view(group);
      await checkMayDelete(installation, group, force === true);
      const { problem } = group;
      await groups.delete(group);
      told.note(
        problem === undefined
          ? `Deleted storage group ${name}`
          : `Forgot storage group ${name}, which was not open; ${group.folder} is left as it is`,
      );
      return shown;
    },
    GROUP_OPEN: async (input, told) =>
      await openGroup(installation, groups.named(input.name), keyOf(input), told),
    GROUP_UNLOCK: async ({ name, passphrase }, told) => {
      const group = groups.named(name);
      if (group.state !== 'open' && group.row.keyKind === undefined)
        throw new RefusedError(
          'conflict',
          `Storage group ${name} is not encrypted: there is nothing to unlock`,
        );
      return await openGroup(installation, group, keyOf({ passphrase }), told);
    },
    GROUP_ROTATE_KEY: async (input, told) => {
      const group = groups.named(input.name);
      const key = newKeyOf(input);
      if (key === undefined) throw new RefusedError('usage', sayKey);
      await groups.rotateKey(group, key);
      told.note(
        `Storage group ${group.name} opens with its new key only; nothing that is stored was written again`,
      );
      return await view(group);
    },
  } satisfies Partial<VerbHandlers<Verbs>>;
};

/** What takes long. */
export const groupWorkVerbs = (installation: Installation) => {
  const { groups } = installation;
  return {
    GROUP_STOP: async ({ name }, told) => {
      const group = groups.named(name);
      const wasRunning = group.work.isRunning;
      await group.work.stop();
      told.note(wasRunning ? `Stopped the work on ${group.name}` : `No work was going on in ${group.name}`);
      return await viewGroup(installation, group);
    },
    GROUP_OPTIMIZE: async ({ name }, told) =>
      await begin(groups.named(name), 'optimize', told, async (store, controls) => {
        const { freedBytes, copiedBytes } = await store.optimize(controls);
        return { summary: freedInWords(freedBytes), freedBytes, copiedBytes };
      }),
    GROUP_COLLECT: async ({ name, plan }, told) =>
      await begin(groups.named(name), 'collect', told, async (store, controls) => {
        const report = await store.collect({ ...controls, dryRun: plan === true });
        return reportOfCollection(installation, report, plan === true);
      }),
    GROUP_SCRUB: async ({ name }, told) =>
      await begin(
        groups.named(name),
        'scrub',
        told,
        async (store, controls) => await reportOfScrub(installation, await store.scrub(controls)),
      ),
  } satisfies Partial<VerbHandlers<Verbs>>;
};

const sayKey =
  'Say where the key comes from: a passphrase (asked at a terminal, or --passphrase-file), --key-file or --key-command';

// --- making and changing --------------------------------------------------------------------------------------------

async function createGroup(installation: Installation, input: Row<'GROUP_CREATE'>): Promise<InstalledGroup> {
  const { env, groups } = installation;
  checkNameIsFree(installation, input.name);
  const key = newKeyOf(input);
  if (input.encrypt === true && key === undefined) throw new RefusedError('usage', sayKey);
  if (key !== undefined && input.kind === 'plain')
    throw new RefusedError('usage', 'Plain files are not encrypted: leave --kind out');
  const folder = input.folder ?? freeFolder(installation, input.name);
  const row = newGroupRow(env, {
    name: input.name,
    kind: input.kind === 'plain' ? 'plain' : 'dedup',
    folder,
    isDefault: false,
    ...(input.quota === undefined ? {} : { quotaBytes: input.quota }),
    ...(input.density === undefined ? {} : { density: input.density as GroupRow['density'] }), // its choices
  });
  await checkFolder(installation, groups.pathOf(folder));
  return await groups.create(row, input.default === true, key);
}

/** A group that was renamed keeps its folder, so the name of a new one may be taken there. */
function freeFolder({ groups }: Installation, name: string): string {
  const taken = new Set(groups.all.map(({ row }) => row.folder));
  let folder = `groups/${name}`;
  for (let count = 2; taken.has(folder); count++) folder = `groups/${name}-${count}`;
  return folder;
}

function checkNameIsFree({ groups }: Installation, name: string): void {
  if (!groups.all.some((group) => group.name === name)) return;
  throw new RefusedError('conflict', `There is a storage group ${name} already: choose another name`);
}

/** Ours alone, and empty: what lies in it would be neither counted nor safe. */
async function checkFolder({ env, groups }: Installation, folder: string): Promise<void> {
  const inside = (outer: string, path: string): boolean => {
    const way = relative(outer, path);
    return way === '' || (!way.startsWith('..') && !isAbsolute(way));
  };
  const home = groups.pathOf('.');
  const isOurs = inside(join(home, 'groups'), folder) && folder !== join(home, 'groups');
  if (!isOurs && (inside(home, folder) || inside(folder, home))) {
    throw new RefusedError('conflict', `${folder} is kept by the home for itself: choose another folder`);
  }
  const other = groups.all.find((group) => inside(group.folder, folder) || inside(folder, group.folder));
  if (other !== undefined) {
    throw new RefusedError(
      'conflict',
      `${folder} and ${other.folder} of storage group ${other.name} would be one in the other: choose another folder`,
    );
  }
  const names = (await env.disk.list(folder)).filter((name) => name !== 'lost+found');
  if (names.length === 0) return;
  const what = names.includes('superblock-0') ? 'a storage group' : 'other things';
  throw new RefusedError('conflict', `${folder} holds ${what}: choose a new or an empty folder`);
}

async function setGroup(
  installation: Installation,
  group: InstalledGroup,
  input: Row<'GROUP_SET'>,
): Promise<void> {
  const { catalog } = installation;
  const { rename, quota, noQuota, density } = input;
  if (quota !== undefined && noQuota === true)
    throw new RefusedError('usage', 'Give either --quota or --no-quota');
  const changesSomething = [rename, quota, noQuota, density, input.default].some((one) => one !== undefined);
  if (!changesSomething)
    throw new RefusedError(
      'usage',
      'Say what to change: --rename, --quota, --no-quota, --density or --default',
    );
  if (density !== undefined && group.row.kind === 'plain')
    throw new RefusedError(
      'conflict',
      `Storage group ${group.name} keeps plain files, which have no density`,
    );
  if (rename !== undefined && rename !== group.name) checkNameIsFree(installation, rename);
  const { id } = group.row;
  await catalog.transaction(async (tables) => {
    await tables.groups.set(id, {
      ...(rename === undefined ? {} : { name: rename }),
      ...(density === undefined ? {} : { density: density as GroupRow['density'] }), // its choices
      ...(quota === undefined && noQuota !== true ? {} : { quotaBytes: quota }),
    });
    if (input.default === true) await tables.groups.makeDefault(id);
  });
  await installation.groups.refresh();
  if (group.state !== 'open') return;
  installation.groups.configure(group);
}

async function checkMayDelete(
  installation: Installation,
  group: InstalledGroup,
  force: boolean,
): Promise<void> {
  const { name, row } = group;
  if (row.isDefault) {
    throw new RefusedError(
      'conflict',
      `${name} is the default storage group: first make another one that, with \`tapesilo group set NAME --default\``,
    );
  }
  const held = await installation.catalog.cartridges.countOf(row.id);
  if (held > 0) {
    const some = installation.tapesOf(group).slice(0, 3);
    const list = `${some.map(({ barcode }) => barcode).join(', ')}${held > some.length ? ', …' : ''}`;
    throw new RefusedError(
      'conflict',
      `${held === 1 ? 'A cartridge is' : `${held} cartridges are`} in storage group ${name}: ${list}. Destroy ${held === 1 ? 'it' : 'them'} first with \`tapesilo tape delete BARCODE\``,
    );
  }
  if (group.state !== 'open' || force) return;
  const volumes = await group.list();
  if (volumes.length === 0) return;
  throw new RefusedError(
    'conflict',
    `${volumes.length} volumes in ${group.folder} are of no cartridge that the catalog knows: they may be somebody's data. Add --force to destroy them`,
  );
}

// --- opening --------------------------------------------------------------------------------------------------------

async function openGroup(
  installation: Installation,
  group: InstalledGroup,
  key: Key | undefined,
  told: Told,
) {
  const { groups } = installation;
  const { state, name } = group;
  if (state === 'open') throw new RefusedError('conflict', `Storage group ${name} is open`);
  if (state === 'opening') throw new RefusedError('conflict', `Storage group ${name} is just being opened`);
  await groups.tryOpen(group, key);
  const { problem } = group;
  if (problem?.state === 'locked') throw new RefusedError('unauthorized', problem.message);
  group.check();
  told.note(`Storage group ${group.name} is open`);
  for (const loaded of await welcomeGroup(installation, group)) told.note(loaded);
  return await viewGroup(installation, group);
}
/** A group is open that was not: what waited for it. Returns what was done, in sentences. */
export async function welcomeGroup(installation: Installation, group: InstalledGroup): Promise<string[]> {
  await removeUnowned(installation.catalog, installation.groups);
  const done: string[] = [];
  for (const { library, row } of installation.libraries) {
    for (const { ref, drive, cartridge } of library.elementsOf('drive')) {
      if (drive?.refusal !== 'unavailable' || cartridge === undefined) continue;
      if (groupOf(cartridge) !== group) continue;
      await drive.load();
      done.push(`Loaded ${cartridge.barcode} in ${elementName(ref)} of ${row.name}`);
    }
  }
  return done;
}

// --- long work ------------------------------------------------------------------------------------------------------

async function begin(
  group: InstalledGroup,
  kind: WorkKind,
  told: Told,
  run: (store: DedupGroup, controls: WorkControls) => Promise<WorkReport>,
) {
  const { dedup, name } = group;
  if (dedup === undefined) {
    throw new RefusedError(
      'conflict',
      `Storage group ${name} keeps plain files: there is nothing to ${kind}`,
    );
  }
  return await beginWork(group, kind, told, async (controls) => await run(dedup, controls));
}
/** It goes on in the daemon; what is returned is for `follow` of the command line. */
export async function beginWork(
  group: InstalledGroup,
  kind: WorkKind,
  told: Told,
  run: (controls: WorkControls) => Promise<WorkReport>,
): Promise<ReturnType<GroupWork['view']>> {
  const { name, work } = group;
  work.start(name, kind, async (controls) => await group.alone(async () => await run(controls)));
  told.note(`Begun: \`tapesilo group show ${name}\` tells how far it is`);
  return await Promise.resolve(work.view(name));
}
