/** Facility loggers over pino: JSON lines to stderr, or plain text when a person watches. */
import process from 'node:process';
import { pino, type Logger as Pino } from 'pino';
import type { Facts } from '../errors.js';

export type Level = 'debug' | 'info' | 'warn' | 'error';

export interface Logger {
  /** A logger for one facility, with facts on every line. */
  facility(name: string, facts?: Facts): Logger;
  debug(message: string, facts?: Facts): void;
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
}

class PinoLogger implements Logger {
  readonly #root: Pino;
  readonly #bindings: Facts;
  readonly #pino: Pino;
  constructor(root: Pino, bindings: Facts = {}) {
    this.#root = root;
    this.#bindings = bindings;
    this.#pino = root.child(bindings);
  }
  facility(name: string, facts: Facts = {}): Logger {
    // From the root: a child's child would carry `comp` twice.
    return new PinoLogger(this.#root, { ...this.#bindings, comp: name, ...facts });
  }
  debug(message: string, facts: Facts = {}): void {
    this.#pino.debug(facts, message);
  }
  info(message: string, facts: Facts = {}): void {
    this.#pino.info(facts, message);
  }
  warn(message: string, facts: Facts = {}): void {
    this.#pino.warn(facts, message);
  }
  error(message: string, facts: Facts = {}): void {
    this.#pino.error(facts, message);
  }
}

/** Logs to stderr from `level` up. */
export function realLog(level: Level = 'info'): Logger {
  const options = {
    level,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const destination = process.stderr.isTTY
    ? { write: (line: string) => void process.stderr.write(plainLine(line)) }
    : standardError();
  return new PinoLogger(pino(options, destination));
}

/** A log that nobody reads any more is no reason to stop serving. */
function standardError(): ReturnType<typeof pino.destination> {
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return destination;
}

/** "21:46:39 warn daemon: A portal is not open (portal 192.0.2.7:3260)": a line of JSON as a person reads it. */
export function plainLine(json: string): string {
  const { time, level, comp, msg, ...facts } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const text = (value: unknown): string =>
    (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/(?!\n)\p{Cc}/gu, '?');
  const list = Object.entries(facts).map(([name, value]) => `${name} ${text(value)}`);
  const where = comp === undefined ? '' : `${text(comp)}: `;
  const clock = text(time).slice(11, 19);
  return `${clock} ${text(level)} ${where}${text(msg)}${list.length === 0 ? '' : ` (${list.join(', ')})`}\n`;
}

/** Says nothing: for tests and for tools whose stderr belongs to a person. */
export const silentLog: Logger = {
  facility: () => silentLog,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
