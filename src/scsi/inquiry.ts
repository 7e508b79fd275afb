/** INQUIRY, and the vital product data pages that all device types have (SPC-5 6.7 and 7.7). */
import { flag, u16, u8 } from '#wire';
import type { Handler } from './command-set.js';
import type { Nexus } from './nexus.js';
import { answer, invalidCdbField } from './parameter-data.js';
import type { PrimaryUnit } from './primary-unit.js';
import {
  encodeDesignator,
  naaDesignator,
  nameDesignator,
  portGroupDesignator,
  relativePortDesignator,
  standardInquiry,
  t10Designator,
  vpdPage,
  type VpdPage,
  type VpdPages,
} from './vpd-page.js';

export const inquiry: Handler<
  PrimaryUnit,
  { readonly vitalProductData: boolean; readonly pageCode: number; readonly allocationLength: number }
> = async (unit, task, cdb) => {
  if (!cdb.vitalProductData) {
    if (cdb.pageCode !== 0) throw invalidCdbField(2);
    await answer(task, standardInquiry(unit.inquiry, unit.targetPorts.length > 1), cdb.allocationLength);
    return;
  }
  const pages = unit.vpdPages as unknown as VpdPages<PrimaryUnit>; // the unit made them for its own class
  const page = pages.render(cdb.pageCode, unit.inquiry.deviceType, unit, task.nexus);
  if (page === undefined) throw invalidCdbField(2);
  await answer(task, page, cdb.allocationLength);
};

const extendedInquiryFields = {
  headOfQueueSupported: flag(5, 2),
  orderedSupported: flag(5, 1),
  simpleSupported: flag(5, 0),
  unitAttentionsClearedByReportLuns: flag(7, 0),
  revertToDefaultsSupported: flag(8, 3),
  extendedSelfTestMinutes: u16(10),
  maximumSenseLength: u8(13),
} as const;

/** Our only asymmetric access group: every port of a target reaches every unit alike. */
export const targetPortGroup = 1;

const SUPPORTED_VPD_PAGES: VpdPage<PrimaryUnit> = {
  page: 0x00,
  name: 'Supported VPD Pages',
  spec: 'SPC-5 7.7.17',
  body: (unit) => Buffer.from((unit.vpdPages as unknown as VpdPages<PrimaryUnit>).codes),
};

const UNIT_SERIAL_NUMBER: VpdPage<PrimaryUnit> = {
  page: 0x80,
  name: 'Unit Serial Number',
  spec: 'SPC-5 7.7.19',
  body: (unit) => Buffer.from(unit.identity.serial, 'latin1'),
};

const DEVICE_IDENTIFICATION: VpdPage<PrimaryUnit> = {
  page: 0x83,
  name: 'Device Identification',
  spec: 'SPC-5 7.7.6',
  body: (unit, nexus) => Buffer.concat(designatorsOf(unit, nexus).map(encodeDesignator)),
};
function designatorsOf(unit: PrimaryUnit, nexus: Nexus): Parameters<typeof encodeDesignator>[0][] {
  const { vendor, product, serial, naa } = unit.identity;
  return [
    t10Designator(vendor, product.padEnd(16) + serial),
    naaDesignator(naa),
    nameDesignator(`naa.${naa.toString('hex').toUpperCase()}`, 'logical-unit'),
    relativePortDesignator(nexus.relativeTargetPort),
    portGroupDesignator(targetPortGroup),
    nameDesignator(nexus.targetPort, 'target-port'),
    nameDesignator(targetNameOf(nexus.targetPort), 'target-device'),
  ];
}
/** RFC 7143 4.4: the SCSI port name is the iSCSI name, ",t,0x" and the portal group tag. */
const targetNameOf = (targetPort: string): string => targetPort.split(',t,0x')[0] ?? targetPort;

/** No network address of ours for management is the unit's to tell: the page is there and empty. */
const MANAGEMENT_NETWORK_ADDRESSES: VpdPage<PrimaryUnit> = {
  page: 0x85,
  name: 'Management Network Addresses',
  spec: 'SPC-5 7.7.8',
  body: () => Buffer.alloc(0),
};

/** Mode pages are shared by all nexuses: one descriptor for all pages and subpages says so. */
const MODE_PAGE_POLICY: VpdPage<PrimaryUnit> = {
  page: 0x87,
  name: 'Mode Page Policy',
  spec: 'SPC-5 7.7.9',
  body: () => Buffer.from([0x3f, 0xff, 0x00, 0x00]),
};

const SCSI_PORTS: VpdPage<PrimaryUnit> = {
  page: 0x88,
  name: 'SCSI Ports',
  spec: 'SPC-5 7.7.15',
  body: (unit) =>
    Buffer.concat(
      unit.targetPorts.map(({ targetPort, relativeTargetPort }) => {
        const designator = encodeDesignator(nameDesignator(targetPort, 'target-port'));
        const header = Buffer.alloc(12);
        header.writeUInt16BE(relativeTargetPort, 2);
        header.writeUInt16BE(designator.length, 10);
        return Buffer.concat([header, designator]);
      }),
    ),
};

const EXTENDED_INQUIRY_DATA = vpdPage<PrimaryUnit, typeof extendedInquiryFields>({
  page: 0x86,
  name: 'Extended INQUIRY Data',
  spec: 'SPC-5 7.7.7',
  length: 64,
  fields: extendedInquiryFields,
  value: () => ({
    headOfQueueSupported: true,
    orderedSupported: true,
    simpleSupported: true,
    unitAttentionsClearedByReportLuns: true,
    revertToDefaultsSupported: true,
    extendedSelfTestMinutes: 1,
    maximumSenseLength: 0,
  }),
});

/** The common pages; a device type adds its own. */
export const spcVpdPages: readonly VpdPage<PrimaryUnit>[] = [
  SUPPORTED_VPD_PAGES,
  UNIT_SERIAL_NUMBER,
  DEVICE_IDENTIFICATION,
  MANAGEMENT_NETWORK_ADDRESSES,
  EXTENDED_INQUIRY_DATA,
  MODE_PAGE_POLICY,
  SCSI_PORTS,
];
