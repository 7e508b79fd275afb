/** tshark as an independent decoder of what was said on a connection. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { mustRun } from './programs.js';
import type { Passed } from './relay.js';
import { tempFolder } from './temp-folder.js';

/** Most bytes of one made-up packet: an IP packet has at most 65535 with its headers. */
const packetBytesMax = 60_000;
const targetPort = 3260;

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

export async function dissect(t: ExecutionContext, conversation: readonly Passed[]): Promise<Dissection> {
  const folder = await tempFolder(t);
  const capture = join(folder, 'session.pcap');
  await mustRun(t, 'text2pcap', ['-q', '-D', '-T', `40000,${targetPort}`, '-', capture], {
    input: hexDump(conversation),
  });
  const read = ['-r', capture, '-d', `tcp.port==${targetPort},iscsi`];
  const opcodes = await mustRun(t, 'tshark', [...read, '-Y', 'iscsi', '-T', 'fields', '-e', 'iscsi.opcode']);
  const frames = opcodes.split('\n').filter((line) => line !== '');
  const shown = ['-T', 'fields', '-e', 'frame.number', '-e', '_ws.expert.message', '-e', '_ws.col.Info'];
  const wrong = '_ws.malformed || _ws.expert.severity == 0x800000';
  const faults = await mustRun(t, 'tshark', [...read, '-Y', wrong, ...shown]);
  return {
    pdus: frames.length,
    opcodes: [...new Set(frames.flatMap((line) => line.split(',')))].map((one) => one.slice(-2)).toSorted(),
    faults: faults.split('\n').filter((line) => line !== ''),
  };
}
