/** libiscsi's tools against the real daemon, and what tshark says of the whole conversation. */
import type { ExecutionContext } from 'ava';
import { type Daemon, dissect, mustRun, Relay, startDaemon, tempFolder, testWith } from '#support';

async function daemonBehindRelay(
  t: ExecutionContext,
): Promise<{ daemon: Daemon; relay: Relay; url: string }> {
  const relay = await Relay.start(t);
  const { host, port } = relay.address;
  // SendTargets names the relay, so that what discovers comes back through it.
  const daemon = await startDaemon(t, await tempFolder(t), ['--announce', `${host}:${port}`]);
  relay.upstream = daemon.portal;
  return { daemon, relay, url: `iscsi://${host}:${port}` };
}

testWith(['iscsi-ls'], 'iscsi-ls -s lists the target, its changer and its drives', async (t) => {
  const { daemon, url } = await daemonBehindRelay(t);
  const said = await mustRun(t, 'iscsi-ls', ['-s', url]);
  t.true(said.includes(`Target:${daemon.targetName}`), said);
  t.is(said.match(/Type:SEQUENTIAL_ACCESS|Type:SSC/g)?.length, 4, said);
  t.is(said.match(/Type:MEDIA_CHANGER|Type:SMC/g)?.length, 1, said);
});

testWith(
  ['iscsi-inq'],
  'iscsi-inq reads standard INQUIRY data and every VPD page that a unit lists',
  async (t) => {
    const { daemon, url } = await daemonBehindRelay(t);
    for (const lun of [0, 1, 4]) {
      const unit = `${url}/${daemon.targetName}/${lun}`;
      const standard = await mustRun(t, 'iscsi-inq', [unit]);
      t.regex(standard, lun === 0 ? /MEDIA_CHANGER|SMC/ : /SEQUENTIAL_ACCESS|SSC/);
      const list = await mustRun(t, 'iscsi-inq', ['-e', '1', '-c', '0', unit]);
      const pages = [...list.matchAll(/Page:0x([0-9a-f]{2})|^\s*0x([0-9a-f]{2})/gim)].map(
        (match) => match[1] ?? match[2],
      );
      t.true(pages.includes('83'), list);
      for (const page of pages) {
        await mustRun(t, 'iscsi-inq', ['-e', '1', '-c', String(Number.parseInt(page ?? '', 16)), unit]);
      }
    }
  },
);

testWith(
  ['iscsi-ls', 'iscsi-inq', 'tshark', 'text2pcap'],
  'tshark finds nothing malformed in a session of libiscsi',
  async (t) => {
    const { daemon, relay, url } = await daemonBehindRelay(t);
    await mustRun(t, 'iscsi-ls', ['-s', url]);
    await mustRun(t, 'iscsi-inq', ['-e', '1', '-c', '0x83', `${url}/${daemon.targetName}/1`]);
    t.true(relay.conversations.length >= 3);
    for (const conversation of relay.conversations) {
      const { pdus, faults } = await dissect(t, conversation);
      t.true(pdus >= 4);
      t.deepEqual(faults, []);
    }
  },
);
