/** Who may import whom. The table is the architecture; ARCHITECTURE.md explains it. */
import { dirname, join } from 'node:path';
import test from 'ava';
import { importsOf, product, type Source, tests } from './sources.js';

interface Layer {
  /** Layers whose faces it may import. `errors` and `limits` are everyone's. */
  readonly layers: readonly string[];
  /** Packages and Node modules beyond `everyone`. */
  readonly packages: readonly string[];
}
const layer = (layers: string, packages = ''): Layer => ({
  layers: layers.split(' ').filter((name) => name !== ''),
  packages: packages.split(' ').filter((name) => name !== ''),
});

const TABLE: Readonly<Record<string, Layer>> = {
  errors: layer(''),
  limits: layer(''),
  wire: layer('', 'buffer-layout bitfield @node-rs/crc32 @node-rs/xxhash'),
  env: layer(
    'wire',
    'node:fs node:fs/promises node:net node:tls node:os node:child_process node:readline/promises node:process node:v8 pino sqlite3 koffi',
  ),
  scsi: layer('wire env'),
  store: layer('wire env', 'node:zlib node:worker_threads @foxglove/wasm-zstd/dist/wasm-zstd.js'),
  catalog: layer('env', 'node:async_hooks'),
  vtl: layer('wire env store catalog'),
  targets: layer('wire env scsi vtl'),
  iscsi: layer('wire env scsi'),
  trees: layer('wire env', 'node:worker_threads'),
  ndmp: layer('wire env scsi vtl trees'),
  admin: layer('wire env scsi store catalog vtl targets iscsi trees ndmp'),
  cli: layer('wire env scsi targets iscsi ndmp admin', 'yargs'),
  daemon: layer('wire env scsi store catalog vtl targets iscsi trees ndmp admin'),
  main: layer('wire env scsi store catalog vtl targets iscsi trees ndmp admin cli daemon'),
};
/** Modules of Node that touch nothing outside the process, and pure cryptography (lint bans its random functions). */
const everyone = ['node:assert', 'node:path', 'node:util', 'node:crypto', 'node:events'];

/** `src/scsi/sense.ts` is in layer scsi, `vtl/drive.ts` in vtl, `src/limits.ts` in limits. */
function layerOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return (first === 'src' ? second : first).replace(/\.ts$/, '');
}

/** What is wrong with one import; undefined when nothing is. */
function fault(source: Source, specifier: string): string | undefined {
  const from = layerOf(source.path);
  const rules = TABLE[from];
  if (rules === undefined) return `layer ${from} is not in the table`;
  if (specifier.startsWith('.')) {
    const to = layerOf(join(dirname(source.path), specifier).replace(/\.js$/, '.ts'));
    if (to === from || to === 'errors' || to === 'limits') return undefined;
    if (from === 'main') return undefined; // the one file without a layer of its own
    return `${to} is another layer: import its face, #${to}`;
  }
  if (specifier.startsWith('#')) {
    const to = specifier.slice(1);
    if (to === from) return 'inside a layer imports are relative';
    return to === 'errors' || to === 'limits' || rules.layers.includes(to)
      ? undefined
      : `${from} must not know ${to}`;
  }
  return everyone.includes(specifier) || rules.packages.includes(specifier)
    ? undefined
    : `${from} must not use ${specifier}`;
}

test('every import of the product is one that the table of layers allows', (t) => {
  const faults = product.flatMap((source) =>
    importsOf(source).flatMap((specifier) => {
      const what = fault(source, specifier);
      return what === undefined ? [] : [`${source.path} imports ${specifier}: ${what}`];
    }),
  );
  t.deepEqual(faults, []);
});

test('the check finds what it is there to find', (t) => {
  const imports = (path: string, text: string): (string | undefined)[] =>
    importsOf({ path, text }).map((specifier) => fault({ path, text }, specifier));
  const code = `// import a from '#vtl';\nimport type { Drive } from '#vtl';\nexport {\n  a,\n} from '../store/store.js';\nimport fs from 'node:fs';`;
  t.deepEqual(imports('src/iscsi/session.ts', code), [
    'iscsi must not know vtl',
    'store is another layer: import its face, #store',
    'iscsi must not use node:fs',
  ]);
  t.deepEqual(imports('vtl/drive.ts', `import { StoreError } from '#errors';\nimport { a } from './a.js';`), [
    undefined,
    undefined,
  ]);
});

test('the product does not import its tests', (t) => {
  const faults = product.filter((source) =>
    importsOf(source).some((specifier) => specifier === '#support' || specifier.includes('test/')),
  );
  t.deepEqual(
    faults.map(({ path }) => path),
    [],
  );
});

test('tests cross layers by their faces, or test the module that they mirror; benches measure parts', (t) => {
  const faults = tests.flatMap((source) =>
    importsOf(source)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => join(dirname(source.path), specifier))
      .filter((path) => !/^(test\/|src\/(limits|errors)\.js$)/.test(path))
      .filter(
        (path) =>
          !source.path.startsWith(`test/unit/${layerOf(path)}`) &&
          !/^test\/(fuzz|sim|bench)\//.test(source.path),
      )
      .map((path) => `${source.path} imports ${path}`),
  );
  t.deepEqual(faults, []);
});
