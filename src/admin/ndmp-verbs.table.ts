/** The operator's verbs about NDMP. Data only. */
import { byDefault, flag, integer, optional, path, secret, text } from './parameter.js';
import { addressForm, column, library, nameForm, table, thing, userForm } from './verb-forms.js';
import { verb } from './verb.js';

const ndmpAddressForm = {
  ...addressForm,
  form: 'an address such as 192.0.2.7, 192.0.2.7:10000, [2001:db8::7] or [2001:db8::7]:10000',
};
const user = text('Name of the user', { placeholder: 'NAME', ...userForm });
const root = text('The root: its name or its path', {
  pattern: /^\P{Cc}{1,1000}$/u,
  form: 'a name or a path from `tapesilo ndmp root list`',
});
const portal = text('The portal, as `ndmp portal list` shows it', ndmpAddressForm);
const network = text('Address or network', {
  placeholder: 'CIDR',
  pattern: /^[0-9A-Fa-f:.]{2,45}(\/\d{1,3})?$/,
  form: 'an address or network such as 192.0.2.0/24 or 2001:db8::/32',
});
const session = integer('Its id in `ndmp session list`', { min: 0, max: 2 ** 32 });

// --- views ------------------------------------------------------------------------------------------------------------

const userColumns = [
  column('name', 'USER'),
  column('enabled', 'ENABLED', 'yes'),
  column('sessions', 'SESSIONS'),
];
const deviceColumns = [
  column('name', 'DEVICE'),
  column('kind', 'KIND'),
  column('model', 'MODEL'),
  column('serial', 'SERIAL'),
  column('state', 'STATE'),
  column('barcode', 'TAPE'),
  column('heldBy', 'HELD BY'),
];
const sessionColumns = [
  column('id', 'ID'),
  column('peer', 'FROM'),
  column('user', 'USER'),
  column('version', 'VERSION'),
  column('tls', 'TLS', 'yes'),
  column('tape', 'TAPE'),
  column('changer', 'CHANGER'),
  column('mover', 'MOVER', 'state'),
  column('data', 'DATA', 'state'),
  column('bytes', 'BYTES', 'size'),
  column('percent', 'DONE', 'percent'),
];
const rootColumns = [
  column('name', 'ROOT'),
  column('path', 'PATH'),
  column('access', 'ACCESS'),
  column('state', 'STATE'),
];
const portalColumns = [
  column('portal', 'PORTAL'),
  column('tls', 'TLS', 'yes'),
  column('kept', 'KEPT', 'yes'),
  column('state', 'STATE'),
];

/** Its text is for clients: `ndmp certificate export`. */
const certificate = { as: 'thing', hide: ['certificate'] } as const;

const noUser =
  'There is no NDMP user, so nobody can log in: make one with `tapesilo ndmp user create NAME --secret-file FILE`';
const noRoot =
  'There is no root: the DATA service reads and writes nothing of this machine. Name a folder with `tapesilo ndmp root add DIR`';
const noNetwork =
  'No network is named: image streams may come from anywhere, and go to the address that the session comes from and to the one it came to';
const noPortal =
  'There is no NDMP portal: make one with `tapesilo ndmp portal create ADDR`, or start with `tapesilo serve --ndmp-listen ADDR`';

// --- the verbs ----------------------------------------------------------------------------------------------------------

const settings = {
  NDMP_SHOW: verb({
    noun: 'ndmp',
    verb: 'show',
    about: 'The NDMP server: settings, portals, and how much of everything there is',
    parameters: {},
    examples: ['', '--json'],
    view: thing,
  }),
  NDMP_SET: verb({
    noun: 'ndmp',
    verb: 'set',
    about: 'Change who may log in how, and where image streams are awaited; holds from now on',
    parameters: {
      textAuthentication: optional(
        text('Passwords in plain text: from this machine and over TLS (secure), from everywhere, or never', {
          placeholder: 'secure|always|never',
          choices: ['secure', 'always', 'never'],
        }),
      ),
      anonymous: optional(
        text('Logins without any user: never, or from this machine', {
          placeholder: 'never|loopback',
          choices: ['never', 'loopback'],
        }),
      ),
      streamAddresses: optional(
        text(
          'Own addresses on which image streams are awaited; `session`: the one that a session came to (the default)',
          {
            placeholder: 'ADDR,…|session',
            pattern: /^(session|[0-9A-Fa-f:.]{2,45}(,[0-9A-Fa-f:.]{2,45}){0,15})$/,
            form: 'addresses such as 192.0.2.1,2001:db8::1, or session',
          },
        ),
      ),
      streamPorts: optional(
        text('Own ports on which they are awaited, for firewalls; `any`: any free one (the default)', {
          placeholder: 'FIRST-LAST|any',
          pattern: /^(any|\d{1,5}-\d{1,5})$/,
          form: 'two ports such as 30100-30199, or any',
        }),
      ),
      versionMax: optional(
        integer('Highest protocol version that clients are offered', { min: 2, max: 4, placeholder: 'N' }),
      ),
    },
    examples: [
      '--text-authentication always',
      '--version-max 3',
      '--stream-addresses 192.0.2.1,198.51.100.1',
      '--stream-ports 30100-30199',
    ],
    view: thing,
  }),
};

const users = {
  NDMP_USER_CREATE: verb({
    noun: 'ndmp user',
    verb: 'create',
    about: 'Make a user for filers and backup programs',
    parameters: {
      name: user,
      secret: { ...secret('Password of the user, asked at a terminal'), ask: 'new' as const },
    },
    places: ['name'],
    examples: ['backup --secret-file /etc/backup.secret', 'backup --secret-command "pass show ndmp"'],
    view: thing,
  }),
  NDMP_USER_LIST: verb({
    noun: 'ndmp user',
    verb: 'list',
    about: 'Users, without their passwords',
    parameters: {},
    examples: ['', '--json'],
    view: table(userColumns, noUser),
  }),
  NDMP_USER_SET: verb({
    noun: 'ndmp user',
    verb: 'set',
    about: 'Give a user another password, lock it out or let it in again; holds for the next login',
    parameters: {
      name: user,
      secret: optional(secret('The new password')),
      disable: flag('Refuse its logins'),
      enable: flag('Accept them again'),
    },
    places: ['name'],
    examples: ['backup --secret-file /etc/backup.secret', 'backup --disable'],
    view: thing,
  }),
  NDMP_USER_DELETE: verb({
    noun: 'ndmp user',
    verb: 'delete',
    about: 'Forget a user; its open sessions go on',
    parameters: { name: user },
    places: ['name'],
    examples: ['backup'],
    view: thing,
  }),
};

const devices = {
  NDMP_DEVICE_LIST: verb({
    noun: 'ndmp device',
    verb: 'list',
    about:
      'Drives and changers by the names that clients open them with, and who has them: a session, or a host',
    parameters: { library },
    examples: ['', '--json'],
    view: table(deviceColumns, 'There is no device: make a library with `tapesilo library create NAME`'),
  }),
};

const sessions = {
  NDMP_SESSION_LIST: verb({
    noun: 'ndmp session',
    verb: 'list',
    about: 'Sessions: who, what they have open, what is moved',
    parameters: {},
    examples: ['', '--json'],
    view: table(sessionColumns, 'There is no NDMP session'),
  }),
  NDMP_SESSION_SHOW: verb({
    noun: 'ndmp session',
    verb: 'show',
    about: 'One session with its mover and its data service',
    parameters: { id: session },
    places: ['id'],
    examples: ['1'],
    view: thing,
  }),
  NDMP_SESSION_DROP: verb({
    noun: 'ndmp session',
    verb: 'drop',
    about: 'End a session and whatever it does; its devices are free at once',
    parameters: { id: session },
    places: ['id'],
    examples: ['1'],
    view: thing,
  }),
};

const roots = {
  NDMP_ROOT_ADD: verb({
    noun: 'ndmp root',
    verb: 'add',
    about: 'Let users back up a folder of this machine, and restore into it unless it is read-only',
    parameters: {
      path: path('The folder', 'DIR'),
      name: optional(text('What to call it; its last part if not given', nameForm)),
      readOnly: flag('Only backups: nothing is restored into it'),
    },
    places: ['path'],
    examples: ['/srv/projects', '/etc --read-only', '/srv/restore --name restore'],
    view: thing,
  }),
  NDMP_ROOT_LIST: verb({
    noun: 'ndmp root',
    verb: 'list',
    about: 'Folders of this machine that users may back up and restore',
    parameters: {},
    examples: ['', '--json'],
    view: table(rootColumns, noRoot),
  }),
  NDMP_ROOT_SET: verb({
    noun: 'ndmp root',
    verb: 'set',
    about: 'Allow restores into a root, or forbid them; holds for the next job',
    parameters: { root, readOnly: flag('Only backups'), writable: flag('Backups and restores') },
    places: ['root'],
    examples: ['projects --read-only', 'projects --writable'],
    view: thing,
  }),
  NDMP_ROOT_REMOVE: verb({
    noun: 'ndmp root',
    verb: 'remove',
    about: 'Take a root away; the folder stays as it is, and a job that runs there goes on',
    parameters: { root },
    places: ['root'],
    examples: ['projects', '/srv/projects'],
    view: thing,
  }),
};

const networks = {
  NDMP_NETWORK_ADD: verb({
    noun: 'ndmp network',
    verb: 'add',
    about:
      'Let image streams go to the addresses of a network, and come from there: filers in three-way backups',
    parameters: { network },
    places: ['network'],
    examples: ['192.0.2.0/24', '2001:db8::7'],
    view: thing,
  }),
  NDMP_NETWORK_LIST: verb({
    noun: 'ndmp network',
    verb: 'list',
    about: 'Networks that image streams may go to and come from',
    parameters: {},
    examples: [''],
    view: table([column('network', 'NETWORK')], noNetwork),
  }),
  NDMP_NETWORK_REMOVE: verb({
    noun: 'ndmp network',
    verb: 'remove',
    about: 'Take a network away; streams that are connected go on',
    parameters: { network },
    places: ['network'],
    examples: ['192.0.2.0/24'],
    view: thing,
  }),
};

const portals = {
  NDMP_PORTAL_CREATE: verb({
    noun: 'ndmp portal',
    verb: 'create',
    about: 'Listen for NDMP on an address, now and after every start',
    parameters: {
      address: text(
        'Address and port to listen on (port 0: any free one); 10000 or, with TLS, 30000 if no port is given',
        ndmpAddressForm,
      ),
      tls: flag('TLS from the first byte on; needs a certificate, see `ndmp certificate`'),
    },
    places: ['address'],
    examples: ['192.0.2.7', '192.0.2.7:30000 --tls', '[2001:db8::7]'],
    view: thing,
  }),
  NDMP_PORTAL_LIST: verb({
    noun: 'ndmp portal',
    verb: 'list',
    about: 'Addresses that the NDMP server listens on',
    parameters: {},
    examples: [''],
    view: table(portalColumns, noPortal),
  }),
  NDMP_PORTAL_DELETE: verb({
    noun: 'ndmp portal',
    verb: 'delete',
    about: 'Stop listening on an address; sessions that came by it go on',
    parameters: { portal },
    places: ['portal'],
    examples: ['192.0.2.7:10000'],
    view: thing,
  }),
};

const certificates = {
  NDMP_CERTIFICATE_CREATE: verb({
    noun: 'ndmp certificate',
    verb: 'create',
    about: 'Make a self-signed certificate with a new key; TLS portals use it from the next connection on',
    parameters: {
      names: text('Names and addresses by which clients reach this machine', {
        placeholder: 'NAME,…',
        pattern: /^[A-Za-z0-9.:_-]{1,253}(,[A-Za-z0-9.:_-]{1,253}){0,31}$/,
        form: 'names and addresses such as tapes.example.com,192.0.2.7',
      }),
      days: byDefault(integer('How long it holds', { min: 1, max: 36_500 }), 3650),
    },
    places: ['names'],
    examples: ['tapes.example.com,192.0.2.7', 'localhost,127.0.0.1 --days 30'],
    view: certificate,
  }),
  NDMP_CERTIFICATE_IMPORT: verb({
    noun: 'ndmp certificate',
    verb: 'import',
    about: 'Use a certificate that somebody else has signed, from the next connection on; both are copied',
    parameters: {
      certificate: path('The certificate, and those that lead to its root: PEM', 'FILE'),
      key: path('Its key, without a passphrase: PEM', 'FILE'),
    },
    examples: ['--certificate /etc/tapes.pem --key /etc/tapes.key'],
    view: certificate,
  }),
  NDMP_CERTIFICATE_SHOW: verb({
    noun: 'ndmp certificate',
    verb: 'show',
    about: 'The certificate of TLS portals',
    parameters: {},
    examples: ['', '--json'],
    view: certificate,
  }),
  NDMP_CERTIFICATE_EXPORT: verb({
    noun: 'ndmp certificate',
    verb: 'export',
    about: 'The certificate as text (PEM), for clients that are to trust it; its key stays here',
    parameters: {},
    examples: [''],
    view: { as: 'text' },
  }),
};

export const ndmpVerbTable = {
  ...settings,
  ...users,
  ...roots,
  ...networks,
  ...portals,
  ...certificates,
  ...devices,
  ...sessions,
} as const;
