import test from 'ava';
import { StoreError } from '#errors';
import { CheckCondition } from '#scsi';
import { DriveError, MamError } from '#vtl';
import { translated } from '../../../../targets/tape/faults.js';
import { DRIVE_FAULTS, MAM_FAULTS, REFUSALS, STORE_FAULTS } from '../../../../targets/tape/faults.table.js';

const codes = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[];

test('every error of drive, store and MAM becomes sense data', (t) => {
  const errors = [
    ...codes(DRIVE_FAULTS).map((code) => new DriveError(code, 'x')),
    ...codes(STORE_FAULTS).map((code) => new StoreError(code, 'x')),
    ...codes(MAM_FAULTS).map((code) => new MamError(code, 'x')),
    ...codes(REFUSALS).map((refusal) => new DriveError('refused', 'x', { refusal })),
  ];
  for (const error of errors) {
    const told = translated(error, 5);
    if (!(told instanceof CheckCondition)) return t.fail(error.code);
    t.not(told.sense.key, 'no-sense');
  }
  t.is(errors.length > 30, true);
});

test('the end of the partition tells EOM and what is left', (t) => {
  for (const code of ['volume-overflow', 'full'] as const) {
    const told = translated(new DriveError(code, 'x', { residue: 7 })) as CheckCondition; // as the test above has shown
    t.deepEqual(told.extras, { information: 7, eom: true });
    const block = translated(new DriveError(code, 'x', { residue: 1 }), 3000) as CheckCondition;
    t.is(block.extras.information, 3000);
  }
});

test('what is none of these stays what it is', (t) => {
  const bug = new TypeError('a bug');
  t.is(translated(bug), bug);
});
