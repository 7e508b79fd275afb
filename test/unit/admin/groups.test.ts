/** Storage groups when the daemon starts: side by side, and none waits for one that cannot be opened, or not yet. */
import test from 'ava';
import { Groups, type OpenStore } from '#admin';
import { Catalog, type GroupRow } from '#catalog';
import { realEnv } from '#env';
import { RefusedError, StoreError } from '#errors';
import { FileGroup } from '#store';
import { tempFolder } from '#support';

const env = realEnv();
const row = (name: string, more: Partial<GroupRow> = {}): GroupRow => ({
  id: `00000000-0000-0000-0000-00000000000${name.length}`,
  name,
  kind: 'plain',
  folder: `groups/${name}`,
  made: true,
  isDefault: false,
  density: 'adaptive',
  createdMs: name.length,
  ...more,
});

test('a new home gets a deduplicating default group, or what was asked for; later another kind is refused', async (t) => {
  for (const kind of [undefined, 'plain'] as const) {
    const catalog = await Catalog.open(env, ':memory:');
    const home = await tempFolder(t);
    const asked: GroupRow[] = [];
    const openStore: OpenStore = async (given, folder, expected) => {
      asked.push(given);
      return await FileGroup.open({ env, folder, ...expected });
    };
    const options = { env, catalog, home, openStore };
    const groups = await Groups.open({ ...options, kind });
    t.like(groups.default, { name: 'default', state: 'open' });
    t.like(groups.default.row, { kind: kind ?? 'dedup', folder: 'store', made: true, isDefault: true });
    t.is(groups.default.row.storeId, groups.default.row.id);
    t.false(asked[0]?.made);
    await groups.close();
    const other = kind === 'plain' ? 'dedup' : 'plain';
    await t.throwsAsync(Groups.open({ ...options, kind: other }), { message: /leave --store out/ });
    await catalog.close();
  }
});

test('each problem has a state and says what to do; the others are open', async (t) => {
  const catalog = await Catalog.open(env, ':memory:');
  const home = await tempFolder(t);
  const failures: Readonly<Record<string, Error>> = {
    aa: new StoreError('missing', '/x holds no storage group'),
    aaa: new StoreError('locked', '/x is in use by process 7'),
    aaaa: new StoreError('corrupt', 'The superblock does not verify'),
    aaaaa: new StoreError('io', 'Reading failed: EIO'),
    aaaaaa: new RefusedError('not-found', 'The key file cannot be read'),
  };
  await catalog.groups.create(row('a', { isDefault: true, made: false }));
  for (const name of Object.keys(failures)) await catalog.groups.create(row(name));
  await catalog.groups.create(row('aaaaaaa', { keyKind: 'passphrase' }));
  const openStore: OpenStore = async ({ name }, folder, expected) => {
    const failure = failures[name];
    if (failure !== undefined) throw failure;
    t.is(name, 'a', 'without its passphrase nobody tries');
    return await FileGroup.open({ env, folder, ...expected });
  };
  const groups = await Groups.open({ env, catalog, home, openStore });
  t.deepEqual(
    groups.all.map(({ state, problem }) => [state, /`(tapesilo .*)`/.exec(problem?.message ?? '')?.[1]]),
    [
      ['open', undefined],
      ['absent', 'tapesilo group open aa'],
      ['in use', 'tapesilo group open aaa'],
      ['damaged', 'tapesilo group open aaaa'],
      ['failed', 'tapesilo group open aaaaa'],
      ['locked', 'tapesilo group open aaaaaa'],
      ['locked', 'tapesilo group unlock aaaaaaa'],
    ],
  );
  for (const work of [
    async () => await groups.named('aa').create('v'),
    async () => await groups.named('aa').remove('v'),
    async () => await groups.named('aa').space(),
  ]) {
    const error = await t.throwsAsync<StoreError>(work());
    t.like(error, { code: 'unavailable' });
    t.regex(error?.message ?? '', /Storage group aa is not open: .*mount its disk/);
  }
  await groups.close();
  await catalog.close();
});

test('one that takes long is used when it is open, and the start does not wait for it', async (t) => {
  const catalog = await Catalog.open(env, ':memory:');
  const home = await tempFolder(t);
  await catalog.groups.create(row('a', { isDefault: true, made: false }));
  await catalog.groups.create(row('slow', { folder: 'groups/slow' }));
  let goOn: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => (goOn = resolve));
  const openStore: OpenStore = async ({ name }, folder, { id }) => {
    if (name === 'slow') await slow;
    return await FileGroup.open({ env, folder, ...(id === undefined ? {} : { id }) });
  };
  const groups = await Groups.open({ env, catalog, home, openStore, graceMs: 0 });
  t.deepEqual(
    groups.all.map(({ state }) => state),
    ['open', 'opening'],
  );
  const opened = new Promise<string>((resolve) => {
    groups.whenOpened = async ({ name }) => await Promise.resolve(resolve(name));
  });
  goOn();
  t.is(await opened, 'slow');
  t.is(groups.named('slow').state, 'open');
  t.truthy(groups.named('slow').row.storeId, 'what it calls itself is known from now on');
  await groups.close();
  await catalog.close();
});
