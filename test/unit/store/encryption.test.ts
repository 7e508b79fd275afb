/** Encryption at rest: what the disk shows without the key, and what happens when somebody changes it. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { inspect } from 'node:util';
import { RefusedError, StoreError } from '#errors';
import { plainKernels } from '#store';
import { xxh64 } from '#wire';
import { patternBytes } from '../../contract/store.js';
import { fileKey, passphrase, read, readFrom, SealedWorld, write } from './sealed-world.js';

const text = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, i) => Buffer.from(`the payroll of employee ${i}, confidential; `)),
  );

test('what was written is read, from memory, after a restart and after a crash; chunks are found again', async (t) => {
  const world = new SealedWorld();
  let group = await world.open();
  t.true(group.isEncrypted);
  const volume = await group.create('tape');
  const bytes = Buffer.concat([patternBytes(1, 3_000_000), text(20_000)]);
  await volume.stream('data').append([bytes]);
  await volume.stream('objects', { entryBytes: 24 }).append([patternBytes(2, 24 * 20_000)]);
  t.true((await read(volume)).equals(bytes), 'before anything is on the disk');
  await volume.commit(Buffer.from('label'));
  await write(group, 'again', bytes);
  const { uniqueBytes } = await group.sizes();
  t.true(uniqueBytes < 1.1 * bytes.length, 'the second copy is deduplicated');
  world.crash();
  group = await world.open();
  t.true((await readFrom(group, 'tape')).equals(bytes));
  await write(group, 'third', bytes);
  t.is((await group.sizes()).uniqueBytes, uniqueBytes, 'the index finds it after a crash');
  await group.remove('again');
  await group.optimize();
  await group.close();
  group = await world.open();
  t.true((await readFrom(group, 'third')).equals(bytes), 'after collection has moved it');
  const { damaged, volumes } = await group.scrub();
  t.deepEqual([[...damaged], [...volumes]], [[], []]);
  await group.close();
});

/** Of the chunks that a stream with this content is cut into. */
function fingerprintsOf(content: Buffer): Buffer[] {
  const cuts = new Int32Array(content.length / 1024);
  const count = plainKernels.cut(content, 0, content.length, { bytes: 0, hash: 0 }, cuts);
  return Array.from({ length: count }, (_, index) =>
    createHash('sha256')
      .update(content.subarray(cuts[index - 1] ?? 0, cuts[index]))
      .digest(),
  );
}
const words = ['payroll', 'confidential', 'SECRETNAME', 'SECRETLABEL', 'SECRETSNAPSHOT', 'SECRETTAIL'];
/** Of what must not be seen, what is. */
function seenIn(contents: ReadonlyMap<string, Buffer>, fingerprints: readonly Buffer[]): string[] {
  const seen = new Set<string>();
  for (const bytes of contents.values()) {
    for (const word of words) if (bytes.includes(word)) seen.add(word);
    for (const fingerprint of fingerprints) {
      if (bytes.includes(fingerprint.subarray(0, 8))) seen.add('fingerprint');
      // The index keeps them as two numbers.
      const front = Buffer.from(fingerprint.subarray(0, 8)).swap32();
      if (bytes.includes(front)) seen.add('entry of the index');
    }
  }
  return [...seen].toSorted();
}

test('no file shows plaintext, labels, names of volumes or the SHA-256 of a chunk', async (t) => {
  const content = Buffer.concat([text(3000), patternBytes(3, 1_500_000)]);
  const fingerprints = fingerprintsOf(content);
  t.true(fingerprints.length > 60, 'enough for a run of the index');
  for (const source of [fileKey('one'), 'none'] as const) {
    const world = new SealedWorld(2);
    const group = await world.open(source);
    for (let round = 0; round < 3; round++) await write(group, 'SECRETNAME', content, 'SECRETLABEL');
    await group.snapshot('SECRETNAME', 'SECRETSNAPSHOT');
    await write(group, 'SECRETNAME', Buffer.from('a short SECRETTAIL that no chunk holds'), 'SECRETLABEL');
    const running = await world.contents();
    await group.close();
    const closed = await world.contents();
    for (const kind of ['pack', 'mirror', 'run', 'checkpoint', 'journal'])
      t.true(
        [...closed.keys()].some((path) => path.endsWith(kind)),
        kind,
      );
    const seen = [...new Set([...seenIn(running, fingerprints), ...seenIn(closed, fingerprints)])];
    if (source !== 'none') t.deepEqual(seen, []);
    else
      for (const one of ['SECRETLABEL', 'SECRETNAME', 'SECRETTAIL', 'fingerprint', 'entry of the index'])
        t.true(seen.includes(one), `the search finds ${one} where it is`);
  }
});

test('the wrong key, or none, is refused and changes nothing; so is a key for a group without', async (t) => {
  const world = new SealedWorld(4);
  await (await world.open(passphrase('correct horse'))).close();
  const before = await world.contents();
  const message = /does not open the storage group/;
  await t.throwsAsync(world.open(passphrase('incorrect horse')), {
    instanceOf: RefusedError,
    code: 'unauthorized',
    message,
  });
  await t.throwsAsync(world.open(fileKey('one')), {
    instanceOf: RefusedError,
    code: 'unauthorized',
    message,
  });
  await t.throwsAsync(world.open('none'), {
    instanceOf: RefusedError,
    code: 'unauthorized',
    message: /encrypted/,
  });
  t.deepEqual(await world.contents(), before);
  await (await world.open({ kind: 'command', command: ['correct', 'horse'] })).close();
  // The same letters, typed in another way.
  const composed = new SealedWorld(5);
  await (await composed.open(passphrase('Schl\u00fcssel'))).close();
  await (await composed.open(passphrase('Schlu\u0308ssel'))).close();
  const plain = new SealedWorld(6);
  await (await plain.open('none')).close();
  const asItWas = await plain.contents();
  await t.throwsAsync(plain.open(), { instanceOf: RefusedError, code: 'conflict', message: /not encrypted/ });
  t.deepEqual(await plain.contents(), asItWas);
});

test('keys that cannot be had are refused in words that say what to do', async (t) => {
  const world = new SealedWorld(7);
  world.files.set('open', { bytes: Buffer.alloc(32, 7), mode: 0o640 });
  world.files.set('short', { bytes: Buffer.alloc(31, 7), mode: 0o600 });
  await t.throwsAsync(world.open(fileKey('open')), { instanceOf: RefusedError, message: /chmod 600 open/ });
  await t.throwsAsync(world.open(fileKey('short')), { instanceOf: RefusedError, message: /31 bytes/ });
  await t.throwsAsync(world.open(fileKey('none')), {
    instanceOf: RefusedError,
    message: /none cannot be read: ENOENT/,
  });
  await t.throwsAsync(world.open(passphrase('')), { instanceOf: RefusedError, message: /empty/ });
  t.deepEqual([...(await world.contents()).keys()], [], 'no group was made');
});

test('a superblock that somebody else changed is not believed', async (t) => {
  const world = new SealedWorld(8);
  const group = await world.open();
  const { id } = group;
  await write(group, 'tape', text(1000));
  await group.close();
  const before = await world.contents();
  // "Not encrypted": with a key given it is refused, without one nothing of the group is read.
  const plain = new SealedWorld(9);
  await (await plain.open('none', id)).close();
  const forged = new Map(before);
  for (const [path, bytes] of await plain.contents())
    if (path.includes('superblock')) forged.set(path, bytes);
  await world.restore(forged);
  await t.throwsAsync(world.open(), { instanceOf: RefusedError, code: 'conflict' });
  await t.throwsAsync(world.open('none'), { instanceOf: StoreError, code: 'corrupt' });
  // A setting of one that is older, in front of the keys of this one.
  const path = 'group/superblock-0';
  const bytes = Buffer.from(before.get(path) ?? '');
  const at = bytes.indexOf('{}');
  t.true(at > 0);
  bytes.write('[]', at);
  bytes.writeBigUInt64LE(0n, 40);
  bytes.writeBigUInt64LE(xxh64(bytes.subarray(0, 48 + bytes.readUInt32LE(8))), 40);
  await world.restore(new Map([...before, [path, bytes]]));
  await t.throwsAsync(world.open(), {
    instanceOf: StoreError,
    code: 'corrupt',
    message: /does not have the key/,
  });
  await world.restore(before);
  t.true((await readFrom(await world.open(), 'tape')).equals(text(1000)));
});

test('nothing that is thrown or shown has a key in it', async (t) => {
  const world = new SealedWorld(10);
  const secret = 'a passphrase that must not be seen';
  const group = await world.open(passphrase(secret));
  await write(group, 'tape', text(100));
  const seen: string[] = [inspect(group, { depth: 20, showHidden: true })];
  for (const act of [
    async () => await world.open(passphrase(secret)),
    async () => await group.open('no such tape'),
    async () => await group.shred('no such tape'),
    async () => await group.rotateKey(fileKey('none')),
  ]) {
    await act().catch((error: unknown) => seen.push(inspect(error, { depth: 20, showHidden: true })));
  }
  await group.close();
  await world
    .open(passphrase(`${secret}?`))
    .catch((error: unknown) => seen.push(inspect(error, { depth: 20, showHidden: true })));
  t.is(seen.length, 6);
  const forms = [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64')];
  for (const one of seen) for (const form of forms) t.false(one.includes(form), one);
});

/** Another bit, and a checksum that fits. */
function tampered(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  for (let from = 0; from < copy.length; from += 512) {
    if (copy.toString('latin1', from, from + 4) !== 'TSEF') continue;
    const frame = copy.subarray(from, from + 48 + copy.readUInt32LE(from + 8));
    frame.writeBigUInt64LE(0n, 40);
    frame.writeBigUInt64LE(xxh64(frame), 40);
  }
  return copy;
}
test('what somebody changed in journal, checkpoints or keys, checksums and all, is damage, not content', async (t) => {
  const world = new SealedWorld(11);
  const group = await world.open();
  await write(group, 'tape', text(3000));
  await write(group, 'tape', text(2000));
  world.crash('keep');
  const before = await world.contents();
  const content = Buffer.concat([text(3000), text(2000)]);
  const outcomes = new Map<string, Set<string>>();
  for (const [path, bytes] of before) {
    const kind = /journal$|checkpoint$|keys$|superblock/.exec(path)?.[0];
    if (kind === undefined) continue;
    for (let at = 52; at < bytes.length; at += 211) {
      await world.restore(new Map([...before, [path, tampered(bytes, at)]]));
      world.crash('keep'); // whoever had it open is gone
      const outcome = await world
        .open()
        .then(async (open) => ((await readFrom(open, 'tape')).equals(content) ? 'as it was' : 'other'))
        .catch((error: unknown) =>
          error instanceof StoreError ? error.code : error instanceof RefusedError ? 'refused' : 'thrown',
        );
      outcomes.set(kind, (outcomes.get(kind) ?? new Set()).add(outcome));
    }
  }
  for (const [kind, seen] of outcomes)
    t.false(seen.has('other') || seen.has('thrown'), `${kind}: ${[...seen].join(' ')}`);
  t.true(outcomes.get('journal')?.has('corrupt'));
  t.true(outcomes.get('keys')?.has('as it was'), 'the other copy says it');
});

test('keys that have rotted, in both copies, are written again while the group is open', async (t) => {
  const world = new SealedWorld(12);
  const group = await world.open();
  await write(group, 'tape', text(300));
  await write(group, 'other', text(200));
  t.deepEqual((await group.scrub()).repaired, []);
  const tables = [...(await world.contents()).keys()].filter((path) => path.includes('/keys/'));
  t.is(tables.length, 2);
  for (const path of tables) for (const sector of [1, 2]) world.disk.rot(path, 512 * sector + 70, 3);
  t.deepEqual((await group.scrub()).repaired, ['keys of volumes']);
  t.deepEqual((await group.scrub()).repaired, []);
  world.crash();
  const again = await world.open();
  t.true((await readFrom(again, 'tape')).equals(text(300)));
  t.true((await readFrom(again, 'other')).equals(text(200)));
  await again.close();
  // In one copy only, while it is closed: the other says it, and it is there twice again.
  const [one = ''] = [...(await world.contents()).keys()].filter((path) => path.includes('/keys/'));
  world.disk.rot(one, 512 + 70, 3);
  const late = await world.open();
  t.true((await readFrom(late, 'tape')).equals(text(300)));
  t.deepEqual((await late.scrub()).repaired, []);
});
