/** Face of the units on LUNs. */
export { tapeTable } from './tape/commands.table.js';
export type { DrivePersonality } from './tape/personality.js';
export { drivePersonalities } from './tape/personalities/index.js';
export type { Automation, TapeUnitOptions } from './tape/tape-unit.js';
export { TapeUnit } from './tape/tape-unit.js';
export { ElementAddresses } from './changer/addresses.js';
export type { ChangerLibrary, ChangerUnitOptions } from './changer/changer-unit.js';
export { ChangerUnit } from './changer/changer-unit.js';
export { smcTable } from './changer/commands.table.js';
export type { LibraryPersonality } from './changer/personality.js';
export { libraryPersonalities } from './changer/personalities/index.js';
