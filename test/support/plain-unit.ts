/** The smallest PrimaryUnit: only what all device types share. */
import { type Env, realEnv } from '#env';
import {
  CommandSet,
  CONTROL,
  CONTROL_EXTENSION,
  INFORMATIONAL_EXCEPTIONS,
  logPage,
  LogPages,
  ModePages,
  type Persistence,
  plainModeHeader,
  PrimaryUnit,
  spcCommands,
  spcVpdPages,
  usePage,
  VpdPages,
} from '#scsi';
import { MemoryPersistence } from './scsi.js';

export const plainIdentity = {
  vendor: 'TAPESILO',
  product: 'PLAIN',
  revision: '0001',
  serial: 'TS0001',
  naa: Buffer.from('3001020304050607', 'hex'),
};

export class PlainUnit extends PrimaryUnit {
  readonly commands: CommandSet<never> = new CommandSet<PlainUnit>(spcCommands);
  readonly vpdPages: VpdPages<PlainUnit> = new VpdPages<PlainUnit>(spcVpdPages);
  readonly modePages: ModePages;
  readonly logPages = new LogPages<PlainUnit>([
    logPage<PlainUnit>({
      page: 0x0c,
      name: 'Counters',
      spec: 'test',
      parameters: [
        {
          code: 0,
          name: 'Count',
          kind: 'counter',
          length: 4,
          value: (u) => u.count,
          reset: (u) => (u.count = 0),
        },
        { code: 5, name: 'Name', kind: 'ascii', length: 6, value: () => 'abc' },
        { code: 9, name: 'Bytes', kind: 'binary', value: () => Buffer.from('0102', 'hex') },
      ],
    }),
    logPage<PlainUnit>({
      page: 0x0c,
      subpage: 2,
      name: 'More counters',
      spec: 'test',
      parameters: [{ code: 1, name: 'Big', kind: 'counter', length: 2, value: () => 0x123456 }],
    }),
  ]);
  readonly inquiry = {
    ...plainIdentity,
    deviceType: 0x08,
    removableMedium: true,
    version: 0x07,
    versionDescriptors: [0x00a0, 0x05c0, 0x0960],
  };
  count = 7;

  constructor(persistence: Persistence = new MemoryPersistence(), env: Env = realEnv()) {
    super({ env, identity: plainIdentity, persistence });
    this.modePages = new ModePages(
      [usePage(CONTROL), usePage(CONTROL_EXTENSION), usePage(INFORMATIONAL_EXCEPTIONS)],
      plainModeHeader,
      persistence,
    );
  }
}
