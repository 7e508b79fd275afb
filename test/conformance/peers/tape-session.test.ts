/** tshark decodes a session in which a tape is loaded, written, read, looked into and put back: nothing is malformed. */
import { realEnv } from '#env';
import { dissect, Relay, startDaemon, tempFolder, testWith } from '#support';
import { Host } from '../../sim/host.js';
import { InitiatorSession } from '../../sim/session.js';

/** INQUIRY first, or the dissector takes the units for disks. */
const LOOKS: readonly (readonly [name: string, lun: number, cdb: readonly number[], inBytes: number])[] = [
  ['INQUIRY', 0, [0x12, 0, 0, 0, 0xff, 0], 255],
  ['INQUIRY', 1, [0x12, 0, 0, 0, 0xff, 0], 255],
  ['INQUIRY, page 00h', 1, [0x12, 1, 0, 4, 0, 0], 1024],
  ['INQUIRY, page 80h', 1, [0x12, 1, 0x80, 4, 0, 0], 1024],
  ['INQUIRY, page 83h', 1, [0x12, 1, 0x83, 4, 0, 0], 1024],
  ['INQUIRY, page 83h', 0, [0x12, 1, 0x83, 4, 0, 0], 1024],
  ['REPORT LUNS', 0, [0xa0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0], 1024],
  ['READ BLOCK LIMITS', 1, [0x05, 0, 0, 0, 0, 0], 6],
  ['MODE SENSE(6), all pages', 1, [0x1a, 0, 0x3f, 0, 0xff, 0], 255],
  ['MODE SENSE(6), all pages', 0, [0x1a, 8, 0x3f, 0, 0xff, 0], 255],
  ['LOG SENSE, TapeAlert', 1, [0x4d, 0, 0x6e, 0, 0, 0, 0, 8, 0, 0], 2048],
  ['READ POSITION', 1, [0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], 20],
  ['REPORT DENSITY SUPPORT', 1, [0x44, 0, 0, 0, 0, 0, 0, 8, 0, 0], 2048],
  ['PERSISTENT RESERVE IN', 1, [0x5e, 0, 0, 0, 0, 0, 0, 4, 0, 0], 1024],
  ['REQUEST SENSE', 1, [0x03, 0, 0, 0, 96, 0], 96],
];

testWith(['tshark', 'text2pcap'], 'tshark finds nothing malformed in a session with a tape', async (t) => {
  const relay = await Relay.start(t);
  const daemon = await startDaemon(t, await tempFolder(t));
  relay.upstream = daemon.portal;
  const keys = { InitialR2T: 'Yes', ImmediateData: 'Yes', MaxRecvDataSegmentLength: '65536' };
  const session = await InitiatorSession.login(realEnv().net, relay.address, {
    target: daemon.targetName,
    keys,
  });
  const host = new Host(session);
  for (const lun of [0, 1]) await host.isReady(lun); // takes the unit attentions
  const [slot] = await host.elements(0, 2);
  const [bay] = await host.elements(0, 4);
  t.true(await host.move(0, slot?.address ?? 0, bay?.address ?? 0));
  t.true(await host.isReady(1));
  for (const [name, lun, cdb, inBytes] of LOOKS) {
    const { status } = await session.command(lun, Buffer.from(cdb), { inBytes });
    t.is(status, 0, name);
  }
  for (const length of [512, 10_240, 100_000]) await host.write(1, { kind: 'record', seed: length, length });
  await host.writeFilemarks(1, 1, false);
  await host.rewind(1);
  for (let object = 0; object < 5; object++) await host.read(1, 200_000); // short, mark and end of data too
  await host.space(1, 'filemarks', -1);
  await host.locate(1, 1);
  await host.unload(1);
  t.true(await host.move(0, bay?.address ?? 0, slot?.address ?? 0));
  await session.logout();
  const [conversation] = relay.conversations;
  const { pdus, opcodes, faults } = await dissect(t, conversation ?? []);
  t.true(pdus > 60);
  for (const opcode of ['01', '03', '05', '06', '21', '23', '25', '26', '31'])
    t.true(opcodes.includes(opcode), opcode);
  t.deepEqual(faults, []);
});
