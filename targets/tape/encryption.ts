/** SECURITY PROTOCOL IN and OUT: protocols 00h (information) and 20h (tape data encryption, SSC-4 8.5). */
import {
  answer,
  invalidCdbField,
  invalidParameter,
  listLengthError,
  type Nexus,
  receiveParameters,
  SENSE,
  type Task,
} from '#scsi';
import type { BlockEncryption, DecryptionMode, EncryptionMode, KeyData } from '#vtl';
import {
  algorithm,
  algorithmDescriptor,
  BLOCK_STATUS,
  capabilitiesHead,
  KEY_DATA,
  keyDataBytesMax,
  keyDataHeader,
  managementCapabilities,
  nextBlockHead,
  PAGE,
  pageHeader,
  SCOPE,
  SET_DATA_ENCRYPTION,
  setEncryptionHead,
  statusHead,
} from './encryption.format.js';
import type { Parameters, Scope } from './encryption-scopes.js';
import type { TapeUnit } from './tape-unit.js';

const protocolInformation = 0x00;
const tapeDataEncryption = 0x20;

export interface SecurityCdb {
  readonly protocol: number;
  readonly specific: number;
  readonly inc512: boolean;
}

// --- IN -----------------------------------------------------------------------------------------------------------------

export async function securityProtocolIn(
  unit: TapeUnit,
  task: Task,
  cdb: SecurityCdb & { readonly allocationLength: number },
): Promise<void> {
  if (cdb.inc512) throw invalidCdbField(4, 7); // lengths are in bytes for tape data encryption (SSC-4 8.5.2.1)
  const page = await pageOf(unit, task, cdb);
  if (page === undefined) throw invalidCdbField(2);
  await answer(task, page, cdb.allocationLength);
}

async function pageOf(
  unit: TapeUnit,
  task: Task,
  { protocol, specific }: SecurityCdb,
): Promise<Buffer | undefined> {
  if (protocol === protocolInformation) return informationPage(specific);
  if (protocol !== tapeDataEncryption) throw invalidCdbField(1);
  return await IN_PAGES[specific]?.(unit, task);
}

/** SPC-5 7.7.1.3 and 7.7.1.4: the protocols, and no certificate. */
function informationPage(specific: number): Buffer | undefined {
  if (specific === 0) return Buffer.from([0, 0, 0, 0, 0, 0, 0, 2, protocolInformation, tapeDataEncryption]);
  return specific === 1 ? Buffer.alloc(4) : undefined;
}

const IN_PAGES: Readonly<Record<number, (unit: TapeUnit, task: Task) => Buffer | Promise<Buffer>>> = {
  [PAGE.inSupport]: () => pageList(PAGE.inSupport, Object.values(PAGE)),
  [PAGE.outSupport]: () => pageList(PAGE.outSupport, [SET_DATA_ENCRYPTION]),
  [PAGE.capabilities]: (unit) => capabilities(unit),
  [PAGE.keyFormats]: () => page(PAGE.keyFormats, Buffer.from([0])),
  [PAGE.managementCapabilities]: () =>
    withHeader(
      PAGE.managementCapabilities,
      managementCapabilities.encode({
        lock: true,
        clearOnDemount: true,
        clearOnPreempt: false,
        clearOnReservationLoss: false,
        allNexuses: true,
        local: true,
        public: true,
      }),
    ),
  [PAGE.status]: (unit, task) => status(unit, task.nexus),
  [PAGE.nextBlock]: async (unit, task) => await nextBlock(unit, task),
  [PAGE.random]: (unit) => page(PAGE.random, unit.env.random.bytes(32)),
};

/** Writes page code and length into the first four bytes, which the head left free. */
function withHeader(code: number, ...pieces: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(pieces);
  pageHeader.encode({ page: code, length: whole.length - pageHeader.length }).copy(whole);
  return whole;
}
const page = (code: number, body: Buffer): Buffer => withHeader(code, Buffer.alloc(pageHeader.length), body);

function pageList(code: number, pages: readonly number[]): Buffer {
  const body = Buffer.alloc(2 * pages.length);
  for (const [index, one] of pages.toSorted((a, b) => a - b).entries()) body.writeUInt16BE(one, 2 * index);
  return page(code, body);
}

function capabilities(unit: TapeUnit): Buffer {
  const head = capabilitiesHead.encode({ externalControlCapable: 0, configurationPrevented: 1 });
  const descriptor = algorithmDescriptor.encode({
    index: algorithm.index,
    length: algorithmDescriptor.length - 4,
    formatModeValid: unit.drive.state === 'ready', // AVFMV: the mounted volume can be written with it
    supplementalKeys: false,
    messageAuthentication: true,
    distinguishesEncrypted: true,
    decrypt: 2, // in hardware, with this command
    encrypt: 2,
    algorithmValidForPosition: 0,
    nonce: 1, // the device server makes nonces itself
    keyDataFormat: true,
    volumeContainsEncrypted: true,
    unauthenticatedFixed: false,
    authenticatedFixed: false,
    unauthenticatedBytesMax: keyDataBytesMax.unauthenticated,
    authenticatedBytesMax: keyDataBytesMax.authenticated,
    keyBytes: algorithm.keyBytes,
    decryptionKeyData: 1,
    externalMode: 0,
    rawMode: 4, // raw reading is off unless a block was written with RDMC = 10b
    externalRaw: true,
    encryptedKeysMax: 0,
    supplementalKeysMax: 0,
    encryptedKeyBytesMax: 0,
    code: algorithm.code,
  });
  return withHeader(PAGE.capabilities, head, descriptor);
}

const encryptionModes: readonly EncryptionMode[] = ['disable', 'external', 'encrypt'];
const decryptionModes: readonly DecryptionMode[] = ['disable', 'raw', 'decrypt', 'mixed'];

function status(unit: TapeUnit, nexus: Nexus): Buffer {
  const { scopes } = unit;
  const { settings, instance, checkExternal, keyDataFormat } = scopes.parametersOf(nexus);
  const off = settings.encryption === 'disable' && settings.decryption === 'disable';
  const head = statusHead.encode({
    nexusScope: SCOPE[scopes.scopeOf(nexus)],
    keyScope: SCOPE[scopes.keyScopeOf(nexus)],
    encryptionMode: encryptionModes.indexOf(settings.encryption),
    decryptionMode: decryptionModes.indexOf(settings.decryption),
    algorithmIndex: off ? 0 : algorithm.index,
    keyInstance: instance,
    parametersControl: 0,
    volumeContainsEncrypted: unit.volumeContainsEncrypted,
    checkExternal,
    rawDisabled: !off && !settings.rawAllowed,
    keyDataFormat,
    supplementalKeys: 0,
  });
  return withHeader(PAGE.status, head, off ? Buffer.alloc(0) : keyDataList(settings.keyData));
}

/** Unauthenticated, authenticated, metadata: ascending types, and only what there is. */
function keyDataList({ unauthenticated, authenticated, metadata }: KeyData, verified = 1): Buffer {
  const one = (type: number, value: Buffer, mark: number): Buffer =>
    value.length === 0
      ? value
      : Buffer.concat([keyDataHeader.encode({ type, authenticated: mark, length: value.length }), value]);
  return Buffer.concat([
    one(KEY_DATA.unauthenticated, unauthenticated, 1), // 1: this field is not covered by authentication
    one(KEY_DATA.authenticated, authenticated, verified),
    one(KEY_DATA.metadata, metadata, 1),
  ]);
}

async function nextBlock(unit: TapeUnit, task: Task): Promise<Buffer> {
  unit.checkReady(task);
  unit.scopes.use(task.nexus);
  const next = await unit.drive.nextBlockEncryption();
  const encrypted = next.kind === 'encrypted';
  const head = nextBlockHead.encode({
    object: BigInt(unit.drive.position.object),
    compressionStatus: 0,
    encryptionStatus: blockStatus(next),
    algorithmIndex: encrypted ? algorithm.index : 0,
    externalMode: false,
    rawDisabled: encrypted && !next.rawAllowed,
    keyDataFormat: 0,
  });
  return withHeader(PAGE.nextBlock, head, encrypted ? keyDataList(next.keyData) : Buffer.alloc(0));
}
function blockStatus(next: BlockEncryption): number {
  if (next.kind === 'encrypted') return next.readable ? BLOCK_STATUS.readable : BLOCK_STATUS.otherKey;
  return next.kind === 'plain' ? BLOCK_STATUS.plain : BLOCK_STATUS.notALogicalBlock;
}

// --- OUT ----------------------------------------------------------------------------------------------------------------

export async function securityProtocolOut(
  unit: TapeUnit,
  task: Task,
  cdb: SecurityCdb & { readonly transferLength: number },
): Promise<void> {
  if (cdb.protocol !== tapeDataEncryption) throw invalidCdbField(1);
  if (cdb.specific !== SET_DATA_ENCRYPTION) throw invalidCdbField(2);
  if (cdb.inc512) throw invalidCdbField(4, 7);
  const list = await receiveParameters(task, cdb.transferLength);
  try {
    if (list.length > 0) setDataEncryption(unit, task, list);
  } finally {
    list.fill(0); // it has the key in it
  }
}

function setDataEncryption(unit: TapeUnit, task: Task, list: Buffer): void {
  if (list.length < setEncryptionHead.length) throw listLengthError();
  const head = setEncryptionHead.decode(list);
  if (head.page !== SET_DATA_ENCRYPTION) throw invalidParameter(0);
  if (head.length + pageHeader.length !== list.length) throw listLengthError();
  const scope = scopeOf(head.scope);
  const parameters = parse(list, head);
  const changed = unit.scopes.set(task.nexus, scope, parameters, head.lock);
  if (!changed) return;
  for (const nexus of unit.nexuses) {
    const affected = nexus.id !== task.nexus.id && unit.scopes.scopeOf(nexus) === 'public';
    if (affected) unit.attentions.raiseFor(nexus.id, SENSE.encryptionParametersChangedByAnother);
  }
}

type Head = ReturnType<typeof setEncryptionHead.decode>;

function scopeOf(code: number): Scope {
  if (code === SCOPE.public) return 'public';
  if (code === SCOPE.local) return 'local';
  if (code === SCOPE.all) return 'all';
  throw invalidParameter(4, 7);
}

function parse(list: Buffer, head: Head): Omit<Parameters, 'instance'> {
  const encryption = encryptionModes[head.encryptionMode];
  const decryption = decryptionModes[head.decryptionMode];
  if (encryption === undefined) throw invalidParameter(6);
  if (decryption === undefined) throw invalidParameter(7);
  if (head.supplementalKey) throw invalidParameter(5, 3);
  if (head.clearOnPreempt) throw invalidParameter(5, 1);
  if (head.clearOnReservationLoss) throw invalidParameter(5, 0);
  if (head.rawControl === 1) throw invalidParameter(5, 5);
  const active = encryption !== 'disable' || decryption !== 'disable';
  if (active && head.algorithmIndex !== algorithm.index) throw invalidParameter(8);
  if (head.keyFormat !== 0) throw invalidParameter(9);
  if (head.keyDataFormat > 2) throw invalidParameter(10);
  const afterKey = setEncryptionHead.length + head.keyLength;
  if (afterKey > list.length) throw invalidParameter(18);
  const needsKey = encryption === 'encrypt' || decryption === 'decrypt' || decryption === 'mixed';
  if (needsKey && head.keyLength !== algorithm.keyBytes) throw invalidParameter(18);
  return {
    keyDataFormat: head.keyDataFormat,
    checkExternal: head.checkExternal,
    settings: {
      encryption,
      decryption,
      key: needsKey ? Buffer.from(list.subarray(setEncryptionHead.length, afterKey)) : undefined,
      keyData: parseKeyData(list, afterKey),
      rawAllowed: head.rawControl === 2,
      clearOnDemount: head.clearOnDemount,
    },
  };
}

const keyDataNames = {
  [KEY_DATA.unauthenticated]: 'unauthenticated',
  [KEY_DATA.authenticated]: 'authenticated',
  [KEY_DATA.metadata]: 'metadata',
} as const;

/** Descriptors in ascending order, each type once (SSC-4 8.5.4.2). */
function parseKeyData(list: Buffer, from: number): KeyData {
  const found = {
    unauthenticated: Buffer.alloc(0),
    authenticated: Buffer.alloc(0),
    metadata: Buffer.alloc(0),
  };
  let last = -1;
  for (let at = from; at < list.length;) {
    if (at + keyDataHeader.length > list.length) throw listLengthError();
    const { type, length } = keyDataHeader.decode(list.subarray(at));
    const name = keyDataNames[type as keyof typeof keyDataNames] as
      (typeof keyDataNames)[keyof typeof keyDataNames] | undefined; // nonces are ours to make: type 02h is refused
    if (name === undefined || type <= last) throw invalidParameter(at);
    if (length > keyDataBytesMax[name]) throw invalidParameter(at + 2);
    const begin = at + keyDataHeader.length;
    if (begin + length > list.length) throw listLengthError();
    found[name] = Buffer.from(list.subarray(begin, begin + length));
    last = type;
    at = begin + length;
  }
  return found;
}
