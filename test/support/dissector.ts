/** tshark as an independent decoder of what was said on a connection. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { mustRun } from './programs.js';
import type { Passed } from './relay.js';
import { tempFolder } from './temp-folder.js';

/** Most bytes of one made-up packet: an IP packet has at most 65535 with its headers. */
const packetBytesMax = 60_000;
const ports = { iscsi: 3260, ndmp: 10_000 } as const;
/** What tshark says of a frame that it cannot read to its end, or finds wrong. */
const wrong = '_ws.malformed || _ws.expert.severity == 0x800000';
const shownFaults = ['-e', 'frame.number', '-e', '_ws.expert.message', '-e', '_ws.col.Info'];

/** What text2pcap reads: a direction, and the bytes with their offsets. */
function hexDump(conversation: readonly Passed[]): string {
  const lines: string[] = [];
  for (const { from, bytes } of conversation) {
    for (let start = 0; start < bytes.length; start += packetBytesMax) {
      const packet = bytes.subarray(start, start + packetBytesMax);
      lines.push(from === 'initiator' ? 'O' : 'I');
      for (let at = 0; at < packet.length; at += 32) {
        const row = packet.subarray(at, at + 32).toString('hex');
        lines.push(`${at.toString(16).padStart(6, '0')} ${(row.match(/../g) ?? []).join(' ')}`);
      }
      lines.push('');
    }
  }
  return `${lines.join('\n')}\n`;
}

export interface Dissection {
  /** Frames with at least one iSCSI PDU. */
  readonly pdus: number;
  /** iSCSI opcodes seen, as two hexadecimal digits, sorted. */
  readonly opcodes: readonly string[];
  /** One line for every frame that is malformed or has an expert error. */
  readonly faults: readonly string[];
}

/** A conversation as a capture; what comes back are the arguments that let tshark read it. */
async function capture(
  t: ExecutionContext,
  protocol: keyof typeof ports,
  conversation: readonly Passed[],
): Promise<readonly string[]> {
  const file = join(await tempFolder(t), 'session.pcap');
  const port = ports[protocol];
  await mustRun(t, 'text2pcap', ['-q', '-D', '-T', `40000,${port}`, '-', file], {
    input: hexDump(conversation),
  });
  return ['-r', file, '-d', `tcp.port==${port},${protocol}`];
}
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

async function faultsIn(t: ExecutionContext, read: readonly string[]): Promise<readonly string[]> {
  return linesOf(await mustRun(t, 'tshark', [...read, '-Y', wrong, '-T', 'fields', ...shownFaults]));
}

export async function dissect(t: ExecutionContext, conversation: readonly Passed[]): Promise<Dissection> {
  const read = await capture(t, 'iscsi', conversation);
  const opcodes = await mustRun(t, 'tshark', [...read, '-Y', 'iscsi', '-T', 'fields', '-e', 'iscsi.opcode']);
  const frames = linesOf(opcodes);
  return {
    pdus: frames.length,
    opcodes: [...new Set(frames.flatMap((line) => line.split(',')))].map((one) => one.slice(-2)).toSorted(),
    faults: await faultsIn(t, read),
  };
}

/** The same of NDMP: the fields asked for, of each frame with messages in it, as tshark prints them (several with commas). */
export async function dissectNdmp(
  t: ExecutionContext,
  conversation: readonly Passed[],
  fields: readonly string[],
): Promise<{ readonly frames: readonly (readonly string[])[]; readonly faults: readonly string[] }> {
  const read = await capture(t, 'ndmp', conversation);
  const asked = fields.flatMap((field) => ['-e', field]);
  const said = await mustRun(t, 'tshark', [...read, '-Y', 'ndmp', '-T', 'fields', ...asked]);
  return { frames: linesOf(said).map((line) => line.split('\t')), faults: await faultsIn(t, read) };
}
