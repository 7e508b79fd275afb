/** A module that nothing reaches is dead; so is a fixture that no test names. */
import { dirname, join } from 'node:path';
import test from 'ava';
import { files, importsOf, product, read, type Source, tests } from './sources.js';

interface Manifest {
  readonly imports: Readonly<Record<string, { readonly default: string }>>;
  readonly scripts: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(read('package.json')) as Manifest;
const sources = new Map([...product, ...tests].map((source) => [source.path, source]));

const sourceOf = (compiled: string): string => compiled.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, '.ts');

/** The file that an import means; undefined for packages. */
function target(from: Source, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return join(dirname(from.path), specifier).replace(/\.js$/, '.ts');
  const face = manifest.imports[specifier];
  return face === undefined ? undefined : sourceOf(face.default);
}

function reachable(roots: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const next = [...roots];
  for (let path = next.pop(); path !== undefined; path = next.pop()) {
    const source = sources.get(path);
    if (source === undefined || seen.has(path)) continue;
    seen.add(path);
    for (const specifier of importsOf(source)) next.push(target(source, specifier) ?? '');
  }
  return seen;
}

const scripted =
  Object.values(manifest.scripts)
    .join(' ')
    .match(/dist\/[\w/.-]+\.js/g)
    ?.map(sourceOf) ?? [];
/** Processes that tests start. */
const started = tests.flatMap(({ text }) => text.match(/dist\/test\/[\w/.-]+\.js/g) ?? []).map(sourceOf);
const isTest = (path: string): boolean => path.endsWith('.test.ts');

test('every module of the product is reached from src/main.ts', (t) => {
  const alive = reachable(['src/main.ts', ...scripted]);
  const dead = product.map(({ path }) => path).filter((path) => !alive.has(path) && !path.endsWith('.d.ts'));
  t.deepEqual(dead, []);
});

test('every module of the tests is reached from a test or a script', (t) => {
  const alive = reachable([...tests.map(({ path }) => path).filter(isTest), ...scripted, ...started]);
  t.deepEqual(
    tests.map(({ path }) => path).filter((path) => !alive.has(path)),
    [],
  );
});

test('every fixture is named by a test', (t) => {
  const code = tests.map(({ text }) => text).join('\n');
  const unused = files.filter((path) => {
    if (!path.startsWith('fixtures/') || path.endsWith('README.md')) return false;
    const parts = path.split('/');
    const folders = parts.slice(1, -1).map((_, index) => parts.slice(0, index + 2).join('/'));
    return (
      !code.includes(path) &&
      !folders.some((folder) => code.includes(`'${folder}'`) || code.includes(`'${folder}/`))
    );
  });
  t.deepEqual(unused, []);
});
