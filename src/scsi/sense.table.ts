/** Additional sense codes that we report, one row each (SPC-5 annex F). */
import { sense } from './sense.js';

export const SENSE = {
  noAdditionalSense: sense('no-sense', 0x00, 0x00, 'NO ADDITIONAL SENSE INFORMATION'),
  // Illegal request
  parameterListLengthError: sense('illegal-request', 0x1a, 0x00, 'PARAMETER LIST LENGTH ERROR'),
  invalidCommandOperationCode: sense('illegal-request', 0x20, 0x00, 'INVALID COMMAND OPERATION CODE'),
  invalidElementAddress: sense('illegal-request', 0x21, 0x01, 'INVALID ELEMENT ADDRESS'),
  invalidFieldInCdb: sense('illegal-request', 0x24, 0x00, 'INVALID FIELD IN CDB'),
  logicalUnitNotSupported: sense('illegal-request', 0x25, 0x00, 'LOGICAL UNIT NOT SUPPORTED'),
  invalidFieldInParameterList: sense('illegal-request', 0x26, 0x00, 'INVALID FIELD IN PARAMETER LIST'),
  invalidReleaseOfPersistentReservation: sense(
    'illegal-request',
    0x26,
    0x04,
    'INVALID RELEASE OF PERSISTENT RESERVATION',
  ),
  commandSequenceError: sense('illegal-request', 0x2c, 0x00, 'COMMAND SEQUENCE ERROR'),
  savingParametersNotSupported: sense('illegal-request', 0x39, 0x00, 'SAVING PARAMETERS NOT SUPPORTED'),
  mediumDestinationElementFull: sense('illegal-request', 0x3b, 0x0d, 'MEDIUM DESTINATION ELEMENT FULL'),
  mediumSourceElementEmpty: sense('illegal-request', 0x3b, 0x0e, 'MEDIUM SOURCE ELEMENT EMPTY'),
  mediumMagazineNotAccessible: sense('illegal-request', 0x3b, 0x11, 'MEDIUM MAGAZINE NOT ACCESSIBLE'),
  dataTransferDeviceRemoved: sense('illegal-request', 0x3b, 0x1a, 'DATA TRANSFER DEVICE REMOVED'),
  mediumRemovalPrevented: sense('illegal-request', 0x53, 0x02, 'MEDIUM REMOVAL PREVENTED'),
  insufficientRegistrationResources: sense(
    'illegal-request',
    0x55,
    0x04,
    'INSUFFICIENT REGISTRATION RESOURCES',
  ),
  // Unit attention
  notReadyToReadyChange: sense(
    'unit-attention',
    0x28,
    0x00,
    'NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED',
  ),
  importOrExportElementAccessed: sense('unit-attention', 0x28, 0x01, 'IMPORT OR EXPORT ELEMENT ACCESSED'),
  powerOnOccurred: sense('unit-attention', 0x29, 0x01, 'POWER ON OCCURRED'),
  scsiBusResetOccurred: sense('unit-attention', 0x29, 0x02, 'SCSI BUS RESET OCCURRED'),
  busDeviceResetFunctionOccurred: sense('unit-attention', 0x29, 0x03, 'BUS DEVICE RESET FUNCTION OCCURRED'),
  itNexusLossOccurred: sense('unit-attention', 0x29, 0x07, 'I_T NEXUS LOSS OCCURRED'),
  modeParametersChanged: sense('unit-attention', 0x2a, 0x01, 'MODE PARAMETERS CHANGED'),
  logParametersChanged: sense('unit-attention', 0x2a, 0x02, 'LOG PARAMETERS CHANGED'),
  reservationsPreempted: sense('unit-attention', 0x2a, 0x03, 'RESERVATIONS PREEMPTED'),
  reservationsReleased: sense('unit-attention', 0x2a, 0x04, 'RESERVATIONS RELEASED'),
  registrationsPreempted: sense('unit-attention', 0x2a, 0x05, 'REGISTRATIONS PREEMPTED'),
  timestampChanged: sense('unit-attention', 0x2a, 0x10, 'TIMESTAMP CHANGED'),
  commandsClearedByAnotherInitiator: sense(
    'unit-attention',
    0x2f,
    0x00,
    'COMMANDS CLEARED BY ANOTHER INITIATOR',
  ),
  inquiryDataHasChanged: sense('unit-attention', 0x3f, 0x03, 'INQUIRY DATA HAS CHANGED'),
  deviceIdentifierChanged: sense('unit-attention', 0x3f, 0x05, 'DEVICE IDENTIFIER CHANGED'),
  reportedLunsDataHasChanged: sense('unit-attention', 0x3f, 0x0e, 'REPORTED LUNS DATA HAS CHANGED'),
  // Hardware error
  logicalUnitFailedSelfTest: sense('hardware-error', 0x3e, 0x03, 'LOGICAL UNIT FAILED SELF-TEST'),
  mediaLoadOrEjectFailed: sense('hardware-error', 0x53, 0x00, 'MEDIA LOAD OR EJECT FAILED'),
  internalTargetFailure: sense('hardware-error', 0x44, 0x00, 'INTERNAL TARGET FAILURE'),
  // Aborted command
  invalidMessageError: sense('aborted-command', 0x49, 0x00, 'INVALID MESSAGE ERROR'),
} as const;
