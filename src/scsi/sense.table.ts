/** Additional sense codes that we report, one row each (SPC-5 annex F). */
import { sense } from './sense.js';

export const SENSE = {
  noAdditionalSense: sense('no-sense', 0x00, 0x00, 'NO ADDITIONAL SENSE INFORMATION'),
  // Illegal request
  invalidCommandOperationCode: sense('illegal-request', 0x20, 0x00, 'INVALID COMMAND OPERATION CODE'),
  invalidFieldInCdb: sense('illegal-request', 0x24, 0x00, 'INVALID FIELD IN CDB'),
  logicalUnitNotSupported: sense('illegal-request', 0x25, 0x00, 'LOGICAL UNIT NOT SUPPORTED'),
  invalidFieldInParameterList: sense('illegal-request', 0x26, 0x00, 'INVALID FIELD IN PARAMETER LIST'),
  parameterListLengthError: sense('illegal-request', 0x1a, 0x00, 'PARAMETER LIST LENGTH ERROR'),
  // Unit attention
  powerOnOccurred: sense('unit-attention', 0x29, 0x01, 'POWER ON OCCURRED'),
  scsiBusResetOccurred: sense('unit-attention', 0x29, 0x02, 'SCSI BUS RESET OCCURRED'),
  busDeviceResetFunctionOccurred: sense('unit-attention', 0x29, 0x03, 'BUS DEVICE RESET FUNCTION OCCURRED'),
  itNexusLossOccurred: sense('unit-attention', 0x29, 0x07, 'I_T NEXUS LOSS OCCURRED'),
  commandsClearedByAnotherInitiator: sense(
    'unit-attention',
    0x2f,
    0x00,
    'COMMANDS CLEARED BY ANOTHER INITIATOR',
  ),
  reportedLunsDataHasChanged: sense('unit-attention', 0x3f, 0x0e, 'REPORTED LUNS DATA HAS CHANGED'),
  // Hardware error, aborted command
  internalTargetFailure: sense('hardware-error', 0x44, 0x00, 'INTERNAL TARGET FAILURE'),
} as const;
