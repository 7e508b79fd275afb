/** SCSI (spec4 3.3), and the CDB that TAPE_EXECUTE_CDB shares. */
import { ndmpCdbBytesMax, ndmpSenseBytesMax, recordBytesMax } from '#limits';
import { error, message } from './message.js';
import { Name } from './types.js';
import { i16, opaque, u16, u32, u8 } from './xdr.js';

/** `flags` of SCSI_FLAG, `timeout` in milliseconds. */
export const cdbRequest = {
  flags: u32,
  timeout: u32,
  datainLen: u32,
  cdb: opaque(ndmpCdbBytesMax),
  dataout: opaque(recordBytesMax),
};
export const cdbReply = {
  error,
  status: u8,
  dataoutLen: u32,
  datain: opaque(recordBytesMax),
  extSense: opaque(ndmpSenseBytesMax),
};

export const scsiMessages = {
  scsiOpen: message({ title: 'SCSI_OPEN', code: 0x200, request: { device: Name }, reply: { error } }),
  scsiClose: message({ title: 'SCSI_CLOSE', code: 0x201, request: {}, reply: { error } }),
  scsiGetState: message({
    title: 'SCSI_GET_STATE',
    code: 0x202,
    request: {},
    reply: { error, targetController: i16, targetId: i16, targetLun: i16 },
  }),
  scsiSetTarget: message({
    title: 'SCSI_SET_TARGET',
    code: 0x203,
    versions: [2, 3],
    request: { device: Name, targetController: u16, targetId: u16, targetLun: u16 },
    reply: { error },
  }),
  scsiResetDevice: message({ title: 'SCSI_RESET_DEVICE', code: 0x204, request: {}, reply: { error } }),
  scsiResetBus: message({
    title: 'SCSI_RESET_BUS',
    code: 0x205,
    versions: [2, 3],
    request: {},
    reply: { error },
  }),
  scsiExecuteCdb: message({
    title: 'SCSI_EXECUTE_CDB',
    code: 0x206,
    request: cdbRequest,
    reply: cdbReply,
  }),
};
