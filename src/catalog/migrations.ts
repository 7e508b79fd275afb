/**
 * The schema as numbered forward steps; `user_version` counts those that were done. A step that a release has carried is
 * never edited: write the next one.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE settings (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE libraries (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    personality TEXT NOT NULL,
    vendor TEXT, product TEXT, revision TEXT,
    serial TEXT NOT NULL UNIQUE,
    naa TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
  ) STRICT;

  -- One row per place where a cartridge can be. Counts of a library are the rows of a kind; indexes have no gaps.
  CREATE TABLE elements (
    library_id TEXT NOT NULL REFERENCES libraries (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('robot', 'slot', 'mail', 'drive')),
    idx INTEGER NOT NULL CHECK (idx >= 0),
    PRIMARY KEY (library_id, kind, idx)
  ) STRICT, WITHOUT ROWID;

  -- A drive sits in a drive element; an element without a drive is an empty bay.
  CREATE TABLE drives (
    id TEXT PRIMARY KEY NOT NULL,
    library_id TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'drive' CHECK (kind = 'drive'),
    idx INTEGER NOT NULL,
    personality TEXT NOT NULL,
    vendor TEXT, product TEXT, revision TEXT,
    serial TEXT NOT NULL UNIQUE,
    naa TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    UNIQUE (library_id, kind, idx),
    FOREIGN KEY (library_id, kind, idx) REFERENCES elements (library_id, kind, idx)
  ) STRICT;

  -- T3: a cartridge is one row, so it is in one element or, with none named, on the shelf; the UNIQUE keeps an element
  -- from holding two; the foreign key keeps an occupied element from going away.
  CREATE TABLE cartridges (
    id TEXT PRIMARY KEY NOT NULL,
    barcode TEXT NOT NULL UNIQUE
      CHECK (length(barcode) BETWEEN 1 AND 32 AND barcode NOT GLOB '*[^A-Z0-9]*'),
    medium TEXT NOT NULL,
    worm INTEGER NOT NULL CHECK (worm IN (0, 1)),
    protected INTEGER NOT NULL CHECK (protected IN (0, 1)),
    cleaning_uses INTEGER CHECK (cleaning_uses >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    used_bytes INTEGER NOT NULL DEFAULT 0 CHECK (used_bytes >= 0),
    volume_id TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    library_id TEXT, element_kind TEXT, element_index INTEGER,
    source_kind TEXT CHECK (source_kind IN ('slot', 'mail', 'drive')),
    source_index INTEGER,
    by_operator INTEGER NOT NULL DEFAULT 0 CHECK (by_operator IN (0, 1)),
    alternate_tag TEXT CHECK (length(alternate_tag) BETWEEN 1 AND 32),
    alternate_sequence INTEGER CHECK (alternate_sequence BETWEEN 0 AND 65535),
    UNIQUE (library_id, element_kind, element_index),
    FOREIGN KEY (library_id, element_kind, element_index) REFERENCES elements (library_id, kind, idx),
    CHECK ((library_id IS NULL) = (element_kind IS NULL) AND (library_id IS NULL) = (element_index IS NULL)),
    CHECK ((source_kind IS NULL) = (source_index IS NULL)),
    CHECK ((alternate_tag IS NULL) = (alternate_sequence IS NULL)),
    CHECK (library_id IS NOT NULL OR source_kind IS NULL)
  ) STRICT;

  CREATE TABLE targets (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    alias TEXT NOT NULL,
    redirect_address TEXT,
    redirect_permanent INTEGER NOT NULL DEFAULT 0 CHECK (redirect_permanent IN (0, 1)),
    created_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE luns (
    target_id TEXT NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    lun INTEGER NOT NULL CHECK (lun BETWEEN 0 AND 16383),
    library_id TEXT REFERENCES libraries (id) ON DELETE CASCADE,
    drive_id TEXT REFERENCES drives (id) ON DELETE CASCADE,
    PRIMARY KEY (target_id, lun),
    CHECK ((library_id IS NULL) <> (drive_id IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX luns_library ON luns (target_id, library_id);
  CREATE UNIQUE INDEX luns_drive ON luns (target_id, drive_id);

  CREATE TABLE portals (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    group_tag INTEGER NOT NULL CHECK (group_tag BETWEEN 0 AND 65535),
    announce_host TEXT,
    announce_port INTEGER CHECK (announce_port BETWEEN 1 AND 65535),
    CHECK ((announce_host IS NULL) = (announce_port IS NULL))
  ) STRICT;

  -- target_id NULL: discovery sessions.
  CREATE TABLE chap_accounts (
    id INTEGER PRIMARY KEY,
    target_id TEXT REFERENCES targets (id) ON DELETE CASCADE,
    direction TEXT NOT NULL CHECK (direction IN ('initiator', 'target')),
    user TEXT NOT NULL,
    secret BLOB NOT NULL CHECK (length(secret) >= 12)
  ) STRICT;
  CREATE UNIQUE INDEX chap_accounts_user ON chap_accounts (ifnull(target_id, ''), direction, user);
  -- A target proves itself with one account.
  CREATE UNIQUE INDEX chap_accounts_mutual ON chap_accounts (ifnull(target_id, '')) WHERE direction = 'target';

  CREATE TABLE initiators (
    id INTEGER PRIMARY KEY,
    target_id TEXT NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
    name TEXT,
    address TEXT,
    luns TEXT,
    CHECK (name IS NOT NULL OR address IS NOT NULL)
  ) STRICT;
  CREATE UNIQUE INDEX initiators_entry ON initiators (target_id, ifnull(name, ''), ifnull(address, ''));

  CREATE TABLE persistence (
    device_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (device_id, key)
  ) STRICT, WITHOUT ROWID;
  `,
  // Homes of before had one store, in the folder "store": it becomes the default group.
  `
  CREATE TABLE storage_groups (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('plain', 'dedup')),
    folder TEXT NOT NULL UNIQUE,
    store_id TEXT UNIQUE,
    made INTEGER NOT NULL CHECK (made IN (0, 1)),
    is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),
    quota_bytes INTEGER CHECK (quota_bytes > 0),
    density TEXT NOT NULL CHECK (density IN ('adaptive', 'fast', 'dense', 'none')),
    key_kind TEXT CHECK (key_kind IN ('passphrase', 'file', 'command')),
    key_place TEXT,
    created_ms INTEGER NOT NULL,
    CHECK ((key_place IS NOT NULL) = ifnull(key_kind IN ('file', 'command'), 0))
  ) STRICT;
  CREATE UNIQUE INDEX storage_groups_default ON storage_groups (is_default) WHERE is_default = 1;

  INSERT INTO storage_groups (id, name, kind, folder, made, is_default, density, created_ms)
    SELECT 'first', 'default', ifnull((SELECT value FROM settings WHERE key = 'store'), 'plain'), 'store',
      EXISTS (SELECT 1 FROM cartridges WHERE cleaning_uses IS NULL), 1, 'adaptive',
      ifnull((SELECT min(created_ms) FROM libraries), 0)
    WHERE EXISTS (SELECT 1 FROM libraries) OR EXISTS (SELECT 1 FROM cartridges)
      OR EXISTS (SELECT 1 FROM settings WHERE key = 'store');
  DELETE FROM settings WHERE key = 'store';

  -- A table gets a condition only when it is made.
  CREATE TABLE cartridges_of_groups (
    id TEXT PRIMARY KEY NOT NULL,
    barcode TEXT NOT NULL UNIQUE
      CHECK (length(barcode) BETWEEN 1 AND 32 AND barcode NOT GLOB '*[^A-Z0-9]*'),
    medium TEXT NOT NULL,
    worm INTEGER NOT NULL CHECK (worm IN (0, 1)),
    protected INTEGER NOT NULL CHECK (protected IN (0, 1)),
    cleaning_uses INTEGER CHECK (cleaning_uses >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    used_bytes INTEGER NOT NULL DEFAULT 0 CHECK (used_bytes >= 0),
    group_id TEXT REFERENCES storage_groups (id),
    volume_id TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    library_id TEXT, element_kind TEXT, element_index INTEGER,
    source_kind TEXT CHECK (source_kind IN ('slot', 'mail', 'drive')),
    source_index INTEGER,
    by_operator INTEGER NOT NULL DEFAULT 0 CHECK (by_operator IN (0, 1)),
    alternate_tag TEXT CHECK (length(alternate_tag) BETWEEN 1 AND 32),
    alternate_sequence INTEGER CHECK (alternate_sequence BETWEEN 0 AND 65535),
    UNIQUE (library_id, element_kind, element_index),
    FOREIGN KEY (library_id, element_kind, element_index) REFERENCES elements (library_id, kind, idx),
    CHECK ((group_id IS NULL) = (cleaning_uses IS NOT NULL)),
    CHECK ((library_id IS NULL) = (element_kind IS NULL) AND (library_id IS NULL) = (element_index IS NULL)),
    CHECK ((source_kind IS NULL) = (source_index IS NULL)),
    CHECK ((alternate_tag IS NULL) = (alternate_sequence IS NULL)),
    CHECK (library_id IS NOT NULL OR source_kind IS NULL)
  ) STRICT;
  INSERT INTO cartridges_of_groups
    SELECT id, barcode, medium, worm, protected, cleaning_uses, size_bytes, used_bytes,
      CASE WHEN cleaning_uses IS NULL THEN 'first' END, volume_id, created_ms, library_id, element_kind,
      element_index, source_kind, source_index, by_operator, alternate_tag, alternate_sequence
    FROM cartridges;
  DROP TABLE cartridges;
  ALTER TABLE cartridges_of_groups RENAME TO cartridges;
  CREATE INDEX cartridges_group ON cartridges (group_id);
  `,
  // NDMP: who may come, by which doors, and what of this machine they may back up.
  `
  CREATE TABLE ndmp_users (
    name TEXT PRIMARY KEY NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    secret BLOB NOT NULL CHECK (length(secret) BETWEEN 1 AND 255),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Folders of this machine that the DATA service reads and, unless read_only, writes.
  CREATE TABLE ndmp_roots (
    name TEXT PRIMARY KEY NOT NULL,
    path TEXT NOT NULL UNIQUE CHECK (path LIKE '/%'),
    read_only INTEGER NOT NULL CHECK (read_only IN (0, 1)),
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Addresses that image streams may be connected to, beside those of the session itself: CIDR.
  CREATE TABLE ndmp_networks (
    network TEXT PRIMARY KEY NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE ndmp_portals (
    host TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    tls INTEGER NOT NULL CHECK (tls IN (0, 1)),
    PRIMARY KEY (host, port)
  ) STRICT, WITHOUT ROWID;
  `,
];
