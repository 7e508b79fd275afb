/** Words of logins: who logs in, where to, and what a refusal looks like. */
import type { ExecutionContext } from 'ava';
import { type Pair, STAGE } from '#iscsi';
import type { Initiator } from './initiator.js';
import type { Received } from './pdu-peer.js';
import { targetName } from './iscsi-target.js';

export const initiatorName = 'iqn.2026-01.test:initiator';
export const who: readonly Pair[] = [
  { key: 'InitiatorName', value: initiatorName },
  { key: 'TargetName', value: targetName },
];
export const pairs = (keys: Readonly<Record<string, string>>): Pair[] =>
  Object.entries(keys).map(([key, value]) => ({ key, value }));
export const toFullFeature = { transit: true, currentStage: STAGE.operational, nextStage: STAGE.fullFeature };
export const toOperational = { transit: true, currentStage: STAGE.security, nextStage: STAGE.operational };
export const inSecurity = { currentStage: STAGE.security };

export const statusOf = ({ fields }: Received<'loginResponse'>): number =>
  fields.statusClass * 256 + fields.statusDetail;

/** The login is refused with this status, and the connection closed behind it. */
export async function refused(
  t: Pick<ExecutionContext, 'is' | 'false'>,
  initiator: Initiator,
  status: number,
  fields: Parameters<Initiator['loginStep']>[0],
  keys: readonly Pair[] | Buffer,
): Promise<Received<'loginResponse'>> {
  const response = await initiator.loginStep(fields, keys);
  t.is(statusOf(response).toString(16), status.toString(16));
  t.false(response.fields.transit);
  await initiator.closed;
  return response;
}
