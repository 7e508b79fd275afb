/** The rules of style that a regular expression can hold. */
import { basename } from 'node:path';
import test from 'ava';
import { files, findIn, product, tests } from './sources.js';

const all = [...product, ...tests];

test('no default exports, enums, namespaces or parameter properties', (t) => {
  t.deepEqual(findIn(all, /^\s*export default\b/), []);
  t.deepEqual(findIn(all, /^\s*(export )?(declare )?(const )?enum\s/), []);
  t.deepEqual(findIn(product, /^\s*(export )?namespace\s/), []);
  t.deepEqual(findIn(all, /constructor\(\s*(private|public|protected|readonly)\b/), []);
});

test('no exported variables that change', (t) => {
  t.deepEqual(findIn(all, /^\s*export (let|var)\b/), []);
});

test('no work left without an issue', (t) => {
  const marks = all.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (/\b(TODO|FIXME)\b(?! \(#\d+\))/.test(line) ? [`${path}:${index + 1}`] : [])),
  );
  const here = 'test/tidy/style.test.ts';
  t.deepEqual(
    marks.filter((mark) => !mark.startsWith(here)),
    [],
  );
});

test('checks are switched off only with a reason', (t) => {
  const off = all.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        /(eslint|oxlint)-disable(?!.*-- \w)|@ts-(ignore|nocheck)|@ts-expect-error\s*$/.test(line)
          ? [`${path}:${index + 1}`]
          : [],
      ),
  );
  t.deepEqual(
    off.filter((mark) => !mark.startsWith('test/tidy/style.test.ts')),
    [],
  );
});

test('files are named in kebab case after their noun', (t) => {
  const kebab =
    /^[a-z0-9]+(-[a-z0-9]+)*(\.(table|format|worker|test|sim|fuzz|bench|d))?\.(ts|mjs|c|json|bin|hex|txt|sh)$/;
  const upper = /^(README|COMPLIANCE|FORMAT)\.md$/;
  const script = /^[a-z0-9]+(-[a-z0-9]+)*$/;
  const odd = files
    .filter(
      (path) => /^(src|targets|vtl|test|fixtures)\//.test(path) && !path.startsWith('fixtures/formats/'),
    )
    .map((path) => basename(path))
    .filter(
      (name) => !kebab.test(name) && !upper.test(name) && !script.test(name) && name !== 'decisions.md',
    );
  t.deepEqual(odd, []);
});

test('nothing is named after nothing', (t) => {
  const vague = /(^|-)(util|utils|helper|helpers|manager|misc|common|stuff)(-|\.|$)/;
  t.deepEqual(
    files.filter((path) => /^(src|targets|vtl|test)\//.test(path) && vague.test(basename(path))),
    [],
  );
});

test('faces export names one by one', (t) => {
  t.deepEqual(
    findIn(
      all.filter(({ path }) => path.endsWith('/index.ts')),
      /^\s*export \*/,
    ),
    [],
  );
});
