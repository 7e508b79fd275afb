/**
 * Enumerations and structures that several messages share, in one canonical form: names and superset of version 4. Names of
 * files are bytes; everything else that is text is a string.
 */
import {
  ndmpEndpointsMax,
  ndmpEndpointVariablesMax,
  ndmpPathBytesMax,
  ndmpTextBytesMax,
  ndmpVariablesMax,
} from '#limits';
import { enumeration, openEnumeration } from './enumeration.js';
import { Ipv4, Ipv6 } from './ip-address.js';
import { array, type Infer, opaque, perVersion, since, struct, text, u16, type Xdr } from './xdr.js';

/** In a quad or u_long: not known, without end. */
export const allOnes = 0xffff_ffff_ffff_ffffn;
export const allOnes32 = 0xffff_ffff;

/** Names of users, devices, types. */
export const Name = text(ndmpTextBytesMax);
/** What may be longer: log entries, reasons. */
export const Text = text(ndmpPathBytesMax);
/** A path, or part of one, as bytes. */
export const Path = opaque(ndmpPathBytesMax);

export const Pval = struct({ name: Name, value: Text });
export type Pval = Infer<typeof Pval>;
export const Environment = array(Pval, ndmpVariablesMax);

// --- arguments that handlers judge --------------------------------------------------------------------------------------

export const AuthType = openEnumeration({ none: 0, text: 1, md5: 2 });
export type AuthType = Infer<typeof AuthType>;
/** FC is version 3's; version 4 reserves its number. The last one is of the Connection Address Extension, class 2051h. */
export const AddressType = openEnumeration({
  local: 0,
  tcp: 1,
  fc: { value: 2, since: 3, until: 3, instead: 'local' },
  ipc: { value: 3, since: 3, instead: 'local' },
  'tcp-ipv6': { value: 0x2051_0004, since: 3, instead: 'local' },
});
export type AddressType = Infer<typeof AddressType>;
/** Raw is version 4's; some clients of version 3 know it, also by a number of its own. */
export const TapeMode = openEnumeration({
  read: 0,
  'read-write': 1,
  raw: { value: 2, also: 0x7fff_ffff, since: 3, instead: 'read-write' },
});
export type TapeMode = Infer<typeof TapeMode>;
export const MtioOperation = openEnumeration({
  fsf: 0,
  bsf: 1,
  fsr: 2,
  bsr: 3,
  rew: 4,
  eof: 5,
  off: 6,
  tur: { value: 7, since: 4 },
});
export type MtioOperation = Infer<typeof MtioOperation>;
/** `read`: from the data connection to tape. `data` (version 2) and `noaction` (version 4) share a number. */
export const MoverMode = openEnumeration({
  read: 0,
  write: 1,
  noaction: { value: 2, since: 4, instead: 'read' },
  data: { value: 2, until: 2, instead: 'read' },
});
export type MoverMode = Infer<typeof MoverMode>;

// --- states and reasons -------------------------------------------------------------------------------------------------

export const MoverState = enumeration({ idle: 0, listen: 1, active: 2, paused: 3, halted: 4 });
export type MoverState = Infer<typeof MoverState>;
/** Version 2 has no end of window: its clients take the end of file for it. Version 4 halts on a media error. */
export const PauseReason = enumeration({
  na: 0,
  eom: 1,
  eof: 2,
  seek: 3,
  'media-error': { value: 4, until: 3, instead: 'eom' },
  eow: { value: 5, since: 3, instead: 'eof' },
});
export type PauseReason = Infer<typeof PauseReason>;
export const MoverHaltReason = enumeration({
  na: 0,
  'connect-closed': 1,
  aborted: 2,
  'internal-error': 3,
  'connect-error': 4,
  'media-error': { value: 5, since: 4, instead: 'internal-error' },
});
export type MoverHaltReason = Infer<typeof MoverHaltReason>;
export const DataOperation = enumeration({ noaction: 0, backup: 1, recover: 2, 'recover-filehist': 3 });
export type DataOperation = Infer<typeof DataOperation>;
export const DataState = enumeration({
  idle: 0,
  active: 1,
  halted: 2,
  listen: { value: 3, since: 3, instead: 'idle' },
  connected: { value: 4, since: 3, instead: 'idle' },
});
export type DataState = Infer<typeof DataState>;
export const DataHaltReason = enumeration({
  na: 0,
  successful: 1,
  aborted: 2,
  'internal-error': 3,
  'connect-error': 4,
});
export type DataHaltReason = Infer<typeof DataHaltReason>;
export const ConnectReason = enumeration({ connected: 0, shutdown: 1, refused: 2 });
export type ConnectReason = Infer<typeof ConnectReason>;
export const LogType = enumeration({ normal: 0, debug: 1, error: 2, warning: 3 });
export type LogType = Infer<typeof LogType>;

// --- addresses ----------------------------------------------------------------------------------------------------------

/** One way to reach the other side of an image stream. `host` is an IPv4 address, in `tcp-ipv6` an IPv6 one. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Version 4 only. */
  readonly env: readonly Pval[];
}
export type Address =
  | { readonly type: 'local' }
  | { readonly type: 'tcp' | 'tcp-ipv6'; readonly endpoints: readonly Endpoint[] }
  | { readonly type: 'fc'; readonly loopId: number }
  | { readonly type: 'ipc'; readonly data: Buffer }
  | { readonly type: 'unknown'; readonly number: number };

/** Versions 2 and 3 have one, version 4 a list of them. */
function endpoints(host: Xdr<string>): Xdr<readonly Endpoint[]> {
  const one = struct({ host, port: u16, env: since(4, array(Pval, ndmpEndpointVariablesMax)) });
  return perVersion({ 2: single(one), 3: single(one), 4: array(one, ndmpEndpointsMax) });
}
function single(codec: Xdr<Endpoint>): Xdr<readonly Endpoint[]> {
  return {
    read: (from) => [codec.read(from)],
    write: (to, [first = codec.empty()]) => codec.write(to, first),
    empty: () => [],
  };
}
const Ipv4Endpoints = endpoints(Ipv4);
const Ipv6Endpoints = endpoints(Ipv6);
const CommData = opaque(ndmpTextBytesMax);

/** An address of a type that we do not know ends its message: nobody can say how long it is. */
export const AddressCodec: Xdr<Address> = {
  read(from) {
    const type = AddressType.read(from);
    if (typeof type !== 'string') {
      from.skipRest();
      return { type: 'unknown', number: type.unknown };
    }
    if (type === 'local') return { type };
    if (type === 'tcp') return { type, endpoints: Ipv4Endpoints.read(from) };
    if (type === 'tcp-ipv6') return { type, endpoints: Ipv6Endpoints.read(from) };
    return type === 'fc' ? { type, loopId: from.u32() } : { type, data: CommData.read(from) };
  },
  write(to, address) {
    if (address.type === 'unknown') {
      to.u32(address.number);
      return;
    }
    AddressType.write(to, address.type);
    if (address.type === 'tcp') Ipv4Endpoints.write(to, address.endpoints);
    else if (address.type === 'tcp-ipv6' && to.version >= 3) Ipv6Endpoints.write(to, address.endpoints);
    else if (address.type === 'fc' && to.version === 3) to.u32(address.loopId);
    else if (address.type === 'ipc' && to.version >= 3) CommData.write(to, address.data);
  },
  empty: () => ({ type: 'local' }),
};
