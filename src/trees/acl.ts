/**
 * POSIX access control lists: as the kernel's extended attributes hold them (linux/posix_acl_xattr.h: version 2, then tag,
 * permissions and id of each entry), and as the text of acl(5) with numbers for names, which archives hold.
 */

export const accessAcl = 'system.posix_acl_access';
export const defaultAcl = 'system.posix_acl_default';

const version = 2;
const headBytes = 4;
const entryBytes = 8;
/** The id of entries that have none. */
const noId = 0xffff_ffff;
const entriesMax = 8192;

/** `hasId`: for the entry of one user or group. */
const TAGS = [
  { tag: 0x01, word: 'user', hasId: false },
  { tag: 0x02, word: 'user', hasId: true },
  { tag: 0x04, word: 'group', hasId: false },
  { tag: 0x08, word: 'group', hasId: true },
  { tag: 0x10, word: 'mask', hasId: false },
  { tag: 0x20, word: 'other', hasId: false },
] as const;

const permissions = (bits: number): string =>
  `${(bits & 4) === 0 ? '-' : 'r'}${(bits & 2) === 0 ? '-' : 'w'}${(bits & 1) === 0 ? '-' : 'x'}`;

/** `user::rw-,user:1000:r--,…`; undefined when it is not a list that we know. */
export function aclText(value: Buffer): string | undefined {
  if (value.length < headBytes || (value.length - headBytes) % entryBytes !== 0) return undefined;
  if (value.readUInt32LE(0) !== version) return undefined;
  const entries: string[] = [];
  for (let at = headBytes; at < value.length; at += entryBytes) {
    const row = TAGS.find(({ tag }) => tag === value.readUInt16LE(at));
    if (row === undefined) return undefined;
    const id = row.hasId ? String(value.readUInt32LE(at + 4)) : '';
    entries.push(`${row.word}:${id}:${permissions(value.readUInt16LE(at + 2))}`);
  }
  return entries.join(',');
}

/**
 * Entries between commas or newlines; what follows a fourth colon is star's number of a named one, and counts more than the
 * name. Names without a number are not looked up: undefined, as for anything that is no list.
 */
export function aclOfText(text: string): Buffer | undefined {
  const words = text
    .split(/[,\n]/)
    .map((word) => word.replace(/#.*$/, '').trim())
    .filter((word) => word !== '');
  if (words.length === 0 || words.length > entriesMax) return undefined;
  const entries: { tag: number; bits: number; id: number }[] = [];
  for (const word of words) {
    const entry = entryOf(word);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id); // the kernel wants them in order
  const value = Buffer.alloc(headBytes + entryBytes * entries.length);
  value.writeUInt32LE(version, 0);
  for (const [index, { tag, bits, id }] of entries.entries()) {
    const at = headBytes + entryBytes * index;
    value.writeUInt16LE(tag, at);
    value.writeUInt16LE(bits, at + 2);
    value.writeUInt32LE(id, at + 4);
  }
  return value;
}

const SHORT: Readonly<Record<string, string>> = { u: 'user', g: 'group', m: 'mask', o: 'other' };

function entryOf(word: string): { tag: number; bits: number; id: number } | undefined {
  const parts = word.split(':');
  const kind = SHORT[parts[0] ?? ''] ?? parts[0];
  // `other:r--` and `mask:r--` are allowed to leave out the middle.
  const [name = '', letters = '', number] = parts.length === 2 ? ['', parts[1]] : parts.slice(1);
  const id = number ?? name;
  const row = TAGS.find((one) => one.word === kind && one.hasId === (id !== ''));
  if (row === undefined || !/^[r-][w-][x-]$/.test(letters)) return undefined;
  if (row.hasId && (!/^\d{1,10}$/.test(id) || Number(id) >= noId)) return undefined;
  const bits = (letters[0] === 'r' ? 4 : 0) | (letters[1] === 'w' ? 2 : 0) | (letters[2] === 'x' ? 1 : 0);
  return { tag: row.tag, bits, id: row.hasId ? Number(id) : noId };
}
