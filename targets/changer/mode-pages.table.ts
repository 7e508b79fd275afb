/** Mode pages of media changers (SMC-3 7.3). Addresses and capabilities are live: they follow the shape of the library. */
import { modePage } from '#scsi';
import { flag, u16, u8 } from '#wire';

export const ELEMENT_ADDRESS_ASSIGNMENT = modePage({
  page: 0x1d,
  name: 'Element Address Assignment',
  spec: 'SMC-3 7.3.4',
  length: 20,
  fields: {
    firstTransport: u16(2),
    transports: u16(4),
    firstStorage: u16(6),
    storages: u16(8),
    firstImportExport: u16(10),
    importExports: u16(12),
    firstDataTransfer: u16(14),
    dataTransfers: u16(16),
  },
  defaults: {
    firstTransport: 0,
    transports: 0,
    firstStorage: 0,
    storages: 0,
    firstImportExport: 0,
    importExports: 0,
    firstDataTransfer: 0,
    dataTransfers: 0,
  },
  changeable: [],
});

/** One descriptor: the one robot, which cannot turn cartridges over. */
export const TRANSPORT_GEOMETRY_PARAMETERS = modePage({
  page: 0x1e,
  name: 'Transport Geometry Parameters',
  spec: 'SMC-3 7.3.5',
  length: 4,
  fields: { rotate: flag(2, 0), memberNumber: u8(3) },
  defaults: { rotate: false, memberNumber: 0 },
  changeable: [],
});

/** From where to where: MOVE MEDIUM in bytes 4 to 7, EXCHANGE MEDIUM in 12 to 15; bits are data transfer, mail, slot, robot. */
const toward = (byte: number) =>
  ({ drive: flag(byte, 3), mail: flag(byte, 2), slot: flag(byte, 1), robot: flag(byte, 0) }) as const;
const stores = toward(2);
const fromRobot = toward(4);
const fromSlot = toward(5);
const fromMail = toward(6);
const fromDrive = toward(7);
const withRobot = toward(12);
const withSlot = toward(13);
const withMail = toward(14);
const withDrive = toward(15);

export const DEVICE_CAPABILITIES = modePage({
  page: 0x1f,
  name: 'Device Capabilities',
  spec: 'SMC-3 7.3.2',
  length: 20,
  fields: {
    storesDrive: stores.drive,
    storesMail: stores.mail,
    storesSlot: stores.slot,
    storesRobot: stores.robot,
    robotToDrive: fromRobot.drive,
    robotToMail: fromRobot.mail,
    robotToSlot: fromRobot.slot,
    robotToRobot: fromRobot.robot,
    slotToDrive: fromSlot.drive,
    slotToMail: fromSlot.mail,
    slotToSlot: fromSlot.slot,
    slotToRobot: fromSlot.robot,
    mailToDrive: fromMail.drive,
    mailToMail: fromMail.mail,
    mailToSlot: fromMail.slot,
    mailToRobot: fromMail.robot,
    driveToDrive: fromDrive.drive,
    driveToMail: fromDrive.mail,
    driveToSlot: fromDrive.slot,
    driveToRobot: fromDrive.robot,
    robotWithDrive: withRobot.drive,
    robotWithMail: withRobot.mail,
    robotWithSlot: withRobot.slot,
    robotWithRobot: withRobot.robot,
    slotWithDrive: withSlot.drive,
    slotWithMail: withSlot.mail,
    slotWithSlot: withSlot.slot,
    slotWithRobot: withSlot.robot,
    mailWithDrive: withMail.drive,
    mailWithMail: withMail.mail,
    mailWithSlot: withMail.slot,
    mailWithRobot: withMail.robot,
    driveWithDrive: withDrive.drive,
    driveWithMail: withDrive.mail,
    driveWithSlot: withDrive.slot,
    driveWithRobot: withDrive.robot,
  },
  defaults: {
    storesDrive: true,
    storesMail: true,
    storesSlot: true,
    storesRobot: false, // nothing stays in the robot between commands
    robotToDrive: false,
    robotToMail: false,
    robotToSlot: false,
    robotToRobot: false,
    slotToDrive: true,
    slotToMail: true,
    slotToSlot: true,
    slotToRobot: false,
    mailToDrive: true,
    mailToMail: true,
    mailToSlot: true,
    mailToRobot: false,
    driveToDrive: true,
    driveToMail: true,
    driveToSlot: true,
    driveToRobot: false,
    robotWithDrive: false,
    robotWithMail: false,
    robotWithSlot: false,
    robotWithRobot: false,
    slotWithDrive: true,
    slotWithMail: true,
    slotWithSlot: true,
    slotWithRobot: false,
    mailWithDrive: true,
    mailWithMail: true,
    mailWithSlot: true,
    mailWithRobot: false,
    driveWithDrive: true,
    driveWithMail: true,
    driveWithSlot: true,
    driveWithRobot: false,
  },
  changeable: [],
});
