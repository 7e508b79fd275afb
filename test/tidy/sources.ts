/** The project as text: files, code without comments, imports. What the tidy tests look at. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { top } from '#support';

export interface Source {
  /** From the top of the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

const skippedFolders = new Set(['node_modules', 'dist', '.git', '.cache']);

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !skippedFolders.has(entry.name)) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

/** Every file of the project, sorted. */
export const files: readonly string[] = [...walk(top)]
  .map((path) => relative(top, path))
  .filter((path) => !path.endsWith('.tsbuildinfo') && path !== '.git')
  .toSorted();

export const read = (path: string): string => readFileSync(join(top, path), 'utf8');

const sourcesIn = (folders: readonly string[]): Source[] =>
  files
    .filter((path) => path.endsWith('.ts') && folders.some((folder) => path.startsWith(`${folder}/`)))
    .map((path) => ({ path, text: read(path) }));

/** AssemblyScript looks like TypeScript, but its modules are reached by its own compiler and keep its own rules. */
const isAssembly = ({ path }: Source): boolean => path.includes('/assembly/');

export const product: readonly Source[] = sourcesIn(['src', 'targets', 'vtl']).filter(
  (source) => !isAssembly(source),
);
export const tests: readonly Source[] = sourcesIn(['test']);

/** Comments blanked out, line numbers kept. Strings stay: an import lives in one. */
export function codeOf({ text }: Source): string {
  const token = /\/\*[^]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(token, (found) => (found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found));
}

/** Module specifiers of static and dynamic imports and of re-exports. */
export function importsOf(source: Source): string[] {
  const pattern = /(?:^|[;}\s])(?:import|export)\b(?:[^'";]*?\bfrom)?\s*\(?\s*'([^']+)'/g;
  return [...codeOf(source).matchAll(pattern)].map((match) => match[1] ?? '');
}

/** Where `pattern` is found in the code of the sources: `path:line`. */
export function findIn(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap((source) =>
    codeOf(source)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${source.path}:${index + 1}: ${line.trim()}`] : [])),
  );
}
