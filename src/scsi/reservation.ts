import type { Command } from './command.js';
import type { Nexus } from './nexus.js';
import type { Persistence } from './persistence.js';
export class Reservations {
  readonly persistence: Persistence | undefined;
  constructor(persistence?: Persistence) {
    this.persistence = persistence;
  }
  async load(): Promise<void> {
    return await Promise.resolve();
  }
  conflicts(_nexus: Nexus, _row: Command, _cdb: unknown): boolean {
    return false;
  }
  nexusLost(_nexus: Nexus): void {
    return;
  }
  reset(): void {
    return;
  }
}
