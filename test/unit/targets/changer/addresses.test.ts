import test from 'ava';
import fc from 'fast-check';
import { drivesMax, mailSlotsMax, slotsMax } from '#limits';
import { ElementAddresses, libraryPersonalities } from '#targets';

const personalities = [...libraryPersonalities.values()];

test('small libraries have the addresses that the world knows', (t) => {
  const counts = { robot: 1, slot: 40, mail: 1, drive: 4 };
  const seen = Object.fromEntries(
    personalities.map(({ name, bases }) => {
      const addresses = new ElementAddresses(bases, counts);
      return [name, (['robot', 'drive', 'mail', 'slot'] as const).map((kind) => addresses.range(kind).first)];
    }),
  );
  t.deepEqual(seen, {
    'IBM 03584L32': [1, 0x101, 0x300, 0x400],
    'IBM 3573-TL': [1, 0x100, 0x10, 0x1000],
    'STK L700': [1, 0x1f4, 0x0a, 0x3e8],
    'STK SL500': [1, 0x1f4, 0x0a, 0x3e8],
    'STK SL150': [0, 0x1f4, 0x0a, 0x3e8],
    'HP MSL G3 Series': [1, 0x1e0, 0x1c0, 0x20],
    'HP MSL6000 Series': [1, 0x1e0, 0x1c0, 0x20],
    'HP ESL E-Series': [1, 0x1f4, 0x0a, 0x3e8],
    'ADIC Scalar i2000': [1, 0x100, 0x10, 0x1000],
    'ADIC Scalar i500': [1, 0x100, 0x10, 0x1000],
    'QUANTUM Scalar i500': [1, 0x100, 0x10, 0x1000],
    'SPECTRA PYTHON': [1, 0x100, 0x10, 0x1000],
    'OVERLAND NEO Series': [1, 0xff, 0, 2],
  });
});

test('at any size no two elements share an address, and addresses lead back to their elements', (t) => {
  const sizes = fc.record({
    robot: fc.constant(1),
    slot: fc.integer({ min: 0, max: slotsMax }),
    mail: fc.integer({ min: 0, max: mailSlotsMax }),
    drive: fc.integer({ min: 0, max: drivesMax }),
  });
  fc.assert(
    fc.property(fc.constantFrom(...personalities), sizes, ({ bases }, counts) => {
      const addresses = new ElementAddresses(bases, counts);
      let next = 0;
      for (const { kind, first, count } of addresses.ranges) {
        if (first < next || first + count > 0x1_0000) return false;
        next = first + count;
        for (const index of count === 0 ? [] : [0, count - 1]) {
          const back = addresses.refOf(addresses.addressOf({ kind, index }));
          if (back?.kind !== kind || back.index !== index) return false;
        }
      }
      return addresses.refOf(next) === undefined;
    }),
  );
  t.pass();
});

test('storage gives way first: drives keep their addresses', (t) => {
  const { bases } = libraryPersonalities.get('HP MSL G3 Series') ?? t.fail();
  const big = new ElementAddresses(bases, { robot: 1, slot: 500, mail: 4, drive: 8 });
  t.is(big.range('drive').first, 0x1e0);
  t.is(big.range('mail').first, 0x1c0);
  t.is(big.range('slot').first, 0x200);
});

test('personalities fit the fields of INQUIRY and have names of their own', (t) => {
  t.is(personalities.length, 13);
  for (const { name, vendor, product, revision, otherRevisions } of personalities) {
    t.regex(name, /^[\x20-\x7e]+$/);
    t.true(vendor.length <= 8 && product.length <= 16);
    t.true([revision, ...otherRevisions].every((one) => one.length === 4));
  }
  t.is(libraryPersonalities.get('IBM 03584L32')?.revision, '0402');
});
