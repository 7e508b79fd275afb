/** Face of the catalog. */
export type { ChapAccountRow, InitiatorRow } from './access.js';
export type { Arrival, CartridgeRow, Place } from './cartridges.js';
export type { Tables } from './catalog.js';
export { Catalog } from './catalog.js';
export type { DriveRow } from './drives.js';
export type { GroupDensity, GroupRow, KeyKind, StoreKind } from './groups.js';
export type { ElementCounts, ElementKind, LibraryRow } from './libraries.js';
export type { NdmpNetworkRow, NdmpPortalRow, NdmpRootRow, NdmpUserRow } from './ndmp.js';
export type { DevicePersistence } from './settings.js';
export type { LunRow, PortalRow, TargetRow } from './targets.js';
