/** Messages by hand, from the XDR of each version (ndmp2.x, ndmp3.x, ndmp4.x): every field has a value of its own. */
import test, { type ExecutionContext } from 'ava';
import {
  codeIn,
  decodeReply,
  decodeRequest,
  encodeRefusal,
  encodeReply,
  encodeRequest,
  isPost,
  isRequest,
  type MessageName,
  messageNames,
  messageOf,
  NdmpError,
  type NdmpVersion,
  type ReplyOf,
  type RequestName,
  type RequestOf,
  rowOf,
  XdrError,
} from '#ndmp';
import { ndmpStatuses } from '../../../src/ndmp/errors.table.js';

/** Blanks and line ends are for people; "text" is a string with its length and padding. */
function bytes(pattern: string): Buffer {
  const parts = [...pattern.matchAll(/"([^"]*)"|([0-9a-fA-F]+)/g)].map(([, quoted, hex]) => {
    if (quoted === undefined) return Buffer.from(hex ?? '', 'hex');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(quoted.length);
    return Buffer.concat([length, Buffer.from(quoted), Buffer.alloc(-quoted.length & 3)]);
  });
  return Buffer.concat(parts);
}
const word = (value: number): string => value.toString(16).padStart(8, '0');
const quad = (value: number): string => value.toString(16).padStart(16, '0');
const words = (...values: number[]): string => values.map(word).join(' ');

function sameRequest<K extends MessageName>(
  t: ExecutionContext,
  name: K,
  version: NdmpVersion,
  pattern: string,
  value: RequestOf<K>,
): void {
  const body = bytes(pattern);
  t.deepEqual(decodeRequest(name, body, version), value, `${name} version ${version}`);
  t.is(Buffer.concat(encodeRequest(name, value, version)).toString('hex'), body.toString('hex'));
}
function sameReply<K extends RequestName>(
  t: ExecutionContext,
  name: K,
  version: NdmpVersion,
  pattern: string,
  body: ReplyOf<K>,
): void {
  const wire = bytes(pattern);
  const what = `${name} version ${version}`;
  t.deepEqual(decodeReply(name, wire, version), { error: 'no-err', body }, what);
  t.is(Buffer.concat(encodeReply(name, body, version)).toString('hex'), wire.toString('hex'), what);
}

test('codes are those of the standard, and each version has its own set', (t) => {
  const codes = (version: NdmpVersion): string[] =>
    messageNames
      .filter((name) => rowOf(name).versions.includes(version))
      .map((name) => codeIn(name, version).toString(16))
      .toSorted();
  const range = (from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, index) => (from + index).toString(16));
  const common = [
    ...range(0x900, 0x903),
    ...range(0x200, 0x202),
    '204',
    '206',
    ...range(0x300, 0x305),
    '307',
    ...range(0x400, 0x404),
    '407',
    '40b',
    ...range(0x501, 0x505),
    '602',
    ...range(0xa00, 0xa08),
    '100',
    '102',
    '103',
  ];
  const later = [...range(0x104, 0x108), '409', '40a', '603', ...range(0x703, 0x705), 'a09'];
  const early = ['203', '205'];
  t.deepEqual(codes(2), [...common, ...early, '101', '600', '601', ...range(0x700, 0x702)].toSorted());
  t.deepEqual(codes(3), [...common, ...early, ...later].toSorted());
  t.deepEqual(codes(4), [...common, ...later, '109', '10a'].toSorted());
  t.is(messageOf(0x600, 2), 'logMessage');
  t.is(messageOf(0x600, 3), undefined);
  t.is(messageOf(0xf00d, 4), undefined);
  t.throws(() => codeIn('scsiResetBus', 4), { instanceOf: RangeError });
});

test('who says what, and what is allowed to whom', (t) => {
  const posts = messageNames.filter((name) => isPost(name));
  t.deepEqual(
    posts.filter((name) => !/^(notify|log|fh)/.test(name)),
    [],
  );
  t.deepEqual(
    messageNames.filter((name) => !isRequest(name) && !isPost(name)),
    ['connectClose'],
  );
  const open = messageNames.filter((name) => rowOf(name).needs !== 'authorized');
  t.deepEqual(
    open.filter((name) => !/^(connect|config|notifyConnectionStatus)/.test(name)),
    [],
  );
  for (const name of ['configGetFsInfo', 'configGetTapeInfo', 'configGetScsiInfo'] as const)
    t.is(rowOf(name).needs, 'authorized', 'what lies behind the server is told to those who may use it');
});

test('a refusal is a whole reply of zeros with its error', (t) => {
  for (const version of [2, 3, 4] as const) {
    for (const name of messageNames.filter((one) => isRequest(one))) {
      if (!rowOf(name).versions.includes(version)) continue;
      const body = Buffer.concat(encodeRefusal(name, 'illegal-state', version));
      t.is(decodeReply(name, body, version).error, 'illegal-state', name);
      const at = body.indexOf(19);
      t.true(at === 3 || at === 7, `${name}: the error is the first word, or the second`);
      body.fill(0, at, at + 1);
      t.true(body.every((byte) => byte === 0));
    }
  }
  t.is(Buffer.concat(encodeRefusal('tapeGetState', 'dev-not-open', 4)).readUInt32BE(4), 6);
  t.is(Buffer.concat(encodeRefusal('dataGetState', 'illegal-state', 3)).readUInt32BE(4), 19);
  t.is(Buffer.concat(encodeRefusal('tapeGetState', 'dev-not-open', 2)).readUInt32BE(0), 6);
});

test('an error that a version does not know is told as one that it does', (t) => {
  const told = (error: (typeof ndmpStatuses)[number], version: NdmpVersion): number =>
    Buffer.concat(encodeRefusal('moverStop', error, version)).readUInt32BE(0);
  t.deepEqual(
    ndmpStatuses.map((status) => told(status, 4)),
    Array.from({ length: 31 }, (_, index) => index),
  );
  t.true(ndmpStatuses.every((status) => told(status, 3) <= 23 && told(status, 2) <= 22));
  t.is(told('connect', 3), 23);
  t.is(told('connect', 2), 7);
  t.is(told('read-in-progress', 3), 19);
  t.is(new NdmpError('device-busy').code, 'device-busy');
});

test('CONNECT: the unions of authentication', (t) => {
  const digest = Buffer.from(Array.from({ length: 16 }, (_, index) => index + 1));
  const challenge = Buffer.from(Array.from({ length: 64 }, (_, index) => 255 - index));
  sameRequest(t, 'connectOpen', 4, word(3), { protocolVersion: 3 });
  sameRequest(t, 'connectClose', 4, '', {});
  sameRequest(t, 'connectClientAuth', 2, word(0), { authData: { type: 'none' } });
  sameRequest(t, 'connectClientAuth', 3, `${word(1)} "me" "word"`, {
    authData: { type: 'text', authId: 'me', authPassword: 'word' },
  });
  const md5 = { type: 'md5', authId: 'me', authDigest: digest } as const;
  sameRequest(t, 'connectClientAuth', 4, `${word(2)} "me" ${digest.toString('hex')}`, { authData: md5 });
  t.deepEqual(decodeRequest('connectClientAuth', bytes(`${word(9)} "who knows"`), 4), {
    authData: { type: 'unknown', number: 9 },
  });
  const asked = `${word(2)} ${challenge.toString('hex')}`;
  sameReply(t, 'configGetAuthAttr', 4, `${word(0)} ${asked}`, { serverAttr: { type: 'md5', challenge } });
  sameRequest(t, 'connectServerAuth', 4, asked, { clientAttr: { type: 'md5', challenge } });
  sameReply(t, 'connectServerAuth', 4, `${words(0, 2)} "me" ${digest.toString('hex')}`, {
    serverResult: md5,
  });
  sameRequest(t, 'configGetAuthAttr', 4, word(123), { authType: { unknown: 123 } });
});

test('CONFIG: tables of what there is', (t) => {
  const host = { hostname: 'h', osType: 'o', osVers: 'v', hostid: 'i' };
  sameReply(t, 'configGetHostInfo', 2, `${word(0)} "h" "o" "v" "i" ${words(2, 1, 2)}`, {
    ...host,
    authTypes: ['text', 'md5'],
  });
  sameReply(t, 'configGetHostInfo', 4, `${word(0)} "h" "o" "v" "i"`, { ...host, authTypes: [] });
  sameReply(t, 'configGetServerInfo', 4, `${word(0)} "v" "p" "r" ${words(1, 2)}`, {
    vendorName: 'v',
    productName: 'p',
    revisionNumber: 'r',
    authTypes: ['md5'],
  });
  sameRequest(t, 'configGetButypeAttr', 2, '"tar"', { name: 'tar' });
  sameReply(t, 'configGetButypeAttr', 2, words(0, 5), { attrs: 5 });
  sameReply(t, 'configGetConnectionType', 3, words(0, 4, 0, 1, 2, 3), {
    addrTypes: ['local', 'tcp', 'fc', 'ipc'],
  });
  sameReply(t, 'configGetConnectionType', 4, words(0, 3, 0, 2, 0x2051_0004), {
    addrTypes: ['local', { unknown: 2 }, 'tcp-ipv6'],
  });
  sameReply(t, 'configGetButypeInfo', 4, `${words(0, 1)} "tar" ${word(1)} "HIST" "y" ${word(6)}`, {
    butypeInfo: [{ butypeName: 'tar', defaultEnv: [{ name: 'HIST', value: 'y' }], attrs: 6 }],
  });
  const sizes = [1, 2, 3, 4, 5].map(quad).join(' ');
  sameReply(t, 'configGetFsInfo', 3, `${words(0, 1, 8)} "t" "l" "p" ${sizes} ${word(0)} "s"`, {
    fsInfo: [
      {
        unsupported: 8,
        fsType: 't',
        fsLogicalDevice: 'l',
        fsPhysicalDevice: 'p',
        totalSize: 1n,
        usedSize: 2n,
        availSize: 3n,
        totalInodes: 4n,
        usedInodes: 5n,
        fsEnv: [],
        fsStatus: 's',
      },
    ],
  });
  const device = { device: 'd', attr: 4, capability: [{ name: 'n', value: 'v' }] };
  const info = `${words(0, 1)} "m" ${word(1)} "d" ${words(4, 1)} "n" "v"`;
  sameReply(t, 'configGetTapeInfo', 4, info, { tapeInfo: [{ model: 'm', caplist: [device] }] });
  sameReply(t, 'configGetScsiInfo', 4, info, { scsiInfo: [{ model: 'm', caplist: [device] }] });
  sameReply(t, 'configGetExtList', 4, words(0, 1, 0x2051, 2, 1, 2), {
    classList: [{ classId: 0x2051, versions: [1, 2] }],
  });
  sameRequest(t, 'configSetExtList', 4, words(1, 0x2051, 1), {
    selectedExt: [{ classId: 0x2051, version: 1 }],
  });
});

test('SCSI and TAPE: devices, CDBs, states', (t) => {
  sameReply(t, 'scsiGetState', 4, `${words(0, 1)} ffffffff ${word(3)}`, {
    targetController: 1,
    targetId: -1,
    targetLun: 3,
  });
  sameRequest(t, 'scsiSetTarget', 3, `"dev" ${words(1, 2, 3)}`, {
    device: 'dev',
    targetController: 1,
    targetId: 2,
    targetLun: 3,
  });
  const cdb = { flags: 1, timeout: 2, datainLen: 3, cdb: Buffer.from('abc'), dataout: Buffer.from('d') };
  const ran = { status: 2, dataoutLen: 3, datain: Buffer.from('ab'), extSense: Buffer.from('cde') };
  for (const name of ['scsiExecuteCdb', 'tapeExecuteCdb'] as const) {
    sameRequest(t, name, 4, `${words(1, 2, 3)} "abc" "d"`, cdb);
    sameReply(t, name, 2, `${words(0, 2, 3)} "ab" "cde"`, ran);
  }
  sameRequest(t, 'tapeOpen', 4, `"dev" ${word(2)}`, { device: 'dev', mode: 'raw' });
  sameRequest(t, 'tapeOpen', 2, `"dev" ${word(2)}`, { device: 'dev', mode: { unknown: 2 } });
  sameRequest(t, 'tapeMtio', 4, words(7, 9), { tapeOp: 'tur', count: 9 });
  sameRequest(t, 'tapeMtio', 3, words(7, 9), { tapeOp: { unknown: 7 }, count: 9 });
  const state = {
    unsupported: 0,
    flags: 2,
    fileNum: 3,
    softErrors: 4,
    blockSize: 5,
    blockno: 6,
    totalSpace: 7n,
    spaceRemain: 8n,
    partition: 0,
  };
  const rest = `${words(2, 3, 4, 5, 6)} ${quad(7)} ${quad(8)}`;
  sameReply(t, 'tapeGetState', 2, `${word(0)} ${rest}`, state);
  sameReply(t, 'tapeGetState', 3, `${words(1, 0)} ${rest} ${word(9)}`, {
    ...state,
    unsupported: 1,
    partition: 9,
  });
  sameReply(t, 'tapeGetState', 4, `${words(1, 0)} ${rest}`, { ...state, unsupported: 1 });
  sameReply(t, 'tapeRead', 4, `${word(0)} "abcde"`, { dataIn: [Buffer.from('abcde')] });
  const pieces = encodeReply('tapeRead', { dataIn: [Buffer.from('ab'), Buffer.from('cde')] }, 4);
  t.deepEqual(Buffer.concat(pieces), bytes(`${word(0)} "abcde"`));
});

test('MOVER: state and addresses of each version', (t) => {
  const counts = `${words(4, 5)} ${[6, 7, 8, 9, 10].map(quad).join(' ')}`;
  const state = {
    mode: 'read',
    state: 'paused',
    pauseReason: 'seek',
    haltReason: 'na',
    recordSize: 4,
    recordNum: 5,
    bytesMoved: 6n,
    seekPosition: 7n,
    bytesLeftToRead: 8n,
    windowOffset: 9n,
    windowLength: 10n,
  } as const;
  const local = { ...state, dataConnectionAddr: { type: 'local' } } as const;
  sameReply(t, 'moverGetState', 2, `${words(0, 3, 3, 0)} ${counts}`, local);
  sameReply(t, 'moverGetState', 3, `${words(0, 3, 3, 0)} ${counts} ${words(2, 77)}`, {
    ...state,
    dataConnectionAddr: { type: 'fc', loopId: 77 },
  });
  sameReply(t, 'moverGetState', 4, `${words(0, 1, 3, 3, 0)} ${counts} ${word(0)}`, {
    ...local,
    mode: 'write',
  });
  const one = { host: '10.0.0.1', port: 1000, env: [] };
  sameReply(t, 'moverListen', 2, words(0, 1, 0x0a00_0001, 1000), {
    dataConnectionAddr: { type: 'tcp', endpoints: [one] },
  });
  const two = { host: '10.0.0.2', port: 2000, env: [{ name: 'a', value: 'b' }] };
  const list = `${words(2, 0x0a00_0001, 1000, 0, 0x0a00_0002, 2000, 1)} "a" "b"`;
  sameReply(t, 'moverListen', 4, `${words(0, 1)} ${list}`, {
    dataConnectionAddr: { type: 'tcp', endpoints: [one, two] },
  });
  const loopback = { host: '::1', port: 3000, env: [] };
  const six = `${'00'.repeat(15)}01 ${word(3000)}`;
  sameRequest(t, 'moverConnect', 3, `${words(0, 0x2051_0004)} ${six}`, {
    mode: 'read',
    addr: { type: 'tcp-ipv6', endpoints: [loopback] },
  });
  sameRequest(t, 'moverConnect', 4, `${words(1, 0x2051_0004, 1)} ${six} ${word(0)}`, {
    mode: 'write',
    addr: { type: 'tcp-ipv6', endpoints: [loopback] },
  });
  sameRequest(t, 'moverConnect', 4, `${words(2, 3)} "ipc"`, {
    mode: 'noaction',
    addr: { type: 'ipc', data: Buffer.from('ipc') },
  });
  t.deepEqual(decodeRequest('moverConnect', bytes(`${words(123, 124)} "what"`), 4), {
    mode: { unknown: 123 },
    addr: { type: 'unknown', number: 124 },
  });
  sameRequest(t, 'moverListen', 4, words(123, 123), { mode: { unknown: 123 }, addrType: { unknown: 123 } });
  sameRequest(t, 'moverSetWindow', 4, `${quad(1)} ffffffffffffffff`, {
    offset: 1n,
    length: 0xffff_ffff_ffff_ffffn,
  });
});

test('a version that lacks a reason is told the next best', (t) => {
  const paused = (version: NdmpVersion): number =>
    Buffer.concat(
      encodeRequest('notifyMoverPaused', { reason: 'eow', seekPosition: 1n }, version),
    ).readUInt32BE(0);
  t.deepEqual([paused(2), paused(3), paused(4)], [2, 5, 5]);
  const halted = { reason: 'media-error', textReason: 'why' } as const;
  t.deepEqual(Buffer.concat(encodeRequest('notifyMoverHalted', halted, 3)), bytes(`${word(3)} "why"`));
  t.deepEqual(Buffer.concat(encodeRequest('notifyMoverHalted', halted, 4)), bytes(word(5)));
});

test('DATA: state, variables and names of each version', (t) => {
  const state = {
    unsupported: 0,
    operation: 'recover',
    state: 'active',
    haltReason: 'na',
    bytesProcessed: 4n,
    estBytesRemain: 5n,
    estTimeRemain: 6,
    dataConnectionAddr: { type: 'local' },
    readOffset: 7n,
    readLength: 8n,
  } as const;
  const rest = `${words(2, 1, 0)} ${quad(4)} ${quad(5)} ${words(6, 0)} ${quad(7)} ${quad(8)}`;
  sameReply(t, 'dataGetState', 2, `${word(0)} ${rest}`, state);
  sameReply(t, 'dataGetState', 4, `${words(3, 0)} ${rest}`, { ...state, unsupported: 3 });
  const env = [{ name: 'LEVEL', value: '0' }];
  const tcp = { type: 'tcp', endpoints: [{ host: '127.0.0.1', port: 5, env: [] }] } as const;
  sameRequest(t, 'dataStartBackup', 2, `${words(1, 0x7f00_0001, 5)} "tar" ${word(1)} "LEVEL" "0"`, {
    mover: tcp,
    buType: 'tar',
    env,
  });
  sameRequest(t, 'dataStartBackup', 3, `"tar" ${word(1)} "LEVEL" "0"`, {
    mover: { type: 'local' },
    buType: 'tar',
    env,
  });
  const path = (text: string): Buffer => Buffer.from(text);
  const name = { originalPath: path('/o'), destinationPath: path('d'), fhInfo: 9n };
  sameRequest(t, 'dataStartRecover', 2, `${words(0, 0, 1)} "/o" "d" ${word(7)} ${quad(9)} "tar"`, {
    mover: { type: 'local' },
    env: [],
    buType: 'tar',
    nlist: [{ ...name, name: path(''), otherName: path(''), ssid: 7, node: 0xffff_ffff_ffff_ffffn }],
  });
  for (const asked of ['dataStartRecover', 'dataStartRecoverFilehist'] as const) {
    for (const version of [3, 4] as const) {
      sameRequest(t, asked, version, `${words(0, 1)} "/o" "d" "n" "x" ${quad(8)} ${quad(9)} "tar"`, {
        mover: { type: 'local' },
        env: [],
        buType: 'tar',
        nlist: [{ ...name, name: path('n'), otherName: path('x'), ssid: 0, node: 8n }],
      });
    }
  }
  sameRequest(t, 'notifyDataHalted', 2, `${word(2)} "why"`, { reason: 'aborted', textReason: 'why' });
  sameRequest(t, 'notifyDataHalted', 4, word(1), { reason: 'successful', textReason: '' });
});

test('LOG: entries of each version', (t) => {
  const entry = { logType: 'normal', messageId: 0, entry: 'text' } as const;
  const alone = { associatedMessageValid: 'no', associatedMessageSequence: 0 } as const;
  sameRequest(t, 'logMessage', 2, '"text"', { ...entry, ...alone });
  sameRequest(t, 'logMessage', 3, `${words(3, 7)} "text"`, {
    ...entry,
    ...alone,
    logType: 'warning',
    messageId: 7,
  });
  sameRequest(t, 'logMessage', 4, `${words(2, 7)} "text" ${words(1, 8)}`, {
    logType: 'error',
    messageId: 7,
    entry: 'text',
    associatedMessageValid: 'yes',
    associatedMessageSequence: 8,
  });
  sameRequest(t, 'logDebug', 2, `${word(8)} "text"`, { level: 'prog-detail', message: 'text' });
  const file = { name: Buffer.from('/f'), ssid: 0, recoveryStatus: 'failed-not-found' } as const;
  sameRequest(t, 'logFile', 2, `"/f" ${words(5, 14)}`, { ...file, ssid: 5 });
  sameRequest(t, 'logFile', 3, `"/f" ${word(14)}`, file);
  sameRequest(t, 'logFile', 4, `"/f" ${word(2)}`, file);
  t.is(
    decodeRequest('logFile', bytes(`"/f" ${word(2)}`), 3).recoveryStatus,
    'failed-undefined-error',
    'an error that no status of ours is told by',
  );
});

const stat = {
  unsupported: 0,
  fsType: 'unix',
  ftype: 'slink',
  mtime: 2,
  atime: 3,
  ctime: 4,
  owner: 5,
  group: 6,
  fattr: 7,
  size: 8n,
  links: 0,
} as const;

test('FH in version 2: UNIX paths, directories and nodes', (t) => {
  const fstat = `${words(5, 2, 3, 4, 5, 6, 7)} ${quad(8)} ${quad(9)}`;
  const names = [{ type: 'unix', path: Buffer.from('/a') }] as const;
  const unknown = 0xffff_ffff_ffff_ffffn;
  sameRequest(t, 'fhAddFile', 2, `${word(1)} "/a" ${fstat}`, {
    files: [{ names, stats: [stat], node: unknown, fhInfo: 9n }],
  });
  sameRequest(t, 'fhAddDir', 2, `${word(1)} "/a" ${words(10, 11)}`, {
    dirs: [{ names, node: 10n, parent: 11n }],
  });
  sameRequest(t, 'fhAddNode', 2, `${word(1)} ${fstat} ${word(12)}`, {
    nodes: [{ stats: [stat], node: 12n, fhInfo: 9n }],
  });
});
test('FH since version 3: names and states of several file systems', (t) => {
  const path = Buffer.from('/a');
  const names = [
    { type: 'unix', path },
    { type: 'nt', path, dosPath: Buffer.from('A~1') },
    { type: 'other', path },
  ] as const;
  const named = `${word(3)} ${word(0)} "/a" ${word(1)} "/a" "A~1" ${word(2)} "/a"`;
  const stats = `${words(1, 3, 0, 5, 2, 3, 4, 5, 6, 7)} ${quad(8)} ${word(9)}`;
  const full = { ...stat, unsupported: 3, links: 9 };
  for (const version of [3, 4] as const) {
    sameRequest(t, 'fhAddFile', version, `${word(1)} ${named} ${stats} ${quad(10)} ${quad(11)}`, {
      files: [{ names, stats: [full], node: 10n, fhInfo: 11n }],
    });
    sameRequest(t, 'fhAddDir', version, `${word(1)} ${named} ${quad(10)} ${quad(11)}`, {
      dirs: [{ names, node: 10n, parent: 11n }],
    });
    sameRequest(t, 'fhAddNode', version, `${word(1)} ${stats} ${quad(10)} ${quad(11)}`, {
      nodes: [{ stats: [full], node: 10n, fhInfo: 11n }],
    });
  }
});
test('what a file system has and history cannot say is told as nearly as can be', (t) => {
  const odd = { ...stat, mtime: -1, atime: 2 ** 33, ftype: 'registry', node: 0 } as const;
  const entry = { names: [], stats: [odd], node: 0x1_0000_0002n, fhInfo: 1n };
  const sent = decodeRequest(
    'fhAddNode',
    Buffer.concat(encodeRequest('fhAddNode', { nodes: [entry] }, 2)),
    2,
  );
  const [node] = sent.nodes;
  t.like(node?.stats[0], { mtime: 0, atime: 0xffff_ffff, ftype: 'reg' });
  t.is(node?.node, 2n);
});

test('counts and lengths above the limits are refused', (t) => {
  const refused = (name: MessageName, pattern: string): string =>
    t.throws(() => decodeRequest(name, bytes(pattern), 4), { instanceOf: XdrError }, name).code;
  const many = 'ffffffff';
  t.is(refused('dataStartBackup', `"tar" ${many}`), 'limit');
  t.is(refused('dataStartRecover', `${word(0)} ${many}`), 'limit');
  t.is(refused('moverConnect', `${words(0, 1)} ${many}`), 'limit');
  t.is(refused('configSetExtList', many), 'limit');
  t.is(refused('tapeOpen', many), 'limit');
  t.is(refused('tapeWrite', many), 'limit');
  t.is(refused('scsiExecuteCdb', `${words(0, 0, 0)} ${many}`), 'limit');
  t.is(refused('connectClientAuth', `${word(1)} ${many}`), 'limit');
  t.is(
    refused('dataStartBackup', `"tar" ${word(4096)}`),
    'short',
    'a count within the limit, and nothing behind',
  );
});
