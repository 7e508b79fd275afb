/**
 * The data service against a model: what may come in which state, and what it leaves behind (spec4 3.5.1). The model is a few
 * lines of its own; the service has a real stream, and a mover, a network and a tree engine that do what the run says.
 */
import { strict as assert } from 'node:assert';
import test from 'ava';
import fc from 'fast-check';
import { NdmpError } from '../../../src/ndmp/errors.table.js';
import type { Address } from '../../../src/ndmp/types.js';
import { DataWorld, local, settle, tcp } from './data-world.js';

type Version = 2 | 3 | 4;
type State = 'idle' | 'listen' | 'connected' | 'active' | 'halted';
const unknown: Address = { type: 'unknown', number: 123 };

/** What is true by the standard. */
interface Model {
  readonly version: Version;
  state: State;
  reason: string;
  operation: string;
  address: 'local' | 'tcp' | undefined;
  /** NOTIFY_DATA_HALTED so far. */
  halts: number;
}
type Step = fc.AsyncCommand<Model, DataWorld>;

async function outcome(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'no-err';
  } catch (error) {
    if (error instanceof NdmpError) return error.code;
    throw error;
  }
}
async function agree(model: Model, world: DataWorld): Promise<void> {
  await settle();
  const state = await world.service.getState();
  assert.deepEqual(
    { state: state.state, reason: state.haltReason, operation: state.operation },
    { state: model.state, reason: model.reason, operation: model.operation },
  );
  assert.equal(world.posts.filter(({ name }) => name === 'notifyDataHalted').length, model.halts);
  assert.equal(world.service.isIdle, model.state === 'idle');
  assert.equal(world.service.listensLocal, model.state === 'listen' && model.address === 'local');
}
function step(name: string, run: (model: Model, world: DataWorld) => Promise<void>): Step {
  return {
    check: () => true,
    toString: () => name,
    async run(model, world) {
      await run(model, world);
      await agree(model, world);
    },
  };
}
/** A request, what the model says that it answers, and what is different afterwards when it is answered so. */
const request = (
  name: string,
  ask: (world: DataWorld) => unknown,
  answer: (model: Model, world: DataWorld) => string,
  done: (model: Model) => void,
): Step =>
  step(name, async (model, world) => {
    const expected = answer(model, world);
    assert.equal(await outcome(() => ask(world)), expected, name);
    if (expected === 'no-err') done(model);
  });
function halted(model: Model, reason: string): void {
  model.state = 'halted';
  model.reason = reason;
  model.halts += 1;
}

const addressTypes = fc.constantFrom('local', 'tcp', 'tcp-ipv6', 'fc', 123);
const listens = addressTypes.map((type) =>
  request(
    `LISTEN ${type}`,
    async ({ service }) =>
      await service.listen(typeof type === 'number' ? { unknown: type } : (type as 'tcp')),
    (model, world) => {
      if (type !== 'local' && type !== 'tcp') return 'illegal-args';
      return model.state === 'idle' && world.moverState === 'idle' ? 'no-err' : 'illegal-state';
    },
    (model) => {
      model.state = 'listen';
      model.address = type as 'local';
    },
  ),
);
const connects = fc
  .constantFrom<Address>(
    local,
    tcp,
    { ...tcp, endpoints: [{ host: '127.0.0.1', port: 9, env: [] }] } as Address,
    unknown,
  )
  .map((address) =>
    request(
      `CONNECT ${address.type}`,
      async ({ service }) => await service.connect(address),
      (model, world) => {
        if (address.type === 'unknown') return 'illegal-args';
        if (model.state !== 'idle') return 'illegal-state';
        if (address.type === 'local') return world.moverState === 'listen' ? 'no-err' : 'illegal-state';
        return address.type === 'tcp' && address.endpoints[0]?.port === 9 ? 'connect' : 'no-err';
      },
      (model) => {
        model.state = 'connected';
        model.address = address.type as 'tcp';
      },
    ),
  );
const startable = (model: Model): boolean => model.state === (model.version === 2 ? 'idle' : 'connected');
/** What stands before a START can do anything: the stream, and in version 2 that it can be had. */
function streamOf(model: Model, world: DataWorld, mode: 'read' | 'write', mover: Address): string {
  if (!startable(model)) return 'illegal-state';
  const isLocal = model.version === 2 ? mover.type === 'local' : model.address === 'local';
  if (isLocal && world.moverMode !== mode) return 'illegal-state';
  if (model.version !== 2) return 'no-err';
  if (mover.type === 'unknown') return 'illegal-args';
  return !isLocal || world.moverState === 'listen' ? 'no-err' : 'illegal-state';
}
const starts = fc
  .record({
    operation: fc.constantFrom('backup', 'recover', 'recover-filehist'),
    type: fc.constantFrom('tar', 'tar', 'tar', 'nope'),
    tree: fc.constantFrom('/data', '/data', '/data', '/data/missing', '/etc'),
    mover: fc.constantFrom(local, tcp, unknown),
  })
  .map(({ operation, type, tree, mover }) =>
    request(
      `START ${operation} ${type} ${tree} ${mover.type}`,
      async ({ service }) => {
        const env = [
          { name: 'FILESYSTEM', value: tree },
          { name: 'PREFIX', value: tree },
        ];
        if (operation === 'backup') await service.startBackup({ mover, buType: type, env });
        else if (operation === 'recover-filehist')
          await service.startRecoverFilehist({ mover, buType: type, env, nlist: [] });
        else await service.startRecover({ mover, buType: type, env, nlist: [] });
      },
      (model, world) => {
        if (type !== 'tar') return 'illegal-args';
        if (!startable(model)) return 'illegal-state';
        if (operation !== 'recover-filehist' && tree === '/etc') return 'permission';
        if (operation === 'backup' && tree === '/data/missing') return 'file-not-found';
        return streamOf(model, world, operation === 'backup' ? 'read' : 'write', mover);
      },
      (model) => {
        if (model.version === 2) model.address = mover.type as 'tcp';
        model.state = 'active';
        model.operation = operation;
      },
    ),
  );
const others = fc.constantFrom<Step>(
  request(
    'ABORT',
    async ({ service }) => await service.abort(),
    ({ state }) => (['listen', 'connected', 'active'].includes(state) ? 'no-err' : 'illegal-state'),
    (model) => halted(model, 'aborted'),
  ),
  request(
    'STOP',
    async ({ service }) => await service.stop(),
    ({ state }) => (state === 'halted' ? 'no-err' : 'illegal-state'),
    (model) =>
      Object.assign(model, { state: 'idle', reason: 'na', operation: 'noaction', address: undefined }),
  ),
  request(
    'GET_ENV',
    ({ service }) => service.getEnv(),
    ({ operation }) => (operation === 'backup' ? 'no-err' : 'illegal-state'),
    () => undefined,
  ),
  request(
    'MOVER_CONNECT local',
    (world) => world.join(world.service.acceptLocal()),
    ({ state, address }) => (state === 'listen' && address === 'local' ? 'no-err' : 'illegal-state'),
    (model) => {
      model.state = 'connected';
    },
  ),
  step('a peer connects', async (model, world) => {
    const { accept } = world;
    world.accept = undefined;
    assert.equal(accept !== undefined, model.state === 'listen' && model.address === 'tcp');
    if (accept === undefined) return;
    accept(world.stream());
    model.state = 'connected';
    await settle();
  }),
  step('the mover changes', async (_, world) => {
    const next = {
      idle: 'listen',
      listen: 'active',
      active: 'idle',
      paused: 'idle',
      halted: 'idle',
    } as const;
    world.moverState = next[world.moverState];
    if (world.moverState === 'listen') world.moverMode = world.moverMode === 'read' ? 'write' : 'read';
    await settle();
  }),
);
const ends = fc.constantFrom('successful', 'failed').map((result) =>
  step(`the engine ends: ${result}`, async (model, world) => {
    const { job } = world.trees;
    world.trees.job = undefined;
    if (job === undefined) return;
    job.end({ outcome: result });
    await settle();
    if (model.state === 'active') halted(model, result === 'failed' ? 'internal-error' : result);
  }),
);
const cut = fc.constant(
  step('the stream is cut', async (model, world) => {
    if (model.state !== 'active') return;
    for (const { link } of world.peers.splice(0)) link.destroy();
    await settle();
    const { job } = world.trees;
    world.trees.job = undefined;
    job?.end({ outcome: 'failed' });
    await settle();
    halted(model, 'connect-error');
  }),
);

for (const version of [2, 3, 4] as const) {
  test(`version ${version}: states, refusals and notices are those of the model`, async (t) => {
    const steps =
      version === 2 ? [starts, others, ends, cut] : [listens, connects, starts, starts, others, ends, cut];
    await fc.assert(
      fc.asyncProperty(fc.commands(steps, { maxCommands: 40, size: 'max' }), async (commands) => {
        const setup = () => ({
          model: {
            version,
            state: 'idle',
            reason: 'na',
            operation: 'noaction',
            address: undefined,
            halts: 0,
          } as Model,
          real: new DataWorld({ version }),
        });
        await fc.asyncModelRun(setup, commands);
      }),
      { numRuns: 300, seed: 20_261_122 + version },
    );
    t.pass();
  });
}
