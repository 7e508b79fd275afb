/** Nothing in the project knows the machine that it was written on. */
import test from 'ava';
import { files, read } from './sources.js';

const text = files.filter((path) => !/\.(png|bin|pcap)$/.test(path) && path !== 'test/tidy/portable.test.ts');

function found(pattern: RegExp): string[] {
  return text.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 100)}`] : [],
      ),
  );
}

test('no paths of somebody’s machine', (t) => {
  t.deepEqual(found(/(^|[\s"'`=(:])\/(work|home|Users|root(?!\/dev))\/\w/), []);
});
test('no registry or proxy is written down', (t) => {
  t.deepEqual(found(/registry\.npmjs|registry\.yarnpkg|"resolved":|deb\.debian\.org|\/etc\/apt\/mirror/), []);
});
