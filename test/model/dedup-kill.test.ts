/** kill -9 under four writers with collection and scrubbing beside, on a real disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { realEnv } from '#env';
import { DedupGroup } from '#store';
import { tempFolder, top } from '#support';
import { copyOf } from '#wire';
import { appendOf, cutAt } from './dedup-script.js';

const rounds = 20;

test(`kill -9, ${rounds} times: what was acknowledged is there, byte for byte`, async (t) => {
  const folder = join(await tempFolder(t), 'group');
  const acknowledged = [0, 0, 0, 0];
  const contents = acknowledged.map(() => ({ commits: 0, bytes: Buffer.alloc(0) }));
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [join(top, 'dist/test/model/dedup-process.js'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = 0;
    const target = 15 + ((round * 29) % 60);
    for await (const line of createInterface({ input: child.stdout })) {
      const [index = 0, commits = 0] = line.split(' ').map(Number);
      acknowledged[index] = commits;
      said += 1;
      if (said === target) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    t.is(child.signalCode, 'SIGKILL');
    const group = await DedupGroup.open({ env: realEnv(), folder });
    for (const [index, content] of contents.entries()) {
      if ((acknowledged[index] ?? 0) === 0 && !(await group.list()).includes(`volume${index}`)) continue;
      const volume = await group.open(`volume${index}`);
      const found = volume.label.length === 0 ? 0 : Number(volume.label.toString());
      t.true(
        found === acknowledged[index] || found === (acknowledged[index] ?? 0) + 1,
        `${found}: ${acknowledged[index]}`,
      );
      for (; content.commits < found; content.commits++) {
        const cut = cutAt(content.commits + 1, content.bytes.length);
        content.bytes =
          cut === undefined
            ? Buffer.concat([content.bytes, appendOf(index, content.commits + 1)])
            : content.bytes.subarray(0, cut);
      }
      acknowledged[index] = found;
      const stream = volume.stream('data');
      t.is(stream.length, content.bytes.length);
      if (stream.length > 0) {
        const slab = await stream.read(0, stream.length);
        t.true(copyOf(slab).equals(content.bytes), `volume${index} after ${found}`);
        slab.release();
      }
      await volume.close();
    }
    t.deepEqual((await group.scrub()).ranges, []);
    await group.close();
  }
});
