/** Who may log in to a target and what they see. */
import test from 'ava';
import type { ChapAccountRow, InitiatorRow, TargetRow } from '#catalog';
import { TargetAccess } from '../../../src/admin/access.js';

const target: TargetRow = {
  id: 't',
  name: 'iqn.2026-11.com.example:t',
  alias: '',
  redirectPermanent: false,
  createdMs: 0,
};
const host = 'iqn.1993-08.org.debian:01:host';

function access(initiators: Partial<InitiatorRow>[], accounts: Partial<ChapAccountRow>[] = []): TargetAccess {
  const made = new TargetAccess(target);
  made.refresh(
    target,
    accounts.map((row, id) => ({
      id,
      targetId: 't',
      direction: 'initiator',
      user: 'u',
      secret: Buffer.from('s'),
      ...row,
    })),
    initiators.map((row, id) => ({ id, targetId: 't', ...row })),
  );
  return made;
}
const from = (address: string, name = host) => ({ name, address });

test('without a list everyone is admitted and sees all', (t) => {
  const open = access([]);
  t.true(open.isOpen);
  t.true(open.admits(from('192.0.2.1')));
  t.true(open.sees(from('203.0.113.9'), 7));
});
test('a list admits who is in it, by name, by network, by both', (t) => {
  const list = access([
    { name: host },
    { address: '10.0.0.0/8' },
    { name: 'iqn.x:*', address: '192.0.2.0/24' },
  ]);
  t.false(list.isOpen);
  t.true(list.admits(from('203.0.113.9')));
  t.true(list.admits(from('203.0.113.9', host.toUpperCase())));
  t.false(list.admits(from('203.0.113.9', `${host}2`)));
  t.true(list.admits(from('10.9.9.9', 'iqn.other:a')));
  t.true(list.admits(from('192.0.2.5', 'iqn.x:anything')));
  t.false(list.admits(from('203.0.113.9', 'iqn.x:anything')));
  t.false(list.admits(from('not an address', 'iqn.other:a')));
});
test('an initiator sees the union of what its entries let it see', (t) => {
  const list = access([
    { name: host, luns: [0, 2] },
    { address: '10.0.0.0/8', luns: [3] },
    { name: 'iqn.all' },
  ]);
  t.deepEqual(
    [0, 1, 2, 3].map((lun) => list.sees(from('203.0.113.9'), lun)),
    [true, false, true, false],
  );
  t.true(list.sees(from('10.1.1.1'), 3));
  t.true(list.sees(from('203.0.113.9', 'iqn.all'), 99));
  t.false(list.sees(from('203.0.113.9', 'iqn.stranger'), 0));
});
test('CHAP is asked for when there is a user of the initiators', (t) => {
  t.is(access([]).chap(), undefined);
  t.is(access([], [{ direction: 'target', user: 'silo' }]).chap(), undefined);
  const chap = access(
    [],
    [
      { user: 'a', secret: Buffer.from('secret of a!!') },
      { direction: 'target', user: 'silo', secret: Buffer.from('secret of silo') },
    ],
  ).chap();
  t.deepEqual(chap?.secretOf('a'), Buffer.from('secret of a!!'));
  t.is(chap?.secretOf('silo'), undefined);
  t.is(chap?.mutual?.user, 'silo');
});
