/** Every operator verb, once: what it is called, what it may be told, how its result is shown. Data only. */
import { drivesMax, mailSlotsMax, slotsMax } from '#limits';
import { byDefault, flag, integer, optional, path, secret, size, text } from './parameter.js';
import { addressForm, column, library, nameForm, table, thing, userForm } from './verb-forms.js';
import { verb } from './verb.js';
import { ndmpVerbTable } from './ndmp-verbs.table.js';

const MiB = 1024 * 1024;

// --- parameters that several verbs share --------------------------------------------------------------------------

const barcodeForm = {
  pattern: /^[A-Z0-9]{1,32}$/,
  form: '1 to 32 capital letters and digits, such as A00001L8',
};
const targetForm = {
  placeholder: 'TARGET',
  pattern:
    /^(iqn\.\d{4}-(0[1-9]|1[0-2])\.[a-z0-9.:-]{1,210}|eui\.[0-9a-f]{16}|naa\.([0-9a-f]{16}|[0-9a-f]{32}))$/,
  form: 'an iSCSI name in small letters, such as iqn.2026-11.com.example:library0',
};
const inquiryForm = (length: number): { pattern: RegExp; form: string } => ({
  pattern: new RegExp(String.raw`^[\x20-\x7e]{1,${length}}$`),
  form: `up to ${length} characters of ASCII`,
});

const initiatorForm = {
  placeholder: 'NAME',
  pattern: /^(?:(?!\s)\P{Cc}){1,223}$/u,
  form: 'an iSCSI name such as iqn.1993-08.org.debian:01:host',
};
const libraryName = text('Name of the library', nameForm);
const target = text('Name of the target', targetForm);
const someTarget = optional(text('The target; may be left out when there is one', targetForm));
const barcode = text('Barcode of the cartridge', barcodeForm);
const drive = text('The drive: drive0, drive1 …', {
  pattern: /^drive\d{1,3}$/,
  form: 'a drive such as drive0',
});
const portal = text('The portal, as `portal list` shows it', addressForm);
const slotsParameter = (about: string) => integer(about, { min: 0, max: slotsMax });
const identity = {
  vendor: optional(text('Vendor in INQUIRY data', inquiryForm(8))),
  product: optional(text('Product in INQUIRY data', inquiryForm(16))),
  revision: optional(text('Product revision in INQUIRY data', inquiryForm(4))),
  serial: optional(
    text('Unit serial number', { pattern: /^[A-Za-z0-9_-]{1,32}$/, form: 'up to 32 letters and digits' }),
  ),
  naa: optional(
    text('NAA name (world wide name)', { pattern: /^[0-9a-fA-F]{16}$/, form: '16 hexadecimal digits' }),
  ),
};
const luns = optional(
  text('LUNs it sees, all if not given', {
    placeholder: '0,2-4',
    pattern: /^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/,
    form: 'LUNs such as 0,2-4',
  }),
);

const groupName = text('Name of the storage group', {
  ...nameForm,
  form: 'a name of letters, digits, dots and dashes, such as archive',
});
const someGroup = optional({ ...groupName, about: 'The storage group; the default one if not given' });
const quota = optional(
  size('Bytes of its disk that it may take; all that is free if not given', { min: 16 * MiB, max: 2 ** 50 }),
);
const density = optional(
  text('How new data is compressed: what the time allows, fast, dense (zstd) or not at all', {
    choices: ['adaptive', 'fast', 'dense', 'none'],
  }),
);
const key = {
  keyFile: optional(path('Take the key from this file: 32 random bytes or more, mode 0600', 'FILE')),
  keyCommand: optional(
    text('Take the key from what this program prints (no shell)', {
      placeholder: 'CMD',
      pattern: /^\S\P{Cc}{0,1000}$/u,
      form: 'a program and its arguments, such as "pass show tapesilo"',
    }),
  ),
};
const snapshotName = text('Name of the snapshot', {
  pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  form: 'a name of letters, digits and dashes, such as before-upgrade',
});
const wait = flag('Wait until it is done, and say what came of it');

// --- views ------------------------------------------------------------------------------------------------------------

/** What programs follow, people read in `work`. */
const group = { as: 'thing', hide: ['progress'] } as const;
const work = { as: 'thing', hide: ['id'] } as const;

const libraryColumns = [
  column('name', 'LIBRARY'),
  column('type', 'TYPE'),
  column('drives', 'DRIVES'),
  column('slots', 'SLOTS'),
  column('mailSlots', 'MAIL SLOTS'),
  column('tapes', 'TAPES'),
  column('target', 'TARGET'),
];
const driveColumns = [
  column('name', 'DRIVE'),
  column('library', 'LIBRARY'),
  column('type', 'TYPE'),
  column('serial', 'SERIAL'),
  column('elementAddress', 'ADDRESS'),
  column('state', 'STATE'),
  column('barcode', 'TAPE'),
];
const elementColumns = [
  column('name', 'ELEMENT'),
  column('library', 'LIBRARY'),
  column('elementAddress', 'ADDRESS'),
  column('barcode', 'TAPE'),
];
const tapeColumns = [
  column('barcode', 'BARCODE'),
  column('type', 'TYPE'),
  column('group', 'GROUP'),
  column('library', 'LIBRARY'),
  column('location', 'LOCATION'),
  column('elementAddress', 'ADDRESS'),
  column('size', 'SIZE', 'size'),
  column('used', 'USED', 'size'),
  column('worm', 'WORM', 'yes'),
  column('protected', 'PROTECTED', 'yes'),
];
const groupColumns = [
  column('name', 'GROUP'),
  column('state', 'STATE'),
  column('default', 'DEFAULT', 'yes'),
  column('kind', 'KIND'),
  column('encryption', 'ENCRYPTED BY'),
  column('tapes', 'TAPES'),
  column('logicalBytes', 'LOGICAL', 'size'),
  column('physicalBytes', 'PHYSICAL', 'size'),
  column('ratio', 'RATIO'),
  column('freeBytes', 'FREE', 'size'),
  column('folder', 'FOLDER'),
];
const snapshotColumns = [
  column('name', 'SNAPSHOT'),
  column('taken', 'TAKEN'),
  column('logicalBytes', 'LOGICAL', 'size'),
];
const targetColumns = [
  column('name', 'TARGET'),
  column('luns', 'LUNS'),
  column('sessions', 'SESSIONS'),
  column('authentication', 'AUTHENTICATION'),
  column('initiators', 'INITIATORS'),
];
const lunColumns = [
  column('target', 'TARGET'),
  column('lun', 'LUN'),
  column('kind', 'KIND'),
  column('library', 'LIBRARY'),
  column('name', 'UNIT'),
  column('serial', 'SERIAL'),
];
const portalColumns = [
  column('portal', 'PORTAL'),
  column('groupTag', 'GROUP'),
  column('announce', 'ANNOUNCED AS'),
  column('kept', 'KEPT', 'yes'),
  column('state', 'STATE'),
];
const initiatorColumns = [
  column('id', 'ID'),
  column('initiator', 'INITIATOR'),
  column('address', 'ADDRESS'),
  column('target', 'TARGET'),
  column('luns', 'LUNS'),
];
const sessionColumns = [
  column('id', 'ID'),
  column('initiatorName', 'INITIATOR'),
  column('initiatorAddress', 'FROM'),
  column('targetName', 'TARGET'),
  column('type', 'KIND'),
  column('user', 'USER'),
];

// --- the verbs ----------------------------------------------------------------------------------------------------------

export const verbs = {
  DAEMON_SHOW: verb({
    noun: 'daemon',
    verb: 'show',
    about: 'What the daemon serves: portals, targets and their LUNs',
    parameters: {},
    examples: ['', '--json'],
    view: thing,
  }),

  LIBRARY_CREATE: verb({
    noun: 'library',
    verb: 'create',
    about: 'Make a library with its drives, slots and a target, while the others work on',
    parameters: {
      name: libraryName,
      type: optional(
        text('Library personality, see `library types`', {
          pattern: /^[\w./ +-]{1,32}$/,
          form: 'a name from `tapesilo library types`',
        }),
      ),
      drives: byDefault(integer('Drives', { min: 0, max: drivesMax }), 4),
      driveType: optional(
        text('Drive personality, see `drive types`', {
          pattern: /^[\w./ +-]{1,32}$/,
          form: 'a name from `tapesilo drive types`',
        }),
      ),
      slots: byDefault(slotsParameter('Storage slots'), 40),
      mailSlots: byDefault(integer('Mail slots (import and export)', { min: 0, max: mailSlotsMax }), 4),
      target: optional(text('Put its LUNs behind this target, which is made if it is not there', targetForm)),
      ...identity,
    },
    places: ['name'],
    examples: ['library1', 'library1 --type STK-L700 --drives 2 --drive-type ULT3580-TD5 --slots 100'],
    view: thing,
  }),
  LIBRARY_LIST: verb({
    noun: 'library',
    verb: 'list',
    about: 'All libraries',
    parameters: {},
    examples: ['', '--json'],
    view: table(libraryColumns, 'There is no library: make one with `tapesilo library create NAME`'),
  }),
  LIBRARY_SHOW: verb({
    noun: 'library',
    verb: 'show',
    about: 'One library',
    parameters: { name: optional(libraryName) },
    places: ['name'],
    examples: ['library0'],
    view: thing,
  }),
  LIBRARY_SET: verb({
    noun: 'library',
    verb: 'set',
    about: 'Change how a library names itself to initiators',
    parameters: { name: libraryName, ...identity },
    places: ['name'],
    examples: ['library0 --serial 0000078AB0010401'],
    view: thing,
  }),
  LIBRARY_DELETE: verb({
    noun: 'library',
    verb: 'delete',
    about: 'Take a library away; its cartridges go to the shelf',
    parameters: { name: libraryName },
    places: ['name'],
    examples: ['library1'],
    view: thing,
  }),
  LIBRARY_MAP: verb({
    noun: 'library',
    verb: 'map',
    about: 'Drives, mail slots and slots as a picture in text',
    parameters: { name: optional(libraryName) },
    places: ['name'],
    examples: ['', 'library0 --json'],
    view: { as: 'text' },
  }),
  LIBRARY_TYPES: verb({
    noun: 'library',
    verb: 'types',
    about: 'The library personalities there are',
    parameters: {},
    examples: [''],
    view: table([column('name', 'TYPE'), column('vendor', 'VENDOR'), column('product', 'PRODUCT')], ''),
  }),

  DRIVE_CREATE: verb({
    noun: 'drive',
    verb: 'create',
    about: 'Add drives to a library; initiators are told',
    parameters: {
      library,
      count: byDefault(integer('How many', { min: 1, max: drivesMax }), 1),
      type: optional(
        text('Drive personality, see `drive types`', {
          pattern: /^[\w./ +-]{1,32}$/,
          form: 'a name from `tapesilo drive types`',
        }),
      ),
      ...identity,
    },
    examples: ['', '--library library1 --count 2 --type ULT3580-TD9'],
    view: table(driveColumns, ''),
  }),
  DRIVE_LIST: verb({
    noun: 'drive',
    verb: 'list',
    about: 'Drives and what is in them',
    parameters: { library },
    examples: ['', '--json'],
    view: table(driveColumns, 'There is no drive: add one with `tapesilo drive create`'),
  }),
  DRIVE_SHOW: verb({
    noun: 'drive',
    verb: 'show',
    about: 'One drive',
    parameters: { drive, library },
    places: ['drive'],
    examples: ['drive0'],
    view: thing,
  }),
  DRIVE_SET: verb({
    noun: 'drive',
    verb: 'set',
    about: 'Change how a drive names itself to initiators, who are told (INQUIRY data has changed)',
    parameters: { drive, library, ...identity },
    places: ['drive'],
    examples: ['drive0 --serial 1310000001'],
    view: thing,
  }),
  DRIVE_DELETE: verb({
    noun: 'drive',
    verb: 'delete',
    about: 'Take a drive out of its library; it must be empty; initiators are told',
    parameters: { drive, library },
    places: ['drive'],
    examples: ['drive3'],
    view: thing,
  }),
  DRIVE_LOAD: verb({
    noun: 'drive',
    verb: 'load',
    about: 'Thread the cartridge that is in the drive but unloaded',
    parameters: { drive, library },
    places: ['drive'],
    examples: ['drive0'],
    view: thing,
  }),
  DRIVE_UNLOAD: verb({
    noun: 'drive',
    verb: 'unload',
    about: 'Write out, rewind and unthread; the cartridge stays in the drive unless --to names a place',
    parameters: {
      drive,
      library,
      to: optional(
        text('Then move the cartridge there', {
          placeholder: 'ELEMENT',
          pattern: /^(slot|ie)\d{1,5}$|^(home|shelf)$/,
          form: 'slot12, ie1, home (where it came from) or shelf',
        }),
      ),
      force: flag('Although an initiator prevents the removal, or an NDMP session has the drive open'),
    },
    places: ['drive'],
    examples: ['drive0', 'drive0 --to home'],
    view: thing,
  }),
  DRIVE_TYPES: verb({
    noun: 'drive',
    verb: 'types',
    about: 'The drive personalities there are',
    parameters: {},
    examples: [''],
    view: table(
      [
        column('name', 'TYPE'),
        column('vendor', 'VENDOR'),
        column('product', 'PRODUCT'),
        column('generation', 'LTO'),
      ],
      '',
    ),
  }),

  SLOT_CREATE: verb({
    noun: 'slot',
    verb: 'create',
    about: 'Add storage slots at the end; initiators are told',
    parameters: { library, count: byDefault(integer('How many', { min: 1, max: slotsMax }), 1) },
    examples: ['--count 10'],
    view: thing,
  }),
  SLOT_LIST: verb({
    noun: 'slot',
    verb: 'list',
    about: 'Storage slots and what is in them',
    parameters: { library },
    examples: [''],
    view: table(elementColumns, 'There is no slot: add some with `tapesilo slot create --count 10`'),
  }),
  SLOT_DELETE: verb({
    noun: 'slot',
    verb: 'delete',
    about: 'Take the last storage slots away; they must be empty; initiators are told',
    parameters: { library, count: byDefault(integer('How many', { min: 1, max: slotsMax }), 1) },
    examples: ['--count 10'],
    view: thing,
  }),

  MAIL_SLOT_CREATE: verb({
    noun: 'mail-slot',
    verb: 'create',
    about: 'Add mail slots (import and export) at the end; initiators are told',
    parameters: { library, count: byDefault(integer('How many', { min: 1, max: mailSlotsMax }), 1) },
    examples: ['--count 2'],
    view: thing,
  }),
  MAIL_SLOT_LIST: verb({
    noun: 'mail-slot',
    verb: 'list',
    about: 'Mail slots and what is in them',
    parameters: { library },
    examples: [''],
    view: table(elementColumns, 'There is no mail slot: add one with `tapesilo mail-slot create`'),
  }),
  MAIL_SLOT_DELETE: verb({
    noun: 'mail-slot',
    verb: 'delete',
    about: 'Take the last mail slots away; they must be empty; initiators are told',
    parameters: { library, count: byDefault(integer('How many', { min: 1, max: mailSlotsMax }), 1) },
    examples: [''],
    view: thing,
  }),

  GROUP_CREATE: verb({
    noun: 'group',
    verb: 'create',
    about:
      'Make a storage group: what is written to its cartridges is stored once, apart from that of others',
    parameters: {
      name: groupName,
      folder: optional(path('Where it is kept: a new or empty folder; one in the home if not given', 'DIR')),
      quota,
      density,
      kind: byDefault(
        text('What it is: deduplicating, or plain files', { choices: ['dedup', 'plain'] }),
        'dedup',
      ),
      default: flag('New cartridges are in it unless they name another one'),
      encrypt: flag('Encrypt it, with a passphrase unless a file or command gives the key; for good'),
      passphrase: optional({ ...secret('Passphrase, asked at a terminal'), ask: 'new' as const }),
      ...key,
    },
    places: ['name'],
    examples: [
      'archive --folder /mnt/archive --density dense',
      'scratch --quota 2TB',
      'vault --encrypt --key-file /etc/tapesilo/vault.key',
    ],
    view: group,
  }),
  GROUP_LIST: verb({
    noun: 'group',
    verb: 'list',
    about: 'Storage groups, what they hold and what they take',
    parameters: {},
    examples: ['', '--json'],
    view: table(groupColumns, ''),
  }),
  GROUP_SHOW: verb({
    noun: 'group',
    verb: 'show',
    about: 'One storage group, and what is done to it at the moment',
    parameters: { name: someGroup },
    places: ['name'],
    examples: ['', 'archive --json'],
    view: group,
  }),
  GROUP_SET: verb({
    noun: 'group',
    verb: 'set',
    about: 'Change a storage group; what is stored already stays as it is',
    parameters: {
      name: groupName,
      rename: optional(
        text('Another name; its folder keeps the one it has', { placeholder: 'NAME', ...nameForm }),
      ),
      quota,
      noQuota: flag('It may take all that is free'),
      density,
      default: flag('New cartridges are in it unless they name another one'),
    },
    places: ['name'],
    examples: ['archive --quota 10TB', 'archive --density dense --default'],
    view: group,
  }),
  GROUP_DELETE: verb({
    noun: 'group',
    verb: 'delete',
    about: 'Take a storage group away; no cartridge may be in it',
    parameters: { name: groupName, force: flag('Also volumes that no cartridge owns') },
    places: ['name'],
    examples: ['scratch'],
    view: group,
  }),
  GROUP_OPEN: verb({
    noun: 'group',
    verb: 'open',
    about: 'Try again to open a storage group that could not be opened: its disk was not mounted, say',
    parameters: { name: groupName, ...key },
    places: ['name'],
    examples: ['archive', 'vault --key-file /media/stick/vault.key'],
    view: group,
  }),
  GROUP_UNLOCK: verb({
    noun: 'group',
    verb: 'unlock',
    about:
      'Give the passphrase of an encrypted storage group, which is asked for after every start of the daemon',
    parameters: { name: groupName, passphrase: { ...secret('Its passphrase'), ask: 'known' as const } },
    places: ['name'],
    examples: ['vault', 'vault --passphrase-file /run/vault.txt'],
    view: group,
  }),
  GROUP_ROTATE_KEY: verb({
    noun: 'group',
    verb: 'rotate-key',
    about: 'Let another key open an encrypted storage group; nothing that is stored is written again',
    parameters: {
      name: groupName,
      passphrase: optional({ ...secret('The new passphrase, asked at a terminal'), ask: 'new' as const }),
      ...key,
    },
    places: ['name'],
    examples: ['vault', 'vault --key-command "pass show tapesilo-vault"'],
    view: group,
  }),
  GROUP_OPTIMIZE: verb({
    noun: 'group',
    verb: 'optimize',
    about: 'Compress densely what was compressed fast, and free what that leaves behind',
    parameters: { name: someGroup, wait },
    places: ['name'],
    examples: ['--wait', 'archive'],
    follow: 'group.show',
    view: work,
  }),
  GROUP_COLLECT: verb({
    noun: 'group',
    verb: 'collect',
    about: 'Free what no cartridge and no snapshot needs any more',
    parameters: { name: someGroup, wait, plan: flag('Wait, and only say what would be done') },
    places: ['name'],
    examples: ['--wait', 'archive --plan'],
    follow: 'group.show',
    view: work,
  }),
  GROUP_SCRUB: verb({
    noun: 'group',
    verb: 'scrub',
    about: 'Read everything again and verify it; say what is damaged and which cartridges it concerns',
    parameters: { name: someGroup, wait },
    places: ['name'],
    examples: ['--wait', 'archive'],
    follow: 'group.show',
    view: work,
  }),
  GROUP_STOP: verb({
    noun: 'group',
    verb: 'stop',
    about: 'Stop optimizing, collecting or scrubbing; what was done stays done',
    parameters: { name: someGroup },
    places: ['name'],
    examples: ['', 'archive'],
    view: group,
  }),

  TAPE_CREATE: verb({
    noun: 'tape',
    verb: 'create',
    about: 'Make cartridges, into free slots and then onto the shelf',
    parameters: {
      barcode: optional(barcode),
      count: byDefault(integer('How many', { min: 1, max: slotsMax }), 1),
      prefix: optional(
        text('Start of the barcodes; numbers follow', {
          pattern: /^[A-Z0-9]{0,26}$/,
          form: 'capital letters and digits such as TS',
        }),
      ),
      suffix: optional(
        text('End of the barcodes; it decides the medium (L8, LY, CU …)', {
          pattern: /^[A-Z0-9]{2}$/,
          form: 'two characters such as L8',
        }),
      ),
      size: optional(size('Capacity; that of the medium if not given', { min: 1024 * 1024, max: 2 ** 50 })),
      worm: flag('Write once, read many'),
      type: optional(
        text('Medium, when the barcode does not say it: LTO-8, LTO-8-WORM, cleaning …', {
          pattern: /^[\w-]{1,32}$/,
          form: 'a medium such as LTO-8 or LTO-8-WORM',
        }),
      ),
      group: optional(
        text('Storage group that keeps what is written to them; the default one if not given', {
          placeholder: 'NAME',
          ...nameForm,
        }),
      ),
      library,
      to: optional(
        text('Where to put the first one', {
          placeholder: 'ELEMENT',
          pattern: /^(slot|ie)\d{1,5}$|^shelf$/,
          form: 'slot12, ie1 or shelf',
        }),
      ),
    },
    examples: [
      '--count 10 --prefix TS --suffix L8',
      '--barcode A00001L8 --size 16M',
      '--barcode W00001LY --to ie1',
    ],
    view: table(tapeColumns, ''),
  }),
  TAPE_LIST: verb({
    noun: 'tape',
    verb: 'list',
    about: 'Cartridges, where they are and how full',
    parameters: {
      library,
      group: optional({ ...groupName, about: 'Only those of this storage group', placeholder: 'NAME' }),
    },
    examples: ['', '--group archive', '--json'],
    view: table(
      tapeColumns,
      'There is no cartridge: make some with `tapesilo tape create --count 10 --prefix TS --suffix L8`',
    ),
  }),
  TAPE_SHOW: verb({
    noun: 'tape',
    verb: 'show',
    about: 'One cartridge',
    parameters: {
      barcode,
      sizes: flag(
        'Also what it takes of its group: looks at everything that the group holds, which takes a while',
      ),
    },
    places: ['barcode'],
    examples: ['A00001L8', 'A00001L8 --sizes'],
    view: thing,
  }),
  TAPE_MOVE: verb({
    noun: 'tape',
    verb: 'move',
    about: 'Let the robot carry a cartridge; --to shelf takes it out of the library',
    parameters: {
      barcode,
      to: text('Where to: drive0, slot12, ie1 or shelf', {
        placeholder: 'ELEMENT',
        pattern: /^(drive|slot|ie)\d{1,5}$|^shelf$/,
        form: 'drive0, slot12, ie1 or shelf',
      }),
      library,
    },
    places: ['barcode'],
    examples: ['A00001L8 --to drive0', 'A00001L8 --to shelf'],
    view: thing,
  }),
  TAPE_IMPORT: verb({
    noun: 'tape',
    verb: 'import',
    about: 'Bring a cartridge from the shelf into a library, through a mail slot unless --to says otherwise',
    parameters: {
      barcode,
      to: optional(
        text('Where to: the first free mail slot if not given', {
          placeholder: 'ELEMENT',
          pattern: /^(slot|ie)\d{1,5}$/,
          form: 'slot12 or ie1',
        }),
      ),
      library,
    },
    places: ['barcode'],
    examples: ['A00001L8', 'A00001L8 --to slot7'],
    view: thing,
  }),
  TAPE_EXPORT: verb({
    noun: 'tape',
    verb: 'export',
    about: 'Take a cartridge out of its library, onto the shelf',
    parameters: { barcode },
    places: ['barcode'],
    examples: ['A00001L8'],
    view: thing,
  }),
  TAPE_PROTECT: verb({
    noun: 'tape',
    verb: 'protect',
    about: 'Set the write-protect switch of a cartridge, or with --off clear it',
    parameters: { barcode, off: flag('Allow writing again') },
    places: ['barcode'],
    examples: ['A00001L8', 'A00001L8 --off'],
    view: thing,
  }),
  TAPE_ERASE: verb({
    noun: 'tape',
    verb: 'erase',
    about: 'Make a cartridge blank: all data on it is gone',
    parameters: { barcode },
    places: ['barcode'],
    destroys: true,
    examples: ['A00001L8', 'A00001L8 --yes'],
    view: thing,
  }),
  TAPE_DELETE: verb({
    noun: 'tape',
    verb: 'delete',
    about: 'Destroy a cartridge and all data on it',
    parameters: {
      barcode,
      withSnapshots: flag('And its snapshots; without this they keep it from being destroyed'),
    },
    places: ['barcode'],
    destroys: true,
    examples: ['A00001L8', 'A00001L8 --yes'],
    view: thing,
  }),
  TAPE_VERIFY: verb({
    noun: 'tape',
    verb: 'verify',
    about: 'Read everything on a cartridge and verify it, without a drive',
    parameters: { barcode, wait },
    places: ['barcode'],
    examples: ['A00001L8 --wait'],
    follow: 'group.show',
    view: work,
  }),
  TAPE_SHRED: verb({
    noun: 'tape',
    verb: 'shred',
    about:
      'Destroy a cartridge of an encrypted group with its snapshots, and its key: no copy of the disk can be read again',
    parameters: { barcode },
    places: ['barcode'],
    destroys: true,
    examples: ['A00001L8', 'A00001L8 --yes'],
    view: thing,
  }),
  TAPE_SNAPSHOT: verb({
    noun: 'tape',
    verb: 'snapshot',
    about: 'Keep a cartridge as it is now, as far as it is synchronised; no host can change or remove that',
    parameters: { barcode, name: optional({ ...snapshotName, about: 'Its name; the time if not given' }) },
    places: ['barcode', 'name'],
    examples: ['A00001L8', 'A00001L8 before-upgrade'],
    view: thing,
  }),
  TAPE_SNAPSHOTS: verb({
    noun: 'tape',
    verb: 'snapshots',
    about: 'Snapshots of a cartridge',
    parameters: { barcode },
    places: ['barcode'],
    examples: ['A00001L8', 'A00001L8 --json'],
    view: table(snapshotColumns, 'There is no snapshot: keep one with `tapesilo tape snapshot BARCODE`'),
  }),
  TAPE_DROP_SNAPSHOT: verb({
    noun: 'tape',
    verb: 'drop-snapshot',
    about: 'Let go of a snapshot; what only it needs is freed by `group collect`',
    parameters: { barcode, name: snapshotName },
    places: ['barcode', 'name'],
    destroys: true,
    examples: ['A00001L8 before-upgrade', 'A00001L8 before-upgrade --yes'],
    view: thing,
  }),
  TAPE_ROLLBACK: verb({
    noun: 'tape',
    verb: 'rollback',
    about: 'Make a cartridge what it was at a snapshot; what it is until then is kept as another snapshot',
    parameters: { barcode, name: snapshotName },
    places: ['barcode', 'name'],
    examples: ['A00001L8 before-upgrade'],
    view: thing,
  }),
  TAPE_FORK: verb({
    noun: 'tape',
    verb: 'fork',
    about: 'Make a cartridge that begins as another one is, or was; it takes no room until it differs',
    parameters: {
      barcode,
      newBarcode: { ...barcode, about: 'Barcode of the new cartridge' },
      at: optional({ ...snapshotName, about: 'As it was at this snapshot', placeholder: 'NAME' }),
      library,
      to: optional(
        text('Where to put it; onto the shelf if neither this nor a library is given', {
          placeholder: 'ELEMENT',
          pattern: /^(slot|ie)\d{1,5}$|^shelf$/,
          form: 'slot12, ie1 or shelf',
        }),
      ),
    },
    places: ['barcode', 'newBarcode'],
    examples: ['A00001L8 A00002L8', 'A00001L8 A00002L8 --at before-upgrade --to slot12'],
    view: thing,
  }),

  TARGET_CREATE: verb({
    noun: 'target',
    verb: 'create',
    about: 'Make a target without LUNs',
    parameters: {
      name: target,
      user: optional(text('CHAP user that initiators give', userForm)),
      secret: optional(secret('Secret of that user, 12 to 255 bytes')),
      initiator: optional(
        text('Initiator to admit, and nobody else; * at its end stands for any', initiatorForm),
      ),
      alias: optional(
        text('TargetAlias that initiators are told', {
          pattern: /^\P{Cc}{1,255}$/u,
          form: 'up to 255 characters',
        }),
      ),
    },
    places: ['name'],
    examples: [
      'iqn.2026-11.com.example:tapes',
      'iqn.2026-11.com.example:tapes --user backup --secret-file /etc/backup.secret',
    ],
    view: thing,
  }),
  TARGET_LIST: verb({
    noun: 'target',
    verb: 'list',
    about: 'All targets',
    parameters: {},
    examples: ['', '--json'],
    view: table(targetColumns, 'There is no target: make one with `tapesilo target create NAME`'),
  }),
  TARGET_SHOW: verb({
    noun: 'target',
    verb: 'show',
    about: 'One target',
    parameters: { name: someTarget },
    places: ['name'],
    examples: [''],
    view: thing,
  }),
  TARGET_SET: verb({
    noun: 'target',
    verb: 'set',
    about: 'Change the alias of a target, or send its initiators elsewhere',
    parameters: {
      name: someTarget,
      alias: optional(
        text('TargetAlias that initiators are told', {
          pattern: /^\P{Cc}{1,255}$/u,
          form: 'up to 255 characters',
        }),
      ),
      redirect: optional(text('Answer logins with "target moved" to this address', addressForm)),
      permanent: flag('The move is permanent'),
      noRedirect: flag('Serve logins here again'),
    },
    places: ['name'],
    examples: ['--alias tapes', '--redirect 192.0.2.8:3260 --permanent', '--no-redirect'],
    view: thing,
  }),
  TARGET_DELETE: verb({
    noun: 'target',
    verb: 'delete',
    about: 'Take a target away and end its sessions; the libraries behind it stay',
    parameters: { name: target },
    places: ['name'],
    examples: ['iqn.2026-11.com.example:tapes'],
    view: thing,
  }),
  TARGET_CHAP: verb({
    noun: 'target',
    verb: 'chap',
    about: 'Ask initiators for a CHAP user and secret, and show them ours (mutual CHAP)',
    parameters: {
      name: someTarget,
      user: optional(text('User that initiators give', userForm)),
      secret: optional(secret('Secret of that user, 12 to 255 bytes')),
      mutualUser: optional(text('User that we give to initiators that ask', userForm)),
      mutualSecret: optional(secret('Our secret, 12 to 255 bytes, another than that of any user')),
      remove: optional(text('Forget this user', { placeholder: 'USER', pattern: /^[\x21-\x7e]{1,255}$/ })),
      off: flag('Forget all users: initiators log in without CHAP'),
    },
    places: ['name'],
    examples: [
      '--user backup --secret-file /etc/backup.secret',
      '--user backup --secret-command "pass show tapesilo" --mutual-user silo --mutual-secret-file silo.secret',
      '--off',
    ],
    view: thing,
  }),

  LUN_CREATE: verb({
    noun: 'lun',
    verb: 'create',
    about: 'Put the changer or a drive of a library behind a target; initiators are told',
    parameters: {
      target: someTarget,
      library,
      unit: text('changer, drive0, drive1 …', {
        pattern: /^changer$|^drive\d{1,3}$/,
        form: 'changer or a drive such as drive0',
      }),
      lun: optional(integer('The LUN; the lowest free one if not given', { min: 0, max: 16383 })),
    },
    examples: ['--target iqn.2026-11.com.example:tapes --library library0 --unit drive0'],
    view: table(lunColumns, ''),
  }),
  LUN_LIST: verb({
    noun: 'lun',
    verb: 'list',
    about: 'Logical units by target',
    parameters: { target: someTarget },
    examples: [''],
    view: table(lunColumns, 'There is no LUN'),
  }),
  LUN_DELETE: verb({
    noun: 'lun',
    verb: 'delete',
    about: 'Take a LUN away from a target; the drive or changer stays in its library; initiators are told',
    parameters: { target: someTarget, lun: integer('The LUN', { min: 0, max: 16383 }) },
    places: ['lun'],
    examples: ['4'],
    view: thing,
  }),

  PORTAL_CREATE: verb({
    noun: 'portal',
    verb: 'create',
    about: 'Listen on one more address, now and after every start',
    parameters: {
      address: text('Address and port to listen on (port 0: any free one)', addressForm),
      announce: optional(text('Address that discovery gives instead', addressForm)),
      groupTag: byDefault(integer('Target portal group', { min: 1, max: 65535 }), 1),
    },
    places: ['address'],
    examples: ['192.0.2.7', '[2001:db8::7]:3260', '127.0.0.1:13260 --announce 10.0.2.2:13260'],
    view: thing,
  }),
  PORTAL_LIST: verb({
    noun: 'portal',
    verb: 'list',
    about: 'Addresses that the daemon listens on',
    parameters: {},
    examples: [''],
    view: table(
      portalColumns,
      'There is no portal: nobody can log in. Make one with `tapesilo portal create ADDR`',
    ),
  }),
  PORTAL_SHOW: verb({
    noun: 'portal',
    verb: 'show',
    about: 'One portal',
    parameters: { portal },
    places: ['portal'],
    examples: ['127.0.0.1:3260'],
    view: thing,
  }),
  PORTAL_SET: verb({
    noun: 'portal',
    verb: 'set',
    about: 'Change the address that discovery gives for a portal',
    parameters: {
      portal,
      announce: optional(text('Address that discovery gives instead', addressForm)),
      noAnnounce: flag('Discovery gives the address that was reached'),
    },
    places: ['portal'],
    examples: ['127.0.0.1:3260 --announce 10.0.2.2:3260'],
    view: thing,
  }),
  PORTAL_DELETE: verb({
    noun: 'portal',
    verb: 'delete',
    about: 'Stop listening on an address',
    parameters: { portal },
    places: ['portal'],
    examples: ['192.0.2.7:3260'],
    view: thing,
  }),

  INITIATOR_CREATE: verb({
    noun: 'initiator',
    verb: 'create',
    about: 'Allow an initiator by name, by address or both; a target with such a list admits nobody else',
    parameters: {
      initiator: optional(text('iSCSI name of the initiator; * at its end stands for any', initiatorForm)),
      address: optional(
        text('Address or network of the initiator', {
          placeholder: 'CIDR',
          pattern: /^[0-9A-Fa-f:.]{2,45}(\/\d{1,3})?$/,
          form: 'an address or network such as 192.0.2.0/24',
        }),
      ),
      target: someTarget,
      luns,
    },
    places: ['initiator'],
    examples: ['iqn.1993-08.org.debian:01:host', '--address 192.0.2.0/24 --luns 0-2'],
    view: thing,
  }),
  INITIATOR_LIST: verb({
    noun: 'initiator',
    verb: 'list',
    about: 'Initiators that are allowed',
    parameters: { target: someTarget },
    examples: [''],
    view: table(
      initiatorColumns,
      'No target has a list: each admits every initiator that can reach it and knows its CHAP secret, if it has one',
    ),
  }),
  INITIATOR_SHOW: verb({
    noun: 'initiator',
    verb: 'show',
    about: 'One entry of a list',
    parameters: { id: integer('Its id in `initiator list`', { min: 1, max: 1_000_000 }) },
    places: ['id'],
    examples: ['1'],
    view: thing,
  }),
  INITIATOR_SET: verb({
    noun: 'initiator',
    verb: 'set',
    about: 'Change which LUNs an initiator sees; it is told',
    parameters: {
      id: integer('Its id in `initiator list`', { min: 1, max: 1_000_000 }),
      luns,
      allLuns: flag('It sees all LUNs'),
    },
    places: ['id'],
    examples: ['1 --luns 0,1', '1 --all-luns'],
    view: thing,
  }),
  INITIATOR_DELETE: verb({
    noun: 'initiator',
    verb: 'delete',
    about: 'Take an entry from a list; who is logged in by it alone sees no LUN any more',
    parameters: { id: integer('Its id in `initiator list`', { min: 1, max: 1_000_000 }) },
    places: ['id'],
    examples: ['1'],
    view: thing,
  }),

  SESSION_LIST: verb({
    noun: 'session',
    verb: 'list',
    about: 'Sessions of initiators',
    parameters: { target: someTarget },
    examples: ['', '--json'],
    view: table(sessionColumns, 'Nobody is logged in'),
  }),
  SESSION_SHOW: verb({
    noun: 'session',
    verb: 'show',
    about: 'One session with what was negotiated',
    parameters: { id: integer('Its id in `session list`', { min: 0, max: 2 ** 32 }) },
    places: ['id'],
    examples: ['1'],
    view: thing,
  }),
  SESSION_DROP: verb({
    noun: 'session',
    verb: 'drop',
    about: 'End a session; the initiator may log in again',
    parameters: { id: integer('Its id in `session list`', { min: 0, max: 2 ** 32 }) },
    places: ['id'],
    examples: ['1'],
    view: thing,
  }),

  ...ndmpVerbTable,
} as const;
