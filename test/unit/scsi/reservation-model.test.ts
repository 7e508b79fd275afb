/**
 * Persistent reservations against a model: maps and ifs over nexus names, written from the tables of SPC-5 5.14, and what
 * each nexus may then do, tried by real commands.
 */
import test from 'ava';
import fc from 'fast-check';
import { type Nexus, STATUS } from '#scsi';
import { ask, attached, PlainUnit, readKeys, readReservation, reserveOut, takeAttentions } from '#support';

const names = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof names)[number];
type Told = Record<Name, string[]>;

interface Model {
  readonly keys: Map<Name, number>;
  type: number;
  /** 'all' for all registrants types. */
  holder: Name | 'all' | undefined;
  generation: number;
  told: Told;
}
interface Real {
  readonly unit: PlainUnit;
  readonly nexus: Record<Name, Nexus>;
}

const nobody = (): Told => ({ a: [], b: [], c: [], d: [] });
const isAll = (type: number): boolean => type === 7 || type === 8;
const forRegistrants = (type: number): boolean => type >= 5;
const holds = (m: Model, who: Name): boolean => m.keys.has(who) && (m.holder === 'all' || m.holder === who);

function tell(m: Model, whom: Iterable<Name>, what: string, except: Name): void {
  // A condition that is pending already is not established twice.
  for (const who of whom) if (who !== except && !m.told[who].includes(what)) m.told[who].push(what);
}
function settle(m: Model): void {
  const gone = m.holder === 'all' ? m.keys.size === 0 : m.holder !== undefined && !m.keys.has(m.holder);
  if (gone) m.holder = undefined;
}

type Verdict = 'good' | 'conflict' | 'refused';
interface Step {
  readonly action: Parameters<typeof reserveOut>[2];
  readonly who: Name;
  readonly key: number;
  readonly serviceKey: number;
  readonly type: number;
}

/** Changes the model as the standard says, and answers how the command must end. */
function play(m: Model, { action, who, key, serviceKey, type }: Step): Verdict {
  const own = m.keys.get(who);
  if (action === 'register' || action === 'registerIgnore') {
    if (action === 'register' && key !== (own ?? 0)) return 'conflict';
    if (serviceKey === 0 && own === undefined) return 'good';
    m.generation += 1;
    if (serviceKey !== 0) {
      m.keys.set(who, serviceKey);
      return 'good';
    }
    const registrantsOnly = m.holder === who && (m.type === 5 || m.type === 6);
    m.keys.delete(who);
    settle(m);
    if (registrantsOnly) tell(m, m.keys.keys(), '2a/04', who);
    return 'good';
  }
  if (own === undefined || own !== key) return 'conflict';
  if (action === 'reserve') {
    if (m.holder !== undefined) return holds(m, who) && m.type === type ? 'good' : 'conflict';
    m.type = type;
    m.holder = isAll(type) ? 'all' : who;
    return 'good';
  }
  if (action === 'release') {
    if (m.holder === undefined || !holds(m, who)) return 'good';
    if (type !== m.type) return 'refused';
    m.holder = undefined;
    if (forRegistrants(type)) tell(m, m.keys.keys(), '2a/04', who);
    return 'good';
  }
  if (action === 'clear') {
    tell(m, m.keys.keys(), '2a/03', who);
    m.keys.clear();
    m.holder = undefined;
    m.generation += 1;
    return 'good';
  }
  return preempt(m, who, serviceKey, type);
}

function preempt(m: Model, who: Name, serviceKey: number, type: number): Verdict {
  if (serviceKey === 0 && m.holder !== 'all') return 'refused';
  const hit = names.filter(
    (name) => m.keys.has(name) && (serviceKey === 0 || m.keys.get(name) === serviceKey),
  );
  if (hit.length === 0) return 'conflict';
  m.generation += 1;
  const takes = m.holder === 'all' ? serviceKey === 0 : m.holder !== undefined && hit.includes(m.holder);
  if (!takes) {
    for (const name of hit) m.keys.delete(name);
    tell(m, hit, '2a/05', who);
    settle(m);
    return 'good';
  }
  for (const name of hit) if (name !== who) m.keys.delete(name);
  tell(m, hit, '2a/05', who);
  if (m.type !== type) tell(m, m.keys.keys(), '2a/04', who);
  m.type = type;
  m.holder = isAll(type) ? 'all' : who;
  return 'good';
}

/** May `who` send a command that reads, or that changes? */
function may(m: Model, who: Name, changes: boolean): boolean {
  if (m.holder === undefined || holds(m, who)) return true;
  if (forRegistrants(m.type) && m.keys.has(who)) return true;
  return !changes && [1, 5, 7].includes(m.type);
}

/** A step whose keys are found when it runs: most of the time a command is one that could succeed. */
interface Wish extends Omit<Step, 'key'> {
  /** -1: the key that is registered. */
  readonly key: number;
  /** The type that is reserved. */
  readonly sameType: boolean;
}

class ReserveStep implements fc.AsyncCommand<Model, Real> {
  readonly wish: Wish;
  constructor(wish: Wish) {
    this.wish = wish;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, { unit, nexus }: Real): Promise<void> {
    const { action, who, serviceKey } = this.wish;
    const key = this.wish.key < 0 ? (model.keys.get(who) ?? 0) : this.wish.key;
    const type = this.wish.sameType && model.holder !== undefined ? model.type : this.wish.type;
    const ran = await reserveOut(unit, nexus[who], action, { key, serviceKey, type });
    const verdict = play(model, { action, who, key, serviceKey, type });
    const expected = {
      good: STATUS.good,
      conflict: STATUS.reservationConflict,
      refused: STATUS.checkCondition,
    };
    same(ran.status, expected[verdict], 'status');
    for (const name of names)
      same(takeAttentions(unit, nexus[name]), model.told[name], `what ${name} is told`);
    model.told = nobody();
    const { generation, keys } = await readKeys(unit, nexus.a);
    same(
      keys.toSorted((x, y) => x - y),
      [...model.keys.values()].toSorted((x, y) => x - y),
      'keys',
    );
    same(generation, model.generation, 'generation');
    const holderKey = model.holder === 'all' ? 0 : model.keys.get(model.holder ?? 'a');
    const reservation = model.holder === undefined ? undefined : { key: holderKey, type: model.type };
    same(await readReservation(unit, nexus.a), reservation, 'reservation');
    for (const name of names) {
      for (const [cdb, changes] of [
        ['1a003f00ff00', false],
        ['151000000000', true],
      ] as const) {
        const good = (await ask(unit, nexus[name], cdb)).status === STATUS.good;
        same(good, may(model, name, changes), `${name} ${changes ? 'changes' : 'reads'}`);
      }
    }
  }
  toString(): string {
    const { action, who, key, serviceKey, type, sameType } = this.wish;
    return `${who}: ${action}(${key}, ${serviceKey}, type ${sameType ? 'as is' : type})`;
  }
}
function same(got: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    throw new Error(`${what}: ${JSON.stringify(got)}, the model says ${JSON.stringify(expected)}`);
  }
}

// Few keys, so that nexuses share them; most steps keep the state rich, few empty it.
const weighted = <T>(...entries: readonly (readonly [number, T])[]): fc.Arbitrary<T> =>
  fc.oneof(...entries.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
const steps = fc
  .record({
    action: weighted<Step['action']>(
      [5, 'register'],
      [2, 'registerIgnore'],
      [6, 'reserve'],
      [2, 'release'],
      [1, 'clear'],
      [5, 'preempt'],
      [3, 'preemptAndAbort'],
    ),
    who: fc.constantFrom(...names),
    key: weighted([9, -1], [1, 1]),
    serviceKey: weighted([2, 0], [4, 1], [4, 2], [4, 3]),
    type: fc.constantFrom(1, 3, 5, 6, 7, 8),
    sameType: fc.boolean(),
  })
  .map((wish) => new ReserveStep(wish));

test('any course of persistent reservations agrees with the model', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.commands([steps], { maxCommands: 40, size: 'max' }), async (commands) => {
      await fc.asyncModelRun(() => {
        const unit = new PlainUnit();
        const nexus = Object.fromEntries(names.map((name) => [name, attached(unit, name)])) as Real['nexus'];
        const model: Model = { keys: new Map(), type: 0, holder: undefined, generation: 0, told: nobody() };
        return { model, real: { unit, nexus } };
      }, commands);
    }),
    { seed: 0x5eed, numRuns: 250 },
  );
  t.pass();
});
