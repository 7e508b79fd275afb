/** Each request and the service that does it: what travels is turned into what the services speak, and back. */
import { deviceInfo, hostInfo, serverInfo } from './config-service.js';
import type { CdbReply, CdbRequest } from './cdb-task.js';
import { dataHandlers } from './data-handlers.js';
import { NdmpError } from './errors.table.js';
import { SCSI_FLAG, TAPE_FLAG, TAPE_UNSUPPORTED } from './flags.table.js';
import type { ReplyOf, RequestName, RequestOf } from './messages.js';
import { moverHandlers } from './mover-handlers.js';
import type { NdmpSession } from './session.js';
import type { TapeState } from './tape-service.js';
import { allOnes, allOnes32 } from './types.js';
import type { NdmpVersion } from './xdr.js';

/** The reply of one request on its way. */
export interface Exchange {
  /** `release` is called when the reply has been sent, or never will be: what it is made of may be used again. */
  whenSent(release: () => void): void;
}
type Handler<K extends RequestName> = (
  session: NdmpSession,
  request: RequestOf<K>,
  exchange: Exchange,
) => ReplyOf<K> | Promise<ReplyOf<K>>;
export type Handlers = { readonly [K in RequestName]: Handler<K> };

/** Nothing to say but that it is done. */
const done = {};
const notSupported = (): never => {
  throw new NdmpError('not-supported');
};

export const HANDLERS: Handlers = {
  connectOpen({ connect }, { protocolVersion }) {
    connect.open(protocolVersion);
    return done;
  },
  connectClientAuth({ connect }, { authData }) {
    connect.authenticate(authData);
    return done;
  },
  connectServerAuth: notSupported,

  configGetHostInfo: (session) => hostInfo(session),
  configGetServerInfo: (session) => serverInfo(session),
  configGetAuthAttr: ({ connect }, { authType }) => ({ serverAttr: connect.attribute(authType) }),
  configGetTapeInfo: (session) => ({ tapeInfo: deviceInfo(session, 'tape') }),
  configGetScsiInfo: (session) => ({ scsiInfo: deviceInfo(session, 'changer') }),

  scsiOpen({ scsi }, { device }) {
    scsi.openDevice(device);
    return done;
  },
  async scsiClose({ scsi }) {
    await scsi.close();
    return done;
  },
  scsiGetState({ scsi }) {
    const { controller, id, lun } = scsi.state();
    return { targetController: controller, targetId: id, targetLun: lun };
  },
  scsiSetTarget({ scsi }, { device, targetController, targetId, targetLun }) {
    scsi.setTarget(device, { controller: targetController, id: targetId, lun: targetLun });
    return done;
  },
  async scsiResetDevice({ scsi }) {
    await scsi.reset();
    return done;
  },
  async scsiResetBus({ scsi }) {
    await scsi.reset();
    return done;
  },
  scsiExecuteCdb: async ({ scsi }, request) => cdbReply(await scsi.executeCdb(cdbRequest(request))),

  async tapeOpen({ tape }, { device, mode }) {
    await tape.openDevice(device, mode);
    return done;
  },
  async tapeClose({ tape }) {
    await tape.close();
    return done;
  },
  tapeGetState: async ({ tape, version }) => tapeState(await tape.state(), version),
  tapeMtio: async ({ tape }, { tapeOp, count }) => ({ residCount: await tape.mtio(tapeOp, count) }),
  tapeWrite: async ({ tape }, { dataOut }) => ({ count: await tape.write(dataOut) }),
  async tapeRead({ tape }, { count }, exchange) {
    const record = await tape.read(count);
    exchange.whenSent(() => record.release());
    return { dataIn: record.slices };
  },
  tapeExecuteCdb: async ({ tape }, request) => cdbReply(await tape.executeCdb(cdbRequest(request))),

  ...moverHandlers,

  ...dataHandlers,
};

function cdbRequest({ flags, timeout, datainLen, cdb, dataout }: RequestOf<'scsiExecuteCdb'>): CdbRequest {
  const both = SCSI_FLAG.dataIn | SCSI_FLAG.dataOut;
  if ((flags & ~both) !== 0 || flags === both)
    throw new NdmpError('illegal-args', `Flags ${flags} mean nothing`);
  return {
    cdb,
    timeoutMs: timeout,
    dataOut: (flags & SCSI_FLAG.dataOut) === 0 ? dataout.subarray(0, 0) : dataout,
    dataInBytes: (flags & SCSI_FLAG.dataIn) === 0 ? 0 : datainLen,
  };
}
const cdbReply = ({ status, dataOutBytes, dataIn, sense }: CdbReply): ReplyOf<'scsiExecuteCdb'> => ({
  status,
  dataoutLen: dataOutBytes,
  datain: Buffer.concat(dataIn),
  extSense: sense,
});

/** What is not known is marked so (versions 3 and 4), and is all ones in all versions. */
function tapeState(state: TapeState, version: NdmpVersion): ReplyOf<'tapeGetState'> {
  const { fileNumber, blockNumber, totalBytes, remainingBytes, writeProtected } = state;
  const unknown = (value: number | undefined, bit: number): number => (value === undefined ? bit : 0);
  const short = (value: number | undefined): number => (value === undefined ? allOnes32 : value % 2 ** 32);
  const long = (value: number | undefined): bigint => (value === undefined ? allOnes : BigInt(value));
  return {
    unsupported:
      unknown(fileNumber, TAPE_UNSUPPORTED.fileNum) |
      unknown(blockNumber, TAPE_UNSUPPORTED.blockno) |
      unknown(totalBytes, TAPE_UNSUPPORTED.totalSpace) |
      unknown(remainingBytes, TAPE_UNSUPPORTED.spaceRemain) |
      (version === 3 ? TAPE_UNSUPPORTED.partition : 0),
    flags: TAPE_FLAG.noRewind | (writeProtected ? TAPE_FLAG.writeProtected : 0),
    fileNum: short(fileNumber),
    softErrors: 0,
    blockSize: 0, // variable
    blockno: short(blockNumber),
    totalSpace: long(totalBytes),
    spaceRemain: long(remainingBytes),
    partition: allOnes32,
  };
}
