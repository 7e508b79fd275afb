/** LoginPhase: the PDUs of a connection until full feature: only Login Requests have a place (RFC 7143 6.3). */
import type { PduReceiver, SegmentSink } from './framer.js';
import type { LoggedIn, Login, LoginAnswer, LoginSession, LoginTarget } from './login.js';
import { textSegmentBytesMax } from '#limits';
import { dataSegmentLengthOf, OPCODE, opcodeOf } from './pdu.js';
import { LOGIN_STATUS, PDU, type LoginStatus } from './pdu.table.js';

/** What a Login Response says besides the numbers that the connection adds. */
export interface LoginReply {
  readonly header: Buffer;
  readonly status: LoginStatus;
  readonly cmdSN: number;
  readonly text: Buffer;
}

export interface LoginPhaseHost<Target extends LoginTarget, Session extends LoginSession> {
  /** Sends it; a status other than success closes the connection behind it. */
  reply(reply: LoginReply): void;
  /** Makes the session. `reply` is its last Login Response, to be sent with the TSIH by `finish`. */
  establish(loggedIn: LoggedIn<Target, Session>, answer: LoginAnswer<Target, Session>, header: Buffer): void;
  drop(reason: string): void;
}

export class LoginPhase<Target extends LoginTarget, Session extends LoginSession>
  implements PduReceiver, SegmentSink
{
  readonly #host: LoginPhaseHost<Target, Session>;
  readonly #login: Login<Target, Session>;
  readonly #segment = Buffer.alloc(textSegmentBytesMax);
  #bhs: Buffer = Buffer.alloc(0);
  #begun = false;

  constructor(host: LoginPhaseHost<Target, Session>, login: Login<Target, Session>) {
    this.#host = host;
    this.#login = login;
  }

  header(bhs: Buffer): SegmentSink {
    this.#bhs = bhs;
    return this;
  }
  land(chunk: Buffer, from: number, to: number, offset: number): void {
    chunk.copy(this.#segment, offset, from, to);
  }

  complete(): void {
    const header = Buffer.from(this.#bhs);
    const request = PDU.loginRequest.bhs.decode(header);
    if (opcodeOf(header) !== OPCODE.loginRequest) {
      this.#refuseOther(header);
      return;
    }
    this.#begun = true;
    const data = this.#segment.subarray(0, dataSegmentLengthOf(header));
    const answer = this.#login.answer(request, data);
    if (answer.done === undefined) this.#host.reply(replyOf(header, answer, 0));
    else this.#host.establish(answer.done, answer, header);
  }
  /** Before the first Login Request there is nobody to answer; behind it the login has failed. */
  #refuseOther(header: Buffer): void {
    if (!this.#begun) {
      this.#host.drop('the first PDU is not a Login Request');
      return;
    }
    const status = LOGIN_STATUS.invalidDuringLogin;
    const answer = {
      status,
      transit: false,
      continues: false,
      currentStage: 0,
      nextStage: 0,
      text: Buffer.alloc(0),
    };
    this.#host.reply(replyOf(header, answer, 0));
  }
}

/** The Login Response to the request with this header. */
export function replyOf(
  requestHeader: Buffer,
  answer: Omit<LoginAnswer<LoginTarget, LoginSession>, 'done'>,
  tsih: number,
): LoginReply {
  const request = PDU.loginRequest.bhs.decode(requestHeader);
  const header = PDU.loginResponse.bhs.encode({
    opcode: OPCODE.loginResponse,
    totalAhsLength: 0,
    dataSegmentLength: 0,
    transit: answer.transit,
    continues: answer.continues,
    currentStage: answer.currentStage,
    nextStage: answer.nextStage,
    versionMax: 0,
    versionActive: 0,
    isid: request.isid,
    tsih: tsih === 0 ? request.tsih : tsih,
    initiatorTaskTag: request.initiatorTaskTag,
    statSN: 0,
    expCmdSN: 0,
    maxCmdSN: 0,
    statusClass: answer.status >> 8,
    statusDetail: answer.status & 0xff,
  });
  return { header, status: answer.status, cmdSN: request.cmdSN, text: answer.text };
}
