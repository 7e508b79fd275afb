/** What ndmjob says of us in one version of the protocol: its conformance tests phase by phase, then robot and backup jobs. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  agentText,
  describeTree,
  isInstalled,
  type NdmjobAgent,
  type NdmjobPhase,
  ndmjobProgram,
  type NdmjobReport,
  type NdmpVersionNumber,
} from '#support';
import { type PhaseRow, PHASES } from './ndmjob-phases.table.js';
import { dataArgs, type NdmjobSite, openNdmjobSite, robotArgs, tapeArgs } from './ndmjob-site.js';

type Job = (t: ExecutionContext, site: NdmjobSite) => Promise<void>;
type Declare = (title: string, job: Job, needsGcc?: boolean) => void;
const hasGcc = isInstalled('gcc');

/** Of 512 bytes, so that records are no power of two too. */
const recordUnits = { 2: [20], 3: [7], 4: [128] };
const unitBytes = 512;
/** For all of it. */
const timeoutMs = 300_000;

export function ndmjobSuite(version: NdmpVersionNumber): void {
  if (!isInstalled(ndmjobProgram)) {
    test.skip(`ndmjob in NDMP v${version} (not installed: ndmjob of amanda-common)`, (t) => t.pass());
    return;
  }
  const opening = openNdmjobSite(version);
  test.after.always(async () => await (await opening).close());
  // In order within a version, since there is one drive; the versions beside each other, since ndmjob mostly waits.
  let before: Promise<unknown> = opening;
  const declare: Declare = (title, job, needsGcc = false) => {
    const whole = `ndmjob v${version}: ${title}`;
    if (needsGcc && !hasGcc) {
      test.skip(`${whole} (not installed: gcc)`, (t) => t.pass());
      return;
    }
    test(whole, async (t) => {
      t.timeout(timeoutMs);
      const mine = before.then(async () => await job(t, await opening));
      before = mine.catch(() => undefined); // its own test tells
      await mine;
    });
  };
  declare('who we are and what we have', lists);
  declare('passwords', passwords);
  declare('the robot moves, imports, exports and refuses', robot);
  declarePhases(version, declare);
  declare('labels are written, listed and compared', labels);
  for (const units of recordUnits[version])
    declare(`three-way with a filer, records of ${units * unitBytes} bytes`, filer(units), true);
  for (const way of version === 2 ? WAYS.slice(0, 2) : WAYS)
    declare(`our own DATA service, ${way.name}`, ownData(way));
  declare('the tape is ejected', eject);
  declare('a backup over two tapes by window', twoTapes('window'));
  declare('a backup over two tapes by end of medium', twoTapes('medium'));
}

// --- who is there -----------------------------------------------------------------------------------------------------

async function lists(t: ExecutionContext, site: NdmjobSite): Promise<void> {
  const { version, ndmjob } = site;
  const asTape = await ndmjob.run('-q', ...tapeArgs(site));
  t.regex(asTape.text, new RegExp(`Tape Agent 127\\.0\\.0\\.1 NDMPv${version}`), asTape.end);
  const asRobot = await ndmjob.run('-q', ...robotArgs(site));
  t.regex(asRobot.text, /drive \d+@\d+/, asRobot.end);
  t.regex(asRobot.text, new RegExp(`@${site.slots[0]} +SLOT Full +.*TS0001L8`), asRobot.end);
  const asData = await ndmjob.run('-q', ...dataArgs(site));
  t.regex(asData.text, /Data Agent/, asData.end);
  if (version === 2) return; // it has no lists
  t.true(asTape.text.includes(`device     ${site.tape}`), asTape.end);
  t.true(asRobot.text.includes(`device     ${site.robot}`), asRobot.end);
  t.regex(asData.text, /butype|Backup type/i, asData.end);
  t.regex(asData.text, /\btar\b/, asData.end);
  t.true(asData.text.includes(site.folder), 'the root is among the file systems');
}

async function passwords(t: ExecutionContext, site: NdmjobSite): Promise<void> {
  const { ndmjob, version, ours } = site;
  const good = await ndmjob.run('-q', ...tapeArgs(site, 'text'));
  t.notRegex(good.text, /err |Can't auth|failed/, good.end);
  const wrong = { ...site, ours: { ...ours, secret: 'another secret' } };
  for (const auth of ['text', 'md5'] as const) {
    const said = await ndmjob.run('-o', 'rewind', ...tapeArgs(wrong, auth));
    t.regex(said.text, /auth-(md5|text)-failed/, `v${version} ${auth}`);
  }
  const none = await ndmjob.run('-o', 'rewind', ...tapeArgs(site, 'none'));
  t.false(none.isComplete, none.end);
  const unasked = await ndmjob.run('-o', 'rewind', ...tapeArgs(site, 'unasked'));
  t.regex(unasked.text, /NOT_AUTHORIZED/, unasked.end);
}

async function robot(t: ExecutionContext, site: NdmjobSite): Promise<void> {
  const { drive, mailSlot, slots } = site;
  const [one, two] = slots;
  const order = async (...options: readonly string[]): Promise<NdmjobReport> =>
    await site.ndmjob.run(...options.flatMap((option) => ['-o', option]), ...robotArgs(site));
  const good = async (...options: readonly string[]): Promise<void> => {
    const said = await order(...options);
    t.true(said.isComplete, said.end);
  };
  const elements = async (): Promise<string> => (await site.ndmjob.run('-q', ...robotArgs(site))).text;
  const emptied = await site.ndmjob.run('-Z', ...robotArgs(site));
  t.true(emptied.isComplete, emptied.end);
  await good(`load=${one}`);
  t.true((await order(`load=${two}`)).hadProblems, 'the drive is full');
  const loaded = await elements();
  t.regex(loaded, new RegExp(`@${drive} +TAPE Full`), loaded);
  t.regex(loaded, new RegExp(`@${one} +SLOT Empty`), loaded);
  await good(`unload=${one}`);
  await good(`export=${two}`);
  t.regex(await elements(), new RegExp(`@${mailSlot} +IEE +Full`));
  await good(`import=${two}`);
  await good('move', `from-addr=${one}`, `to-addr=${drive}`);
  await good('move', `from-addr=${drive}`, `to-addr=${one}`);
  t.true((await order('move', 'from-addr=9999', `to-addr=${drive}`)).hadProblems, 'there is no element 9999');
  await good('init-elem-status');
  await good(`load=${one}`);
}

// --- conformance ------------------------------------------------------------------------------------------------------

/** Each test of ndmjob's is run once; a phase of it is a test of ours. */
function declarePhases(version: NdmpVersionNumber, declare: Declare): void {
  const reports = new Map<string, { said: NdmjobReport; phases: Map<string, NdmjobPhase> }>();
  for (const row of PHASES) {
    const steps = row.steps[version - 2] ?? 0;
    if (steps === 0) continue;
    const job: Job = async (t, site) => {
      const report = reports.get(row.test) ?? (await runTest(site, row.test));
      reports.set(row.test, report);
      const { text = report.said.end, ...was } = report.phases.get(row.phase) ?? {};
      t.deepEqual(was, { steps, faults: [...(row.excused ?? [])] }, text);
    };
    declare(`${row.test} ${row.phase}, ${steps} steps`, job, row.isBehindFault);
  }
}
async function runTest(
  site: NdmjobSite,
  name: PhaseRow['test'],
): Promise<{ said: NdmjobReport; phases: Map<string, NdmjobPhase> }> {
  const where = name === 'test-data' ? [...dataArgs(site), '-B', 'tar'] : tapeArgs(site);
  const said = await site.ndmjob.run('-o', name, ...where);
  return { said, phases: said.phases() };
}

// --- jobs -------------------------------------------------------------------------------------------------------------

const labelOf = ({ version }: NdmjobSite): string => `LABEL${version}`;

async function labels(t: ExecutionContext, site: NdmjobSite): Promise<void> {
  const rewound = await site.ndmjob.run('-o', 'rewind', ...tapeArgs(site));
  t.true(rewound.isComplete, rewound.end);
  const said = await site.ndmjob.run('-o', 'init-labels', ...tapeArgs(site), '-m', labelOf(site));
  t.true(said.isComplete, said.end);
  const listed = await site.ndmjob.run('-l', ...tapeArgs(site));
  t.true(listed.text.includes(`ME "${labelOf(site)}"`), listed.end);
  const wrong = await site.ndmjob.run([
    '-c',
    ...dataArgs(site),
    ...tapeArgs(site),
    '-m',
    'OTHER',
    '-B',
    'tar',
    '-C',
    site.source,
  ]);
  t.regex(wrong.text, /Label mismatch/, wrong.end);
}

interface Route {
  /** DATA, TAPE and whatever else says who is connected how. */
  readonly agents: readonly string[];
  /** `-m` for each tape, when backing up and when restoring. */
  readonly media: readonly string[];
  readonly mediaBack?: readonly string[];
  readonly units?: number;
}
const indexOf = (site: NdmjobSite): string => join(site.folder, 'work/index');
const tapes = (media: readonly string[]): string[] => media.flatMap((one) => ['-m', one]);
const unitsOf = ({ units = 20 }: Route): string[] => ['-b', String(units)];

/** Backs the source up; the index is what the restore needs. */
async function backUp(t: ExecutionContext, site: NdmjobSite, route: Route): Promise<NdmjobReport> {
  const index = indexOf(site);
  await rm(index, { force: true });
  const said = await site.ndmjob.run(
    ['-c', ...route.agents, ...tapes(route.media), ...unitsOf(route), '-v'],
    ['-B', 'tar', '-C', site.source, '-I', index],
  );
  t.true(said.endedOkay, said.end);
  const listed = await readFile(index, 'utf8');
  for (const name of ['/f4', '/sub/h.txt', '/sub/deep/large'])
    t.true(listed.includes(name), `${name} is in the file history`);
  return said;
}
async function restore(
  t: ExecutionContext,
  site: NdmjobSite,
  route: Route,
  names: readonly string[] = ['/'],
  options: readonly string[] = [],
): Promise<string> {
  const out = join(site.folder, 'out');
  await rm(out, { recursive: true, force: true });
  await mkdir(out);
  const said = await site.ndmjob.run(
    ['-x', ...route.agents, ...tapes(route.mediaBack ?? route.media), ...unitsOf(route)],
    ['-B', 'tar', '-C', out, '-J', indexOf(site), ...options, ...names],
  );
  t.true(said.endedOkay, said.end);
  return out;
}
async function thereAndBack(t: ExecutionContext, site: NdmjobSite, route: Route): Promise<NdmjobReport> {
  const said = await backUp(t, site, route);
  t.deepEqual(await describeTree(await restore(t, site, route)), site.sourceIs);
  return said;
}
const wanted = ['/f2', '/f4', '/sub/h.txt'];
/** Three files by their places in the image. */
async function directly(
  t: ExecutionContext,
  site: NdmjobSite,
  route: Route,
  options: readonly string[] = [],
): Promise<void> {
  const out = await restore(t, site, route, wanted, ['-E', 'DIRECT=y', ...options]);
  t.deepEqual(await describeFiles(out, wanted), await describeFiles(site.source, wanted));
  t.deepEqual(await describeFiles(out, ['/f0', '/sub/empty']), [], 'nothing else is restored');
}
/** The lines of some files, without their folders. */
async function describeFiles(folder: string, names: readonly string[]): Promise<string[]> {
  const lines = await describeTree(folder);
  return lines.filter((line) => names.some((name) => line.includes(` ${name}: `)));
}

const filerArgs = (there: NdmjobAgent, version: NdmpVersionNumber): string[] => [
  '-D',
  agentText(there, version),
];

const filer =
  (units: number): Job =>
  async (t, site) => {
    const data = site.filer === undefined ? [] : filerArgs(site.filer, site.version);
    const route = { agents: [...data, ...tapeArgs(site)], media: [labelOf(site)], units };
    await thereAndBack(t, site, route);
    for (const bytes of [units * unitBytes, 1]) await directly(t, site, route, ['-E', `ROUND=${bytes}`]); // whole records, and bytes anywhere
    const said = await site.ndmjob.run(
      ['-t', ...route.agents, ...tapes(route.media), ...unitsOf(route)],
      ['-B', 'tar', '-I', join(site.folder, 'work/contents')],
    );
    t.true(said.endedOkay, said.end);
  };

interface Way {
  readonly name: string;
  readonly agents: (site: NdmjobSite) => readonly string[];
}
const WAYS: readonly Way[] = [
  { name: 'local', agents: (site) => [...dataArgs(site), '-f', site.tape] },
  { name: 'over TCP', agents: (site) => [...dataArgs(site), ...tapeArgs(site)] },
  {
    name: 'over TCP, DATA listening',
    agents: (site) => [...dataArgs(site), ...tapeArgs(site), '-o', 'swap-connect'],
  },
];
const ownData =
  ({ agents }: Way): Job =>
  async (t, site) => {
    const route = { agents: agents(site), media: [labelOf(site)] };
    await thereAndBack(t, site, route);
    await directly(t, site, route);
  };

async function eject(t: ExecutionContext, site: NdmjobSite): Promise<void> {
  const said = await site.ndmjob.run('-o', 'eject', ...tapeArgs(site));
  t.true(said.isComplete, said.end);
  const emptied = await site.ndmjob.run('-Z', ...robotArgs(site));
  t.true(emptied.isComplete, emptied.end);
}

/** The robot changes the tape when the window or the medium ends. */
const twoTapes =
  (ends: 'window' | 'medium'): Job =>
  async (t, site) => {
    const [one, two] = ends === 'window' ? site.slots : site.smallSlots;
    const first = `A${ends}@${one}`;
    const second = `B${ends}@${two}`;
    const said = await site.ndmjob.run([
      '-o',
      'init-labels',
      ...robotArgs(site),
      ...tapeArgs(site),
      ...tapes([first, second]),
    ]);
    t.true(said.isComplete, said.end);
    const media = [ends === 'window' ? `${first}/500k` : first, second];
    const { filer: there, version } = site;
    const data = there === undefined || ends === 'medium' ? dataArgs(site) : filerArgs(there, version);
    const agents = [...data, ...robotArgs(site), ...tapeArgs(site)];
    const report = await thereAndBack(t, site, { agents, media, mediaBack: [first, second] });
    const reason = ends === 'medium' ? /PAUSE_EOM/ : version === 2 ? /PAUSE_EOF/ : /PAUSE_EOW/;
    t.regex(report.text, reason);
  };
