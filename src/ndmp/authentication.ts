/** The two unions of authentication (spec4 3.1.2): what a client shows, and what it was asked to sign. */
import { AuthType, Name } from './types.js';
import { fixed, type Xdr } from './xdr.js';

export const challengeBytes = 64;
export const digestBytes = 16;

export type AuthData =
  | { readonly type: 'none' }
  | { readonly type: 'text'; readonly authId: string; readonly authPassword: string }
  | { readonly type: 'md5'; readonly authId: string; readonly authDigest: Buffer }
  | { readonly type: 'unknown'; readonly number: number };

export type AuthAttribute =
  | { readonly type: 'none' }
  | { readonly type: 'text' }
  | { readonly type: 'md5'; readonly challenge: Buffer }
  | { readonly type: 'unknown'; readonly number: number };

const Digest = fixed(digestBytes);
const Challenge = fixed(challengeBytes);

export const AuthDataCodec: Xdr<AuthData> = {
  read(from) {
    const type = AuthType.read(from);
    if (typeof type !== 'string') {
      from.skipRest();
      return { type: 'unknown', number: type.unknown };
    }
    if (type === 'none') return { type };
    const authId = Name.read(from);
    return type === 'text'
      ? { type, authId, authPassword: Name.read(from) }
      : { type, authId, authDigest: Digest.read(from) };
  },
  write(to, data) {
    AuthType.write(to, data.type === 'unknown' ? { unknown: data.number } : data.type);
    if (data.type !== 'text' && data.type !== 'md5') return;
    Name.write(to, data.authId);
    if (data.type === 'text') Name.write(to, data.authPassword);
    else Digest.write(to, data.authDigest);
  },
  empty: () => ({ type: 'none' }),
};

export const AuthAttributeCodec: Xdr<AuthAttribute> = {
  read(from) {
    const type = AuthType.read(from);
    if (typeof type !== 'string') {
      from.skipRest();
      return { type: 'unknown', number: type.unknown };
    }
    return type === 'md5' ? { type, challenge: Challenge.read(from) } : { type };
  },
  write(to, attribute) {
    AuthType.write(to, attribute.type === 'unknown' ? { unknown: attribute.number } : attribute.type);
    if (attribute.type === 'md5') Challenge.write(to, attribute.challenge);
  },
  empty: () => ({ type: 'none' }),
};
