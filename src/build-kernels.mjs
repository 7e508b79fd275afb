/**
 * Compiles src/store/kernels/assembly (AssemblyScript) to one WebAssembly module, written into dist as a JavaScript module
 * that exports its bytes in base64: nothing has to be read from a disk at run time. Does nothing when the module in dist
 * came from the same sources, compiler and options. As a program: `node src/build-kernels.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const assembly = 'src/store/kernels/assembly';
const output = 'dist/src/store/kernels/kernels-wasm.js';
const compiler = 'node_modules/assemblyscript';

// The memory is the engine's, of any size: 65536 pages are all that an address of 32 bits reaches.
const options =
  '-O3 --noAssert --runtime stub --use abort= --enable simd --enable threads --enable bulk-memory ' +
  '--importMemory --sharedMemory --initialMemory 1 --maximumMemory 65536';

/** `top`: the folder of the clone. Throws when the compiler says no. */
export function buildKernels(top) {
  const path = join(top, output);
  const stamp = `// ${stampOf(top)}\n`;
  if (existsSync(path) && readFileSync(path, 'latin1').startsWith(stamp)) return;
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`; // its own name: two builds may run at once
  const args = [join(top, compiler, 'bin/asc.js'), join(assembly, 'index.ts'), '--outFile', `${part}.wasm`];
  try {
    const { status, error } = spawnSync(process.execPath, [...args, ...options.split(' ')], {
      cwd: top,
      stdio: ['ignore', 2, 2],
    });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`The compiler of ${assembly} failed`);
    const base64 = readFileSync(`${part}.wasm`).toString('base64');
    writeFileSync(part, `${stamp}export const kernelsWasm =\n  '${base64}';\n`);
    renameSync(part, path);
  } finally {
    for (const leftover of [part, `${part}.wasm`]) rmSync(leftover, { force: true });
  }
}

function stampOf(top) {
  const hash = createHash('sha256').update(options);
  hash.update(JSON.parse(readFileSync(join(top, compiler, 'package.json'), 'utf8')).version);
  for (const name of readdirSync(join(top, assembly)).toSorted()) {
    hash.update(name).update(readFileSync(join(top, assembly, name)));
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildKernels(dirname(dirname(fileURLToPath(import.meta.url))));
}
