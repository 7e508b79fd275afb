/** Facility loggers over pino: JSON lines to stderr, or plain text when a person watches. */
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
  readonly #pino: Pino;
  constructor(logger: Pino) {
    this.#pino = logger;
  }
  facility(name: string, facts: Facts = {}): Logger {
    return new PinoLogger(this.#pino.child({ comp: name, ...facts }));
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
  return new PinoLogger(pino(options, pino.destination({ dest: 2, sync: true })));
}

/** Says nothing: for tests and for tools whose stderr belongs to a person. */
export const silentLog: Logger = {
  facility: () => silentLog,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
