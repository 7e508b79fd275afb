/**
 * Extensions of version 4 (spec4 3.2.9): what is offered, and what a session has chosen.
 *
 * Offered is the Connection Address Extension: image streams over IPv6. Its class is 2051h, version 1; its address type
 * 20510004h holds, in place of TCP's endpoints, a counted array of { 16 bytes of address, port, variables }. No standard
 * says so: filers of NetApp do, and so do the clients that speak with them (open-eBackup's ndmp.x).
 */
import { NdmpError } from './errors.table.js';

export interface ExtensionClass {
  readonly classId: number;
  readonly versions: readonly number[];
}
export interface ExtensionChoice {
  readonly classId: number;
  readonly version: number;
}

export const connectionAddressExtension = 0x2051;
export const offeredExtensions: readonly ExtensionClass[] = [
  { classId: connectionAddressExtension, versions: [1] },
];

/** What one session has chosen. */
export class Extensions {
  #chosen: readonly ExtensionChoice[] | undefined;

  /** IPv6 addresses may be used. */
  get hasConnectionAddresses(): boolean {
    return this.#chosen?.some(({ classId }) => classId === connectionAddressExtension) === true;
  }

  /** CONFIG_SET_EXT_LIST. A session chooses once; nothing is chosen when it is refused. Throws NdmpError. */
  choose(choices: readonly ExtensionChoice[]): void {
    const classes = new Set(choices.map(({ classId }) => classId));
    if (classes.size < choices.length) throw new NdmpError('ext-dupl-classes', 'A class is there twice');
    if (this.#chosen !== undefined && !this.#isSame(choices)) {
      throw new NdmpError('ext-dandn-illegal', 'Extensions have been chosen already');
    }
    for (const { classId, version } of choices) {
      const row = offeredExtensions.find((one) => one.classId === classId);
      if (row === undefined) throw new NdmpError('class-not-supported', `No class ${classId}`, { classId });
      if (!row.versions.includes(version)) {
        throw new NdmpError('version-not-supported', `No version ${version}`, { classId, version });
      }
    }
    this.#chosen = choices;
  }
  #isSame(choices: readonly ExtensionChoice[]): boolean {
    const text = (list: readonly ExtensionChoice[] = []): string =>
      list
        .map(({ classId, version }) => `${classId}.${version}`)
        .sort()
        .join();
    return text(choices) === text(this.#chosen);
  }
}
