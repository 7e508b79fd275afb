/**
 * Bodies of NDMP messages of chance: recorded ones and empty ones, bent where it hurts (counts, lengths, unions, ends), and
 * noise. A body is read or refused with XdrError; what was read is written, and reads the same again.
 */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ProtocolError } from '#errors';
import {
  decodeReply,
  decodeRequest,
  encodeRefusal,
  encodeReply,
  encodeRequest,
  framed,
  isRequest,
  type MessageName,
  messageNames,
  messageOf,
  type NdmpVersion,
  parseMessage,
  RecordFramer,
  rowOf,
  XdrError,
} from '#ndmp';
import { top } from '#support';
import { SimRandom } from '../sim/sim-random.js';

type Type = 'request' | 'reply';
interface Seed {
  readonly name: MessageName;
  readonly version: NdmpVersion;
  readonly type: Type;
  readonly body: Buffer;
}

const versions = [2, 3, 4] as const;

/** What NDMJOB sent. */
function recorded(version: NdmpVersion): Seed[] {
  const text = readFileSync(join(top, 'fixtures/ndmp', `recorded-v${version}.txt`), 'utf8');
  return text.split('\n').flatMap((line) => {
    const [type = '', name = '', hex = ''] = line.split(' ');
    const body = Buffer.from(hex, 'hex').subarray(24);
    return line === '' ? [] : [{ name: name as MessageName, version, type: type as Type, body }];
  });
}
/** The messages that nobody recorded. */
function empty(version: NdmpVersion): Seed[] {
  return messageNames
    .filter((name) => rowOf(name).versions.includes(version))
    .flatMap((name) => {
      const request = Buffer.concat(encodeRequest(name, rowOf(name).request.empty() as never, version));
      const seed: Seed = { name, version, type: 'request', body: request };
      if (!isRequest(name)) return [seed];
      return [
        seed,
        { ...seed, type: 'reply' as const, body: Buffer.concat(encodeRefusal(name, 'io', version)) },
      ];
    });
}
const seeds: readonly Seed[] = versions.flatMap((version) => [...recorded(version), ...empty(version)]);

/** Words that are often the end of something. */
const words = [
  0, 1, 2, 3, 4, 5, 16, 64, 255, 4096, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x2051_0004,
];

function bend(dice: SimRandom, body: Buffer): Buffer {
  const bytes = Buffer.from(body);
  const at = dice.integer(Math.max(1, bytes.length / 4)) * 4;
  switch (dice.integer(6)) {
    case 0:
      if (bytes.length > 0) bytes[dice.integer(bytes.length)] = dice.integer(256);
      return bytes;
    case 1:
      if (bytes.length >= 4) bytes.writeUInt32BE(dice.pick(words), Math.min(at, bytes.length - 4));
      return bytes;
    case 2:
      return bytes.subarray(0, dice.integer(bytes.length + 1));
    case 3:
      return Buffer.concat([bytes, dice.bytes(dice.integer(40))]);
    case 4: {
      const part = bytes.subarray(at, at + 4 * dice.integer(8));
      return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
    }
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 4 * dice.integer(4))]);
  }
}
function input(dice: SimRandom): Seed {
  const seed = dice.pick(seeds);
  if (dice.chance(0.05)) return { ...seed, body: dice.bytes(dice.integer(200)) };
  let { body } = seed;
  for (let bends = dice.integer(4); bends > 0; bends--) body = bend(dice, body);
  return { ...seed, body };
}

function read({ name, version, type, body }: Seed): unknown {
  if (type === 'request') return decodeRequest(name, body, version);
  assert(isRequest(name));
  return decodeReply(name, body, version);
}
function write({ name, version, type }: Seed, value: unknown): Buffer {
  if (type === 'request') return Buffer.concat(encodeRequest(name, value as never, version));
  assert(isRequest(name));
  const { error, body } = value as { error: 'no-err'; body: never };
  return Buffer.concat(
    error === 'no-err' ? encodeReply(name, body, version) : encodeRefusal(name, error, version),
  );
}

/** Returns whether it was read. */
function check(what: Seed): boolean {
  let value: unknown;
  try {
    value = read(what);
  } catch (error) {
    assert(error instanceof XdrError, `${what.name}: ${String(error)}`);
    assert.notEqual(error.code, 'unencodable');
    return false;
  }
  const isRefusal = what.type === 'reply' && (value as { error: string }).error !== 'no-err';
  const body = write(what, value);
  const again = read({ ...what, body });
  assert(isRefusal || isDeepStrictEqual(again, value), `${what.name} ${what.type} ${what.version}`);
  return true;
}

/** Reads `count` bodies. */
export function runBodies(seed: number, count: number): { readonly inputs: number; readonly taken: number } {
  const dice = new SimRandom(seed);
  let taken = 0;
  for (let index = 0; index < count; index++) {
    const what = input(dice);
    try {
      if (check(what)) taken += 1;
    } catch (error) {
      const { name, version, type, body } = what;
      const where = `seed ${seed}, input ${index}: ${type} ${name}, version ${version}: ${body.toString('hex')}`;
      throw new Error(where, { cause: error });
    }
  }
  return { inputs: count, taken };
}

/** Streams of messages with marks that lie, in pieces of chance. */
export function runStreams(
  seed: number,
  count: number,
): { readonly messages: number; readonly lost: number } {
  const dice = new SimRandom(seed);
  let messages = 0;
  let lost = 0;
  for (let index = 0; index < count; index++) {
    const version = dice.pick(versions);
    const framer = new RecordFramer(
      {
        message(bytes) {
          messages += 1;
          hear(bytes, version);
        },
        tooLong: (header) => assert(header.length <= 24),
      },
      dice.pick([100, 1000, 100_000]),
    );
    try {
      for (const piece of stream(dice)) framer.push(piece);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
      lost += 1;
    }
  }
  return { messages, lost };
}
function* stream(dice: SimRandom): Generator<Buffer> {
  const header = Buffer.alloc(24);
  const sent = Array.from({ length: dice.between(1, 6) }, () =>
    Buffer.concat(framed([header, input(dice).body])),
  );
  let bytes = Buffer.concat(sent);
  for (let bends = dice.integer(3); bends > 0; bends--) bytes = Buffer.from(bend(dice, bytes));
  for (let at = 0; at < bytes.length;) {
    const length = dice.between(1, dice.pick([3, 30, 3000]));
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
/** A message of any content has a header, and perhaps a name. */
function hear(bytes: Buffer, version: NdmpVersion): void {
  try {
    messageOf(parseMessage(bytes, version).header.code, version);
  } catch (error) {
    assert(error instanceof XdrError, String(error));
  }
}
