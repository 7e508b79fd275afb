/** tshark reads every message of every version as our tables write it: nothing malformed, and the same fields. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  codeIn,
  decodeReply,
  decodeRequest,
  encodeRefusal,
  encodeReply,
  encodeRequest,
  framed,
  Header,
  isPost,
  isRequest,
  type MessageName,
  messageNames,
  type NdmpVersion,
  type ReplyOf,
  type RequestName,
  type RequestOf,
  rowOf,
  type Slices,
  XdrWriter,
} from '#ndmp';
import { dissectNdmp, type Passed, testWith, top } from '#support';

/** 2023-11-14: the dissector takes nothing before 1980. */
const timeStamp = 1_700_000_000;

/**
 * What the dissector reads by the structures of version 3 whatever version is spoken: an NDMJOB of version 2 is malformed to it.
 * These are held to other implementations in test/unit/ndmp.
 */
const unreadInVersion2: ReadonlySet<MessageName> = new Set([
  'tapeGetState',
  'dataGetState',
  'dataStartBackup',
  'dataStartRecover',
]);
/** It has no name for it. */
const unknownToDissector: MessageName = 'dataStartRecoverFilehist';

/** A conversation that is written down message by message. */
class Script {
  readonly said: Passed[] = [];
  /** Code and type of each message, as tshark prints them. */
  readonly wanted: string[] = [];
  readonly #version: NdmpVersion;
  readonly #sequences = { initiator: 0, target: 0 };

  constructor(version: NdmpVersion) {
    this.#version = version;
    this.post('notifyConnectionStatus', { reason: 'connected', protocolVersion: 4, textReason: 'hello' });
    this.ask('connectOpen', { protocolVersion: version });
    this.answer('connectOpen', {});
  }
  ask<K extends MessageName>(name: K, request: RequestOf<K>): void {
    this.#say('initiator', name, 'request', encodeRequest(name, request, this.#version));
  }
  post<K extends MessageName>(name: K, body: RequestOf<K>): void {
    this.#say('target', name, 'request', encodeRequest(name, body, this.#version));
  }
  answer<K extends RequestName>(name: K, body: ReplyOf<K>): void {
    this.#say('target', name, 'reply', encodeReply(name, body, this.#version));
  }
  refuse(name: RequestName): void {
    this.#say('target', name, 'reply', encodeRefusal(name, 'illegal-state', this.#version));
  }
  #say(from: Passed['from'], name: MessageName, type: 'request' | 'reply', body: Slices): void {
    if (name === unknownToDissector || (this.#version === 2 && unreadInVersion2.has(name))) return;
    const code = codeIn(name, this.#version);
    const to = new XdrWriter(this.#version);
    const sequence = ++this.#sequences[from];
    const replySequence = type === 'reply' ? this.#sequences.initiator : 0;
    Header.write(to, { sequence, timeStamp, type, code, replySequence, error: 0 });
    this.said.push({ from, bytes: Buffer.concat(framed([...to.slices(), ...body])) });
    this.wanted.push(`0x${code.toString(16).padStart(8, '0')} ${type === 'reply' ? 1 : 0}`);
  }
}

/** Bodies that another implementation sent: they are read by our tables, and written by them. */
function sayRecorded(script: Script, version: NdmpVersion): void {
  const file = readFileSync(join(top, 'fixtures/ndmp', `recorded-v${version}.txt`), 'utf8');
  for (const line of file.split('\n')) {
    const [type = '', name = '', hex = ''] = line.split(' ');
    const message = Buffer.from(hex, 'hex');
    if (line === '' || message.readUInt32BE(20) !== 0 || /^(connectOpen|notifyConn)/.test(name)) continue;
    const known = name as MessageName;
    const body = message.subarray(24);
    if (type === 'request') {
      const request = decodeRequest(known, body, version);
      if (isPost(known)) script.post<MessageName>(known, request);
      else script.ask<MessageName>(known, request);
    } else if (isRequest(known)) {
      const answer = decodeReply(known, body, version);
      script.ask<RequestName>(known, rowOf(known).request.empty() as never);
      if (answer.error === 'no-err') script.answer(known, answer.body);
      else script.refuse(known);
    }
  }
}

const path = Buffer.from('/a/file');
const stat = {
  unsupported: 2,
  fsType: 'unix',
  ftype: 'reg',
  mtime: 1,
  atime: 2,
  ctime: 3,
  owner: 4,
  group: 5,
  fattr: 0o644,
  size: 7n,
  links: 8,
} as const;
const names = [{ type: 'unix', path }] as const;
const endpoints = [1, 2].map((last) => ({ host: `192.0.2.${last}`, port: 1000 + last, env: [] }));

/** What NDMJOB did not say. */
function sayTheRest(script: Script, version: NdmpVersion): void {
  const md5 = { type: 'md5', authId: 'me', authDigest: Buffer.alloc(16, 1) } as const;
  script.ask('connectServerAuth', { clientAttr: { type: 'md5', challenge: Buffer.alloc(64, 2) } });
  script.answer('connectServerAuth', { serverResult: md5 });
  script.ask('connectClientAuth', { authData: { type: 'text', authId: 'me', authPassword: 'word' } });
  script.answer('connectClientAuth', {});
  const cdb = { flags: 1, timeout: 1000, datainLen: 8, cdb: Buffer.alloc(6), dataout: Buffer.alloc(0) };
  script.ask('tapeExecuteCdb', cdb);
  const extSense = Buffer.from('700006000000000a00000000290000000000', 'hex');
  script.answer('tapeExecuteCdb', { status: 2, dataoutLen: 0, datain: Buffer.alloc(0), extSense });
  const nlist = [
    { originalPath: path, destinationPath: path, name: path, otherName: path, ssid: 0, node: 1n, fhInfo: 2n },
  ];
  const mover = version === 2 ? ({ type: 'tcp', endpoints } as const) : ({ type: 'local' } as const);
  script.ask('dataStartRecover', { mover, env: [{ name: 'A', value: 'b' }], nlist, buType: 'tar' });
  script.post('logFile', { name: path, ssid: 0, recoveryStatus: 'successful' });
  script.post('fhAddFile', { files: [{ names, stats: [stat], node: 1n, fhInfo: 2n }] });
  script.post('fhAddDir', { dirs: [{ names, node: 1n, parent: 2n }] });
  script.post('fhAddNode', { nodes: [{ stats: [stat, stat], node: 1n, fhInfo: 2n }] });
  const entry = { logType: 'error', messageId: 7, entry: 'words' } as const;
  script.post('logMessage', { ...entry, associatedMessageValid: 'yes', associatedMessageSequence: 1 });
  if (version === 2) {
    script.post('logDebug', { level: 'diag-info', message: 'words' });
    return;
  }
  script.ask('moverConnect', { mode: 'write', addr: { type: 'tcp', endpoints } });
  script.ask('dataConnect', { addr: { type: 'tcp', endpoints } });
  if (version === 3) return;
  script.answer('configGetExtList', { classList: [{ classId: 0x2051, versions: [1, 2] }] });
  script.ask('configSetExtList', { selectedExt: [{ classId: 0x2051, version: 1 }] });
  script.answer('configSetExtList', {});
}
/** Every message of a version: those without fields, and refusals of all. */
function sayAll(script: Script, version: NdmpVersion): void {
  for (const name of messageNames) {
    if (!rowOf(name).versions.includes(version) || isPost(name) || name === 'connectOpen') continue;
    script.ask<MessageName>(name, rowOf(name).request.empty() as never);
    if (isRequest(name)) script.refuse(name);
  }
}

for (const version of [2, 3, 4] as const) {
  testWith(['tshark', 'text2pcap'], `tshark reads every message of NDMP version ${version}`, async (t) => {
    const script = new Script(version);
    sayRecorded(script, version);
    sayTheRest(script, version);
    sayAll(script, version);
    const { frames, faults } = await dissectNdmp(t, script.said, ['ndmp.msg', 'ndmp.msg_type']);
    t.deepEqual(faults, []);
    t.deepEqual(
      frames.map((fields) => fields.join(' ')),
      script.wanted,
    );
  });
}

/** What tshark finds in the fields of one kind of message, by its own names. */
const FIELDS: readonly (readonly [
  say: (script: Script) => void,
  wanted: Readonly<Record<string, string>>,
])[] = [
  [
    (script) =>
      script.answer('moverGetState', {
        mode: 'write',
        state: 'paused',
        pauseReason: 'seek',
        haltReason: 'na',
        recordSize: 10,
        recordNum: 11,
        bytesMoved: 12n,
        seekPosition: 13n,
        bytesLeftToRead: 14n,
        windowOffset: 15n,
        windowLength: 16n,
        dataConnectionAddr: { type: 'tcp', endpoints },
      }),
    {
      'ndmp.mover.mode': '1',
      'ndmp.mover.state': '3',
      'ndmp.mover.pause': '3',
      'ndmp.record.size': '10',
      'ndmp.record.num': '11',
      'ndmp.data.written': '12',
      'ndmp.seek.position': '13',
      'ndmp.bytes_left_to_read': '14',
      'ndmp.window.offset': '15',
      'ndmp.window.length': '16',
      'ndmp.addr.ip': '192.0.2.1,192.0.2.2',
      'ndmp.addr.tcp_port': '1001,1002',
    },
  ],
  [
    (script) =>
      script.answer('tapeGetState', {
        unsupported: 0x28,
        flags: 0x10,
        fileNum: 10,
        softErrors: 11,
        blockSize: 12,
        blockno: 13,
        totalSpace: 14n,
        spaceRemain: 15n,
        partition: 0,
      }),
    {
      'ndmp.tape.invalid.block_no': '1',
      'ndmp.tape.invalid.space_remain': '1',
      'ndmp.tape.invalid.file_num': '0',
      'ndmp.tape.flags.write_protect': '1',
      'ndmp.tape.status.file_num': '10',
      'ndmp.tape.status.soft_errors': '11',
      'ndmp.tape.status.block_size': '12',
      'ndmp.tape.status.block_no': '13',
      'ndmp.tape.status.total_space': '14',
      'ndmp.tape.status.space_remain': '15',
    },
  ],
  [
    (script) =>
      script.answer('dataGetState', {
        unsupported: 2,
        operation: 'backup',
        state: 'connected',
        haltReason: 'na',
        bytesProcessed: 10n,
        estBytesRemain: 11n,
        estTimeRemain: 12,
        dataConnectionAddr: { type: 'local' },
        readOffset: 13n,
        readLength: 14n,
      }),
    {
      'ndmp.bu.state.invalid.etr': '1',
      'ndmp.bu.state.invalid.ebr': '0',
      'ndmp.bu.operation': '1',
      'ndmp.data.state': '4',
      'ndmp.data.bytes_processed': '10',
      'ndmp.data.est_bytes_remain': '11',
      'ndmp.data.est_time_remain': '12.000000000',
    },
  ],
  [
    (script) => script.post('fhAddFile', { files: [{ names, stats: [stat], node: 20n, fhInfo: 21n }] }),
    {
      'ndmp.file': '/a/file',
      'ndmp.file.invalid.ctime': '1',
      'ndmp.file.invalid.atime': '0',
      'ndmp.file.type': '4',
      'ndmp.file.owner': '4',
      'ndmp.file.group': '5',
      'ndmp.file.fattr': '420',
      'ndmp.file.size': '7',
      'ndmp.file.links': '8',
      'ndmp.file.node': '20',
      'ndmp.file.fh_info': '21',
    },
  ],
  [
    (script) => script.post('fhAddDir', { dirs: [{ names, node: 20n, parent: 21n }] }),
    { 'ndmp.file': '/a/file', 'ndmp.file.node': '20', 'ndmp.file.parent': '21' },
  ],
  [
    (script) =>
      script.ask('dataStartRecover', {
        mover: { type: 'local' },
        env: [],
        nlist: [
          {
            originalPath: Buffer.from('original'),
            destinationPath: Buffer.from('destination'),
            name: Buffer.from('name'),
            otherName: Buffer.from('other'),
            ssid: 0,
            node: 20n,
            fhInfo: 21n,
          },
        ],
        buType: 'tar',
      }),
    {
      'ndmp.bu.original_path': 'original',
      'ndmp.bu.destination_dir': 'destination',
      'ndmp.bu.new_name': 'name',
      'ndmp.bu.other_name': 'other',
      'ndmp.file.node': '20',
      'ndmp.file.fh_info': '21',
      'ndmp.butype.name': 'tar',
    },
  ],
];

testWith(['tshark', 'text2pcap'], 'tshark finds our values in the fields that it names', async (t) => {
  const script = new Script(4);
  const before = script.said.length;
  for (const [say] of FIELDS) say(script);
  const asked = [...new Set(FIELDS.flatMap(([, wanted]) => Object.keys(wanted)))];
  const { frames, faults } = await dissectNdmp(t, script.said, asked);
  t.deepEqual(faults, []);
  for (const [index, [, wanted]] of FIELDS.entries()) {
    const values = frames[before + index] ?? [];
    // It prints some numbers in hexadecimal.
    const shown = values.map((value) => (value.startsWith('0x') ? `${Number(value)}` : value));
    const found = asked.map((field, at) => [field, shown[at] ?? ''] as const);
    t.deepEqual(Object.fromEntries(found.filter(([field]) => field in wanted)), wanted);
  }
});
