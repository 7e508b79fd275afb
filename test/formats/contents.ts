/** What the groups in fixtures/formats hold: made by rule, so that any release can say whether it reads it right. */
import { patternBytes } from '../contract/store.js';

/** Bytes of words, which compress well. */
export function textBytes(seed: number, length: number): Buffer {
  const words = [
    'tape',
    'drive',
    'library',
    'cartridge',
    'record',
    'filemark',
    'partition',
    'changer',
    'slot',
  ];
  const dice = patternBytes(seed, length);
  let text = '';
  for (let at = 0; text.length < length; at++)
    text += `${words[(dice[at % length] ?? 0) % words.length]} ${at % 97}\n`;
  return Buffer.from(text.slice(0, length), 'latin1');
}
export interface VolumeContent {
  readonly label: string;
  readonly data: Buffer;
  /** Entries of 24 bytes. */
  readonly objects: Buffer;
}
export const entryBytes = 24;
function contentOf(label: string, ...parts: readonly Buffer[]): VolumeContent {
  const data = Buffer.concat(parts);
  const objects = Buffer.alloc(Math.ceil(data.length / 10_000) * entryBytes);
  for (let at = 0; at < objects.length; at += entryBytes) objects.writeUInt32LE(at / entryBytes, at);
  return { label, data, objects };
}
const shared = patternBytes(1, 90_000);

/** By name; `tape@then` is a snapshot of `tape`, `fork` was forked from it. */
export const volumes: Readonly<Record<string, VolumeContent>> = {
  'tape@then': contentOf('before', shared, textBytes(2, 200_000)),
  tape: contentOf('after', shared, textBytes(3, 120_000), patternBytes(4, 30_000)),
  fork: contentOf('before', shared, textBytes(2, 200_000)),
  empty: contentOf('nothing'),
};
export const groups = ['plain', 'sealed'] as const;
/** Of the encrypted one: no secret. */
export const keyFile = Buffer.from('This key opens a fixture, and nothing that anybody stores.\n');
