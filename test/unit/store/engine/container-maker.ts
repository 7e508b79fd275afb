/** A container of chunks that are made by rule, ended: what its bytes on disk are tested with. */
import { plainKernels } from '#store';
import { Arena } from '../../../../src/store/engine/arena.js';
import { KIND } from '../../../../src/store/engine/container.format.js';
import { InlineCrew } from '../../../../src/store/engine/crew.js';
import { OpenContainer } from '../../../../src/store/engine/open-container.js';
import { plainRegions, type RegionCipher } from '../../../../src/store/engine/region-cipher.js';
import { EFFORT } from '../../../../src/store/engine/slips.js';
import { Workspaces } from '../../../../src/store/engine/workspace.js';
import { patternBytes } from '../../../contract/store.js';

const chunkBytes = 9000;
export const chunkOf = (index: number): Buffer => patternBytes(index, chunkBytes);

export function containerOf(id: number, chunks: number, cipher: RegionCipher = plainRegions): OpenContainer {
  const arena = new Arena();
  const crew = new InlineCrew(arena, plainKernels);
  const workspace = new Workspaces(arena, 2).take();
  if (workspace === undefined) throw new Error('no memory');
  const tools = { arena, kernels: plainKernels, crew, effort: EFFORT.fast };
  const open = new OpenContainer(id, KIND.data, tools, workspace, () => 'fast', cipher);
  for (let i = 0; i < chunks; i++) open.add(chunkOf(i), 0, chunkBytes, patternBytes(100 + i, 32), 0);
  open.end(() => undefined);
  return open;
}
