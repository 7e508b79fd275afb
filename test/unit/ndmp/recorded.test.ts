/** Messages that NDMJOB sent are read to their last byte, and written again as they were. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  decodeReply,
  decodeRequest,
  encodeRefusal,
  encodeReply,
  encodeRequest,
  Header,
  isRequest,
  messageNames,
  messageOf,
  type MessageName,
  type NdmpVersion,
  parseMessage,
  rowOf,
  type Slices,
  XdrError,
  XdrWriter,
} from '#ndmp';
import { top } from '#support';

interface Recorded {
  readonly what: string;
  readonly name: MessageName;
  readonly message: Buffer;
}
const recorded = (version: NdmpVersion): readonly Recorded[] =>
  readFileSync(join(top, 'fixtures/ndmp', `recorded-v${version}.txt`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      const [type = '', name = '', hex = ''] = line.split(' ');
      return {
        what: `line ${index + 1}: ${type} ${name}`,
        name: name as MessageName,
        message: Buffer.from(hex, 'hex'),
      };
    });

/** Reads a body and writes it again. */
function again(name: MessageName, type: 'request' | 'reply', body: Buffer, version: NdmpVersion): Slices {
  if (type === 'request') return encodeRequest(name, decodeRequest(name, body, version), version);
  if (!isRequest(name)) throw new Error(`${name} is not answered`);
  const answer = decodeReply(name, body, version);
  return answer.error === 'no-err'
    ? encodeReply(name, answer.body, version)
    : encodeRefusal(name, answer.error, version);
}

for (const version of [2, 3, 4] as const) {
  test(`what NDMJOB sent in version ${version} is read and written the same`, (t) => {
    for (const { what, name, message } of recorded(version)) {
      const { header, body } = parseMessage(message, version);
      t.is(messageOf(header.code, version), name, what);
      const to = new XdrWriter(version);
      Header.write(to, header);
      t.deepEqual(Buffer.concat(to.slices()), message.subarray(0, 24), what);
      if (header.error === 0) t.deepEqual(Buffer.concat(again(name, header.type, body, version)), body, what);
      else t.is(body.length, 0, what);
    }
  });

  test(`of what was sent in version ${version}, one word less or more is refused`, (t) => {
    for (const { what, name, message } of recorded(version)) {
      const { header, body } = parseMessage(message, version);
      if (header.error !== 0) continue;
      const refused = (bytes: Buffer): string =>
        t.throws(() => again(name, header.type, bytes, version), { instanceOf: XdrError }, what).code;
      if (body.length > 0) t.is(refused(body.subarray(0, -4)), 'short', what);
      t.is(refused(Buffer.concat([body, Buffer.alloc(4)])), 'long', what);
    }
  });
}

test('the recordings cover what NDMJOB says', (t) => {
  const said = (version: NdmpVersion): Set<string> => new Set(recorded(version).map(({ name }) => name));
  const unsaid = (version: NdmpVersion): string[] =>
    messageNames.filter((name) => rowOf(name).versions.includes(version) && !said(version).has(name));
  // Hand-made ones stand for these in messages.test.ts.
  const never = [
    'connectClose',
    'connectServerAuth',
    'configSetExtList',
    'configGetExtList',
    'scsiClose',
    'scsiGetState',
    'scsiResetDevice',
    'tapeExecuteCdb',
    'dataStartRecoverFilehist',
    'moverConnect',
    'logFile',
    'fhAddDir',
    'fhAddNode',
  ];
  t.deepEqual(unsaid(4).toSorted(), never.toSorted());
  // The greeting is recorded as version 4: none is agreed yet.
  const old = ['connectOpen', 'notifyConnectionStatus', 'scsiSetTarget', 'scsiResetBus', 'logMessage'];
  for (const version of [2, 3] as const)
    t.deepEqual(
      unsaid(version).filter((name) => ![...never, ...old].includes(name)),
      [],
    );
});
