/** The hand-written codec against the table, and the table against itself. */
import test from 'ava';
import fc from 'fast-check';
import { PDU, type PduName } from '#iscsi';
import type { Fields } from '#wire';
import { ahsIsSound, splitAhs } from '../../../src/iscsi/ahs.js';
import * as hot from '../../../src/iscsi/pdu.js';

const valueOf = ({ kind, span, high, low }: Fields[string]): fc.Arbitrary<unknown> => {
  if (kind === 'flag') return fc.boolean();
  if (kind === 'bytes')
    return fc.uint8Array({ minLength: span, maxLength: span }).map((bytes) => Buffer.from(bytes));
  return fc.nat({ max: span === 1 ? 2 ** (high - low + 1) - 1 : 2 ** (8 * span) - 1 });
};
const fieldsOf = (name: PduName): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(
    Object.fromEntries(Object.entries(PDU[name].bhs.fields).map(([key, field]) => [key, valueOf(field)])),
  );

for (const name of Object.keys(PDU) as PduName[]) {
  const { bhs, opcode, from } = PDU[name];
  test(`${name}: decode undoes encode, and nothing reserved is set`, (t) => {
    fc.assert(
      fc.property(fieldsOf(name), (fields) => {
        const bytes = bhs.encode(fields as never);
        t.is(bytes.length, 48);
        t.is(bhs.reservedBitSet(bytes), undefined);
        t.deepEqual(bhs.decode(bytes) as unknown, fields);
      }),
      { numRuns: 30 },
    );
  });
  test(`${name}: the hand-written codec knows the opcode`, (t) => {
    const codes: Record<string, number> = hot.OPCODE;
    t.is(codes[name], opcode);
    t.is(from === 'target', opcode >= 0x20);
  });
  test(`${name}: hand-written reading agrees with the table`, (t) => {
    fc.assert(
      fc.property(fieldsOf(name), (fields) => {
        const bytes = bhs.encode(fields as never);
        const readers: Record<string, (bytes: Buffer) => unknown> = {
          opcode: hot.opcodeOf,
          immediate: hot.isImmediate,
          final: hot.isFinal,
          dataSegmentLength: hot.dataSegmentLengthOf,
          initiatorTaskTag: hot.initiatorTaskTagOf,
          targetTransferTag: hot.targetTransferTagOf,
          expectedDataTransferLength: hot.expectedDataTransferLengthOf,
          cmdSN: hot.cmdSNOf,
          expStatSN: hot.expStatSNOf,
          dataSN: hot.dataSNOf,
          bufferOffset: hot.bufferOffsetOf,
        };
        for (const [field, read] of Object.entries(readers)) {
          if (field in fields && name !== 'reject') t.is(read(bytes), fields[field], field);
        }
        t.is(hot.ahsLengthOf(bytes), Number(fields['totalAhsLength']) * 4);
        t.is(hot.flagsOf(bytes), bytes[1] as number);
      }),
      { numRuns: 30 },
    );
  });
}

const u32 = fc.nat({ max: 0xffff_ffff });
const dirty = (): Buffer => Buffer.alloc(48, 0xa5); // a reused header keeps nothing of its last use

test('Data-In written by hand equals the table', (t) => {
  fc.assert(
    fc.property(
      u32,
      u32,
      u32,
      u32,
      fc.nat(0xff),
      fc.boolean(),
      fc.boolean(),
      (tag, sn, offset, residual, status, final, hasStatus) => {
        const bytes = dirty();
        const flags =
          (final ? hot.FLAG.final : 0) | (hasStatus ? hot.FLAG.hasStatus | hot.FLAG.underflow : 0);
        hot.writeDataIn(bytes, flags, status, tag, sn, offset, residual);
        hot.writeStatusNumbers(bytes, 1, 2, 3);
        hot.writeDataSegmentLength(bytes, 0x12_3456);
        const expected = PDU.dataIn.bhs.encode({
          opcode: 0x25,
          totalAhsLength: 0,
          dataSegmentLength: 0x12_3456,
          final,
          acknowledge: false,
          overflow: false,
          underflow: hasStatus,
          hasStatus,
          status,
          lun: Buffer.alloc(8),
          initiatorTaskTag: tag,
          targetTransferTag: 0xffff_ffff,
          statSN: 1,
          expCmdSN: 2,
          maxCmdSN: 3,
          dataSN: sn,
          bufferOffset: offset,
          residualCount: residual,
        });
        t.deepEqual(bytes, expected);
      },
    ),
  );
});

test('R2T and SCSI Response written by hand equal the table', (t) => {
  fc.assert(
    fc.property(u32, u32, u32, u32, u32, (tag, transferTag, sn, offset, length) => {
      const lun = Buffer.from('0001000000000000', 'hex');
      const r2t = dirty();
      hot.writeReadyToTransfer(r2t, lun, tag, transferTag, sn, offset, length);
      const common = { totalAhsLength: 0, dataSegmentLength: 0, final: true, initiatorTaskTag: tag };
      t.deepEqual(
        r2t,
        PDU.readyToTransfer.bhs.encode({
          ...common,
          opcode: 0x31,
          lun,
          targetTransferTag: transferTag,
          statSN: 0,
          expCmdSN: 0,
          maxCmdSN: 0,
          r2tSN: sn,
          bufferOffset: offset,
          desiredDataTransferLength: length,
        }),
      );
      const response = dirty();
      hot.writeScsiResponse(
        response,
        hot.FLAG.overflow | hot.FLAG.bidirectionalUnderflow,
        2,
        tag,
        sn,
        offset,
        length,
      );
      t.deepEqual(
        response,
        PDU.scsiResponse.bhs.encode({
          ...common,
          opcode: 0x21,
          bidirectionalOverflow: false,
          bidirectionalUnderflow: true,
          overflow: true,
          underflow: false,
          response: 0,
          status: 2,
          snackTag: 0,
          statSN: 0,
          expCmdSN: 0,
          maxCmdSN: 0,
          expDataSN: sn,
          bidirectionalResidualCount: offset,
          residualCount: length,
        }),
      );
    }),
  );
});

test('AHS: an extended CDB and a bidirectional read length are taken apart', (t) => {
  const ahs = Buffer.from('0005' + '01' + '00' + 'aabbccdd' + '0005' + '02' + '00' + '00010000', 'hex');
  t.true(ahsIsSound(ahs));
  t.deepEqual(
    splitAhs(ahs).map(({ type, content }) => [type, content.toString('hex')]),
    [
      [1, 'aabbccdd'],
      [2, '00010000'],
    ],
  );
});
for (const [what, hex] of [
  ['an unknown type', '0005070000010000'],
  ['a length beyond the end', '0009010000010000'],
  ['length 0', '0000010000010000'],
  ['a type twice', '00050200000100000005020000010000'],
  ['a read length of the wrong size', '000302000001' + '0000'],
] as const) {
  test(`AHS: ${what} is refused`, (t) => {
    t.false(ahsIsSound(Buffer.from(hex, 'hex')));
  });
}
