/** CONNECT, and the notice that opens every connection (ndmp0.x; spec4 3.1, 3.7.1). */
import { error, message, post } from './message.js';
import { AuthAttributeCodec, AuthDataCodec } from './authentication.js';
import { ConnectReason, Text } from './types.js';
import { u16 } from './xdr.js';

export const connectMessages = {
  connectOpen: message({
    title: 'CONNECT_OPEN',
    code: 0x900,
    needs: 'nothing',
    request: { protocolVersion: u16 },
    reply: { error },
  }),
  connectClientAuth: message({
    title: 'CONNECT_CLIENT_AUTH',
    code: 0x901,
    needs: 'connected',
    request: { authData: AuthDataCodec },
    reply: { error },
  }),
  /** Not answered: the connection ends. */
  connectClose: post({ title: 'CONNECT_CLOSE', code: 0x902, needs: 'nothing', request: {} }),
  connectServerAuth: message({
    title: 'CONNECT_SERVER_AUTH',
    code: 0x903,
    needs: 'connected',
    request: { clientAttr: AuthAttributeCodec },
    reply: { error, serverResult: AuthDataCodec },
  }),
  /** NOTIFY_CONNECTED in versions 2 and 3; the first message of a connection, before any version is agreed. */
  notifyConnectionStatus: post({
    title: 'NOTIFY_CONNECTION_STATUS',
    code: 0x502,
    needs: 'nothing',
    request: { reason: ConnectReason, protocolVersion: u16, textReason: Text },
  }),
};
