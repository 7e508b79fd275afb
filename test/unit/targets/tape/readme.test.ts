import test from 'ava';
import { tapePage } from '#support';

test('the tables of targets/tape/README.md are those of the code (else: npm run docs)', async (t) => {
  const { is, wanted } = await tapePage();
  t.is(is, wanted);
});
