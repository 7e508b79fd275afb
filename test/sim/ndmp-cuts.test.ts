/** Every scene of every version is cut at every message in every way; then nothing is left, and the tape is as far as it was written. */
import test from 'ava';
import { NdmpStack } from '../fuzz/ndmp-stack.js';
import { blankTape, type Cut, CUTS, SceneIsCut, Stage } from './ndmp-stage.js';
import { type Scene, SCENES } from './ndmp-scenes.js';

const cutNames = Object.keys(CUTS) as Cut[];
const neverAt = 1_000_000;

/** Messages that the scene has, when nobody cuts in. */
async function play(
  ndmp: NdmpStack,
  scene: Scene,
  version: 2 | 3 | 4,
  cut: Cut,
  cutAt: number,
): Promise<number> {
  await blankTape(ndmp, ndmp.tapes[0] ?? '');
  const stage = new Stage(ndmp, version, cut, cutAt);
  try {
    await scene.play(stage);
  } catch (error) {
    if (!(error instanceof SceneIsCut) && !stage.isCut) throw error;
  }
  if (stage.dma.fault !== undefined) throw stage.dma.fault;
  stage.dma.close();
  stage.filer?.link.destroy();
  await ndmp.calm();
  const left = ndmp.leftovers();
  if (left.length > 0) throw new Error(left.join('; '));
  await scene.check(stage);
  return stage.messages;
}

const everywhere = Object.entries(SCENES).flatMap(([name, scene]) =>
  (scene.writes === true ? (['plain', 'dedup'] as const) : (['plain'] as const)).map((store) => ({
    name,
    scene,
    store,
  })),
);
for (const { name, scene, store } of everywhere) {
  test(`NDMP: ${name}, cut at every message in every version, ${store}`, async (t) => {
    const ndmp = await NdmpStack.open(1, undefined, store);
    for (const version of scene.versions) {
      const messages = await play(ndmp, scene, version, 'dmaResets', neverAt);
      t.true(messages > 8);
      for (const cut of cutNames) {
        for (let at = 0; at < messages; at++) {
          await play(ndmp, scene, version, cut, at).catch((error: unknown) => {
            throw new Error(`v${version} ${cut} before message ${at}: ${String((error as Error).stack)}`);
          });
        }
      }
    }
    await ndmp.close();
    t.pass();
  });
}
