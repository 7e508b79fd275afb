/**
 * A process that writes into a deduplicating group until it is killed: four volumes at once, collecting and scrubbing beside. Says
 * `ID COMMITS` on standard output when a commit is acknowledged. What volume i holds after commit n follows from both.
 */
import { realEnv } from '#env';
import { DedupGroup, type Volume } from '#store';
import { appendOf, cutAt } from './dedup-script.js';

const env = realEnv();
const folder = process.argv[2] ?? '';
const group = await DedupGroup.open({
  env,
  folder,
  memoryBytes: 32 * 1024 * 1024,
  tuning: { checkpointBytes: 400_000, pieceRuns: 16 },
});

async function write(index: number): Promise<void> {
  const id = `volume${index}`;
  const known = (await group.list()).includes(id);
  const volume: Volume = known ? await group.open(id) : await group.create(id);
  const stream = volume.stream('data');
  let commits = volume.label.length === 0 ? 0 : Number(volume.label.toString());
  for (;;) {
    commits += 1;
    const cut = cutAt(commits, stream.length);
    if (cut === undefined) await stream.append([appendOf(index, commits)]);
    else stream.truncate(cut);
    await volume.commit(Buffer.from(String(commits)));
    process.stdout.write(`${index} ${commits}\n`);
  }
}
async function keepUp(): Promise<void> {
  for (;;) {
    await group.collect({ garbageShareMin: 0.1 });
    await group.scrub();
    await env.clock.sleep(2); // an empty group has nothing to wait for
  }
}
await Promise.all([write(0), write(1), write(2), write(3), keepUp()]);
