import test from 'ava';
import { Extensions, offeredExtensions } from '../../../src/ndmp/extensions.js';

test('IPv6 addresses are offered as class 2051h, and used when chosen', (t) => {
  t.deepEqual(offeredExtensions, [{ classId: 0x2051, versions: [1] }]);
  const extensions = new Extensions();
  t.false(extensions.hasConnectionAddresses);
  extensions.choose([{ classId: 0x2051, version: 1 }]);
  t.true(extensions.hasConnectionAddresses);
});

test('a refused choice chooses nothing', (t) => {
  const cae = { classId: 0x2051, version: 1 };
  const refused = (code: string, ...choices: { classId: number; version: number }[]): void => {
    const extensions = new Extensions();
    t.throws(() => extensions.choose(choices), { code });
    t.false(extensions.hasConnectionAddresses);
    t.notThrows(() => extensions.choose([cae]), 'and the next one counts');
  };
  refused('class-not-supported', cae, { classId: 0x2052, version: 1 });
  refused('version-not-supported', { classId: 0x2051, version: 2 });
  refused('ext-dupl-classes', cae, cae);
});

test('a session chooses once; the same again is no other choice', (t) => {
  const extensions = new Extensions();
  extensions.choose([]);
  t.notThrows(() => extensions.choose([]));
  t.throws(() => extensions.choose([{ classId: 0x2051, version: 1 }]), { code: 'ext-dandn-illegal' });
  t.false(extensions.hasConnectionAddresses);
});
