/**
 * CDBs and parameter lists from the rows of command tables, for fuzz: most are well formed, with the values that break
 * programs (0, 1, one off, the largest), some are then damaged. What the tables know is what is generated, so a new row is
 * fuzzed from the day it is written.
 */
import fc from 'fast-check';
import type { Command, ModePage } from '#scsi';
import { cdbLength } from '#scsi';
import type { Field } from '#wire';

export interface GeneratedCommand {
  readonly name: string;
  readonly cdb: Buffer;
  /** Data-out that the initiator has; may be more or less than the CDB says. */
  readonly out: Buffer;
}
export interface GeneratorOptions {
  readonly rows: readonly Command[];
  /** Pages whose images make MODE SELECT lists. */
  readonly modePages?: readonly ModePage[];
  /** Log pages (page, subpage) that make LOG SELECT lists. */
  readonly logPages?: readonly (readonly [number, number])[];
  /** Lists of one's own, e.g. for SECURITY PROTOCOL OUT or WRITE ATTRIBUTE, by name of the row. */
  readonly lists?: Readonly<Record<string, fc.Arbitrary<Buffer>>>;
}

const bytesMax = 512;

/** One command after the other: `fc.sample(commandArbitrary(options), { seed, numRuns })`. */
export function commandArbitrary(options: GeneratorOptions): fc.Arbitrary<GeneratedCommand> {
  const formed = fc.constantFrom(...options.rows).chain((row) => formedCommand(row, options));
  return fc.oneof(
    { weight: 6, arbitrary: formed },
    { weight: 3, arbitrary: formed.chain(damagedCommand) },
    { weight: 1, arbitrary: anyCommand },
  );
}

// --- CDBs --------------------------------------------------------------------------------------------------------------

/** Values of a field that its owner should have thought of. */
function fieldArbitrary(field: Field<unknown>): fc.Arbitrary<unknown> {
  const bits = field.span === 1 ? field.high - field.low + 1 : field.span * 8;
  const max = (1n << BigInt(bits)) - 1n;
  switch (field.kind) {
    case 'flag':
      return fc.boolean();
    case 'bytes':
      return fc.uint8Array({ minLength: field.span, maxLength: field.span });
    case 'ascii':
      return fc.string({ maxLength: field.span, unit: fc.constantFrom('A', 'z', '0', '9', '*', '?', ' ') });
    case 'uint64':
      return edges(max);
    case 'uint':
      return edges(max).map(Number);
  }
}
const edges = (max: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: max < 64n ? max : 64n }) },
    { weight: 2, arbitrary: fc.constantFrom(0n, 1n, max, max - 1n, max >> 1n) },
    { weight: 2, arbitrary: fc.bigInt({ min: 0n, max }) },
  );

/** Values for every field of a row but the operation code. */
export function cdbArbitrary(row: Command): fc.Arbitrary<Buffer> {
  const fields = Object.entries(row.cdb.fields).map(([name, field]) => {
    const fixed = { opcode: row.opcode, serviceAction: row.serviceAction, control: 0 }[name];
    return [name, fixed === undefined ? fieldArbitrary(field) : fc.constant(fixed)] as const;
  });
  return fc.record(Object.fromEntries(fields)).map((value) => row.cdb.encode(value));
}

const lengthField = /(ParameterList|parameterList|transfer|list)Length$/i;

function formedCommand(row: Command, options: GeneratorOptions): fc.Arbitrary<GeneratedCommand> {
  if (row.data !== 'out')
    return cdbArbitrary(row).map((cdb) => ({ name: row.name, cdb, out: Buffer.alloc(0) }));
  const lengthName = Object.keys(row.cdb.fields).find((name) => lengthField.test(name));
  return fc
    .tuple(cdbArbitrary(row), listFor(row, options), fc.integer({ min: 0, max: 9 }))
    .map(([cdb, out, chance]) => {
      // Nine in ten say the true length; the others keep what the field got.
      if (lengthName === undefined || chance === 0) return { name: row.name, cdb, out };
      const value = { ...(row.cdb.decode(cdb) as Record<string, unknown>), [lengthName]: out.length };
      return { name: row.name, cdb: encodeOr(row, value, cdb), out };
    });
}
/** A list that is longer than its field can say keeps the CDB that it had. */
function encodeOr(row: Command, value: Record<string, unknown>, otherwise: Buffer): Buffer {
  try {
    return row.cdb.encode(value);
  } catch (error) {
    if (error instanceof RangeError || error instanceof Error) return otherwise;
    throw error;
  }
}

// --- parameter lists -----------------------------------------------------------------------------------------------------

function listFor(row: Command, options: GeneratorOptions): fc.Arbitrary<Buffer> {
  const own = options.lists?.[row.name];
  const known = own ?? knownList(row, options);
  const noise = fc.uint8Array({ maxLength: bytesMax }).map((bytes) => Buffer.from(bytes));
  const zeros = fc.integer({ min: 0, max: 64 }).map((length) => Buffer.alloc(length));
  if (known === undefined) return fc.oneof(noise, zeros);
  return fc.oneof(
    { weight: 8, arbitrary: known },
    { weight: 1, arbitrary: noise },
    { weight: 1, arbitrary: zeros },
  );
}
function knownList(row: Command, options: GeneratorOptions): fc.Arbitrary<Buffer> | undefined {
  if (row.name.startsWith('MODE SELECT')) return modeList(row.length === 10, options.modePages ?? []);
  if (row.name === 'LOG SELECT') return logList(options.logPages ?? []);
  if (row.opcode === 0x5f) return row.serviceAction === 7 ? moveList : reserveList;
  return undefined;
}

/** Header, perhaps a block descriptor, and pages whose bits are flipped where a page may change, or anywhere. */
function modeList(long: boolean, pages: readonly ModePage[]): fc.Arbitrary<Buffer> {
  const descriptor = fc.oneof(fc.constant(Buffer.alloc(0)), bytesOf(8, 8));
  const page =
    pages.length === 0
      ? bytesOf(0, 32)
      : fc
          .constantFrom(...pages)
          .chain((row) => fc.oneof(pageChange(row), fc.constant(row.image(row.defaults))));
  return fc.tuple(descriptor, fc.array(page, { maxLength: 3 }), edges(0xffn)).map(([block, images, dsp]) => {
    const header = Buffer.alloc(long ? 8 : 4);
    header[long ? 3 : 2] = Number(dsp);
    header[long ? 7 : 3] = block.length;
    return Buffer.concat([header, block, ...images]);
  });
}
function pageChange(row: ModePage): fc.Arbitrary<Buffer> {
  const mask = row.mask(row.changeable);
  const start = (row.image(row.defaults).readUInt8(0) & 0x40) === 0 ? 2 : 4;
  return bytesOf(row.length, row.length).map((noise) => {
    const image = row.image(row.defaults);
    for (let at = start; at < image.length; at++)
      image[at] = (image[at] ?? 0) ^ ((noise[at] ?? 0) & (mask[at] ?? 0));
    return image;
  });
}
function logList(pages: readonly (readonly [number, number])[]): fc.Arbitrary<Buffer> {
  const parameter = fc.tuple(edges(0xffffn), bytesOf(0, 12)).map(([code, value]) => {
    const header = Buffer.alloc(4);
    header.writeUInt16BE(Number(code), 0);
    header[3] = value.length;
    return Buffer.concat([header, value]);
  });
  const codes = pages.length === 0 ? fc.tuple(fc.nat(0x3f), fc.nat(0xff)) : fc.constantFrom(...pages);
  return fc.array(fc.tuple(codes, fc.array(parameter, { maxLength: 4 })), { maxLength: 2 }).map((all) =>
    Buffer.concat(
      all.map(([[code, subpage], parameters]) => {
        const body = Buffer.concat(parameters);
        const header = Buffer.from([
          code | (subpage === 0 ? 0 : 0x40),
          subpage,
          body.length >> 8,
          body.length & 0xff,
        ]);
        return Buffer.concat([header, body]);
      }),
    ),
  );
}

const key = fc.constantFrom(0n, 1n, 2n, 2n ** 64n - 1n);
const transportIdBytes = fc
  .tuple(
    fc.constantFrom('iqn.2024-01.test:one', 'iqn.x', ''),
    fc.constantFrom(',i,0x6f6e652e2e2e', ',i,0x', ''),
    fc.nat(3),
  )
  .map(([name, isid, format]) => {
    const text = Buffer.from(`${name}${isid}\0`);
    const body = Buffer.alloc(Math.max(20, Math.ceil(text.length / 4) * 4));
    text.copy(body);
    return Buffer.concat([Buffer.from([(format << 6) | 5, 0, 0, body.length]), body]);
  });
const reserveList = fc
  .tuple(key, key, fc.constantFrom(0, 1, 4, 8, 13, 0xff), fc.array(transportIdBytes, { maxLength: 3 }))
  .map(([own, service, flags, ids]) => {
    const list = Buffer.alloc(24);
    list.writeBigUInt64BE(own, 0);
    list.writeBigUInt64BE(service, 8);
    list[20] = flags;
    if ((flags & 8) === 0) return list;
    const all = Buffer.concat(ids);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(all.length);
    return Buffer.concat([list, length, all]);
  });
const moveList = fc
  .tuple(key, key, fc.nat(3), fc.nat(2), transportIdBytes)
  .map(([own, service, flags, port, id]) => {
    const list = Buffer.alloc(24);
    list.writeBigUInt64BE(own, 0);
    list.writeBigUInt64BE(service, 8);
    list[17] = flags;
    list.writeUInt16BE(port, 18);
    list.writeUInt32BE(id.length, 20);
    return Buffer.concat([list, id]);
  });

// --- damage ----------------------------------------------------------------------------------------------------------------

const bytesOf = (min: number, max: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => Buffer.from(bytes));

/** Flips bits, cuts, repeats or stretches; of the CDB never the operation code, or it were another command. */
function damagedCommand({ name, cdb, out }: GeneratedCommand): fc.Arbitrary<GeneratedCommand> {
  const damage = fc.record({
    cdbBit: fc.option(fc.integer({ min: 8, max: cdb.length * 8 - 1 }), { nil: undefined }),
    outBit: fc.option(fc.nat(Math.max(0, out.length * 8 - 1)), { nil: undefined }),
    keep: fc.option(fc.nat(out.length), { nil: undefined }),
    more: fc.option(bytesOf(1, 40), { nil: undefined }),
  });
  return damage.map(({ cdbBit, outBit, keep, more }) => ({
    name,
    cdb: flipped(cdb, cdbBit),
    out: Buffer.concat([flipped(out, outBit).subarray(0, keep ?? out.length), more ?? Buffer.alloc(0)]),
  }));
}
function flipped(bytes: Buffer, bit: number | undefined): Buffer {
  const copy = Buffer.from(bytes);
  const at = (bit ?? 0) >> 3;
  if (bit !== undefined && at < copy.length) copy[at] = (copy[at] ?? 0) ^ (0x80 >> (bit & 7));
  return copy;
}

/** No row at all: any operation code, the length that its group announces. */
const anyCommand: fc.Arbitrary<GeneratedCommand> = fc
  .tuple(fc.nat(0xff), bytesOf(16, 16), bytesOf(0, 64))
  .map(([opcode, rest, out]) => {
    const cdb = Buffer.from(rest.subarray(0, cdbLength(opcode) ?? 16));
    cdb[0] = opcode;
    return { name: 'any', cdb, out };
  });
