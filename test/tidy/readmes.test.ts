/** Each folder tells a newcomer what it is. */
import { dirname } from 'node:path';
import test from 'ava';
import { files, read } from './sources.js';

const folders = new Set(
  files
    .map((path) => dirname(path))
    .filter(
      (folder) =>
        /^(src|targets|vtl|test|fixtures)(\/[^/]+)?$/.test(folder) && !folder.startsWith('test/unit'),
    ),
);

test('every folder has a README', (t) => {
  const bare = [...folders].filter((folder) => !files.includes(`${folder}/README.md`));
  t.deepEqual(bare, []);
});

test('links between the pages lead somewhere', (t) => {
  const pages = files.filter((path) => path.endsWith('.md'));
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g)]
      .map((match) => new URL(match[1] ?? '', `file:///${page}`).pathname.slice(1).replace(/\/$/, ''))
      .filter((path) => !files.includes(path) && !files.some((file) => file.startsWith(`${path}/`)))
      .map((path) => `${page} → ${path}`),
  );
  t.deepEqual(broken, []);
});
