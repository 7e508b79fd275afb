/** Face of the units on LUNs. */
export { ElementAddresses } from './changer/addresses.js';
export type { ChangerLibrary, ChangerUnitOptions } from './changer/changer-unit.js';
export { ChangerUnit } from './changer/changer-unit.js';
export { smcTable } from './changer/commands.table.js';
export type { LibraryPersonality } from './changer/personality.js';
export { libraryPersonalities } from './changer/personalities/index.js';
