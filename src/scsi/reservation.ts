import type { Command } from './command.js';
import type { Nexus } from './nexus.js';
export class Reservations {
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
