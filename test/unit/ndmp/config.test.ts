/** CONFIG of the data service: what it can do, and for what. Devices and names are in the tests of their services. */
import test from 'ava';
import { type DataOptions, DumpDates } from '#ndmp';
import { FakeTrees, NdmpBench, SimDisk } from '#support';

const data = (): DataOptions => ({
  trees: new FakeTrees([10]),
  dumpDates: new DumpDates(new SimDisk({ dice: { integer: () => 0 } }).begin(), '/dates'),
  roots: () => [
    { name: 'home', path: '/home', readOnly: false },
    { name: 'etc', path: '/etc', readOnly: true },
  ],
  ownFolders: () => [],
});

test('backup types: what each can do, and the variables that it knows', async (t) => {
  const bench = await NdmpBench.make(t, { data: data() });
  const client = await bench.connect(4);
  const { butypeInfo } = await client.must('configGetButypeInfo', {});
  t.deepEqual(
    butypeInfo.map(({ butypeName, attrs }) => [butypeName, attrs]),
    [['tar', 0x3ffe]],
  );
  t.true(butypeInfo[0]?.defaultEnv.some(({ name, value }) => name === 'TYPE' && value === 'tar'));
});
test('backup types of version 2 are asked for by name', async (t) => {
  const bench = await NdmpBench.make(t, { data: data() });
  const client = await bench.login(2);
  t.is((await client.must('configGetButypeAttr', { name: 'tar' })).attrs, 0, 'nothing that it cannot do');
  t.is(await client.errorOf('configGetButypeAttr', { name: 'cpio' }), 'illegal-args');
});
test('file systems are the configured roots, for who is authorized', async (t) => {
  const bench = await NdmpBench.make(t, { data: data() });
  const stranger = await bench.connect(3);
  t.is(await stranger.errorOf('configGetFsInfo', {}), 'header 4');
  const client = await bench.login(3);
  const { fsInfo } = await client.must('configGetFsInfo', {});
  t.deepEqual(
    fsInfo.map(({ fsLogicalDevice, fsType, unsupported }) => [fsLogicalDevice, fsType, unsupported]),
    [
      ['/home', 'fake', 0],
      ['/etc', 'fake', 0],
    ],
  );
});
test('without a data service there is nothing to back up', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  t.deepEqual((await client.must('configGetButypeInfo', {})).butypeInfo, []);
  t.deepEqual((await client.must('configGetFsInfo', {})).fsInfo, []);
  t.is(
    await client.errorOf('dataStartBackup', { mover: { type: 'local' }, buType: 'tar', env: [] }),
    'illegal-args',
  );
});
