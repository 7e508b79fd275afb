/** Where a logical unit keeps what must outlive the process: APTPL registrations, saved mode pages. */
export interface Persistence {
  load(key: string): Promise<Buffer | undefined>;
  /** Durable when it resolves. */
  save(key: string, value: Buffer): Promise<void>;
}
