/**
 * Every size, count and timeout, with its reason, and the relations between them asserted when the module loads (E2).
 * Bytes unless the name says otherwise.
 */
import { strict as assert } from 'node:assert';

const KiB = 1024;
const MiB = 1024 * KiB;

/** READ BLOCK LIMITS has 24 bits; LTO-9 allows 8 MiB, older manuals FFFFFFh. Backup programs use up to 4 MiB. */
export const recordBytesMax = 16 * MiB - 1;
/** One block of the memory in which commands gather data: a common record, and a whole first burst. */
export const slabBlockBytes = 256 * KiB;
/** Memory for data in flight of all sessions together. */
export const slabBlocksMax = 512;
assert(slabBlockBytes * slabBlocksMax >= 4 * (recordBytesMax + 1), 'four drives hold a largest record each');

/** Largest parameter list we read or write for a command other than data of a medium. */
export const parameterListBytesMax = 64 * KiB;
assert(parameterListBytesMax <= slabBlockBytes);
/** WRITE BUFFER and READ BUFFER: the echo buffer's length has 13 bits (SPC-5 6.20). */
export const dataBufferBytes = 64 * KiB;
export const echoBufferBytes = 4 * KiB;
export const echoBuffersMax = 64;
assert(dataBufferBytes <= parameterListBytesMax, 'one WRITE BUFFER fills the buffer');
/** Identifying information (SPC-5 6.31): what the standard demands at least. */
export const identifyingInformationBytesMax = 512;
export const identifyingTextBytesMax = 256;
/** Results that the Self-Test Results log page keeps (SPC-5 7.3). */
export const selfTestResultsMax = 20;

/** MaxRecvDataSegmentLength we declare: one slab block, so a segment never straddles two. */
export const dataSegmentBytesMax = slabBlockBytes;
/** A data segment that long is read from the socket by itself, to where it stays: a call more costs less than copying it. */
export const longSegmentBytes = 64 * KiB;
/** FirstBurstLength we want: a common record arrives with its command, and lands in one block. */
export const firstBurstBytesMax = slabBlockBytes;
/** R2Ts that one command may have outstanding: enough to keep a fast link busy while a burst is answered. */
export const outstandingR2TMax = 8;
/** Memory that gathers the data-out of one command ahead of its execution: a largest record at any alignment. */
export const gatherBytesMax = recordBytesMax + 1 + slabBlockBytes;
assert(gatherBytesMax % slabBlockBytes === 0, 'a ring of whole blocks');
/** Share of the pool that the commands of one session may hold, so that one initiator does not starve the others. */
export const gatherShareOfSession = 0.5;
assert(gatherBytesMax <= slabBlockBytes * slabBlocksMax * gatherShareOfSession);
/** PDUs of one burst that may arrive as separate islands, where data may come in any order. */
export const burstRangesMax = 1024;
/** Free blocks below which command windows stop growing. */
export const slabBlocksLow = 64;

/** Largest data segment of a login or text PDU (RFC 7143 6.1: 8192 until negotiated). */
export const textSegmentBytesMax = 8 * KiB;
/** Text of one negotiation sequence put together from C-bit parts. */
export const textSequenceBytesMax = 64 * KiB;
/** Keys in one login; LIO's CVE-2026-63887 came from thousands. */
export const loginKeysMax = 128;
/** Login request and response pairs before we give up. */
export const loginRoundsMax = 32;
export const loginTimeoutMs = 15_000;
/** RFC 7143 12.1.3: CHAP challenges up to 1024 bytes, secrets of at least 96 bits. */
export const chapChallengeBytesMax = 1024;
export const chapSecretBytesMin = 12;
/** Address that a redirected login may name, and target names: RFC 7143 4.2.7.1. */
export const targetNameBytesMax = 223;
/** The same for initiators, as registrations keep them (SPC-5 7.6.4.6). */
export const initiatorNameBytesMax = targetNameBytesMax;
/** RFC 7143 6.1: key names up to 63 bytes, values up to 255 unless a key says otherwise (8192 for lists of binary values). */
export const keyNameBytesMax = 63;
export const keyValueBytesMax = 255;
export const keyLargeValueBytesMax = 8 * KiB;

/** Commands a session may have outstanding: our CmdSN window. */
export const commandWindowMax = 128;
export const immediateCommandsMax = 64;
/** Pings of a connection whose data is kept for the answer: a block each, even of a few bytes, until the peer takes it. */
export const pingsHeldMax = 8;
/** Commands of a session that run at once when memory is short. */
export const commandWindowLow = 8;
export const sessionsMax = 1024;
export const sessionsOfTargetMax = 256;
/** Discovery sessions, which may need no authentication: beyond it the oldest goes, so that they keep nobody out. */
export const discoverySessionsMax = 64;
assert(discoverySessionsMax < sessionsMax);
/** Sockets that have not finished their login; beyond it one of the address that has most of them goes. */
export const loginsPendingMax = 256;
export const connectionsMax = 2048;
/** Silence after which we ping, and the time a ping may take. */
export const keepaliveIdleMs = 30_000;
export const keepaliveAnswerMs = 15_000;
assert(keepaliveIdleMs % keepaliveAnswerMs === 0, 'both are counted in ticks of the answer time');
/** A peer that neither sends the data it was asked for nor reads what it is sent, for so long, is dropped. */
export const stalledPeerMs = 60_000;
assert(stalledPeerMs % keepaliveAnswerMs === 0);
/**
 * Before tasks are aborted we wait for data under way to them (RFC 7143 4.2.3.3), but no longer: Linux sends none for a
 * task that it aborts, and gives up on the abort itself after 15 s.
 */
export const abortDataWaitMs = 1_000;
/** Bytes that may wait for a peer that does not read, before we stop executing its commands. */
export const outboxBytesMax = 4 * MiB;

/** Nexuses a logical unit remembers, and unit attentions that each may have pending. */
export const unitAttentionsMax = 16;
export const registrationsMax = 256;
/** Ranges of elements that one nexus may keep reserved: every motion looks at all of them. */
export const elementRangesMax = 256;

export const slotsMax = 10_000;
export const drivesMax = 256;
export const mailSlotsMax = 256;
export const partitionsMax = 4;

/** TCP asks a silent peer whether it is there after so long; without an answer it is lost some ten seconds later. */
export const tcpKeepaliveIdleMs = 30_000;
/** TLS: a peer that has not shown a handshake by then is dropped, and no more sockets than that wait or talk at a time. */
export const tlsHandshakeTimeoutMs = 15_000;
export const tlsConnectionsMax = 256;

/** SIGTERM: initiators get this long to log out, then connections are closed. All of it ends within 10 s. */
export const logoutGraceMs = 3_000;

/** NDMP: a TAPE_WRITE of a largest record, with room for its header and length. */
export const ndmpMessageBytesMax = recordBytesMax + 1 + 64 * KiB;
/** The same before a client has shown who it is: names, passwords, challenges. */
export const ndmpStrangerMessageBytesMax = 16 * KiB;
/** Messages of all connections together, while they come and are handled: each drive may get a largest record. */
export const ndmpMessagesBytesMax = 16 * ndmpMessageBytesMax;
/** A longer message is let pass and refused by its header; beyond this it is no NDMP at all, and the connection is lost. */
export const ndmpMessageIgnoredBytesMax = 64 * MiB;
assert(ndmpMessageIgnoredBytesMax > ndmpMessageBytesMax);
/**
 * What may come of a connection while its request is handled, in bytes and in pieces; then its link is paused. Who is paused is
 * not seen to leave, and a client that asks how it goes while a tape winds must be.
 */
export const ndmpWaitingBytesMax = 64 * KiB;
export const ndmpWaitingChunksMax = 64;
/** Names of users, devices, types and variables. */
export const ndmpTextBytesMax = 4 * KiB;
/** Paths, values of variables (lists of excluded names), log entries. Linux opens paths of 4096 bytes; deeper trees exist. */
export const ndmpPathBytesMax = 64 * KiB;
/** Variables of one backup or recovery: EXCLUDE and FILES repeat. */
export const ndmpVariablesMax = 4096;
/** Names that one recovery asks for. Some 600 bytes of ours for each. */
export const ndmpNamesMax = 65_536;
/** Entries of one file history message, and names and states of one entry. */
export const ndmpHistoryEntriesMax = 4096;
export const ndmpNamesOfEntryMax = 16;
/** Addresses in one LISTEN reply or CONNECT request, and variables of one address. */
export const ndmpEndpointsMax = 64;
export const ndmpEndpointVariablesMax = 64;
/** Rows of one CONFIG reply; extension classes, and versions of one. */
export const ndmpConfigRowsMax = 4096;
export const ndmpExtensionsMax = 64;
/** CDBs have up to 260 bytes (SPC-5 4.2.3), sense data up to 252. */
export const ndmpCdbBytesMax = 260;
export const ndmpSenseBytesMax = 252;
/** Control connections: each DMA has two or three for every job. */
export const ndmpSessionsMax = 512;
/** Of them, those that have not authorized themselves; beyond it one of the address that has most of them goes. */
export const ndmpStrangersMax = 64;
assert(ndmpStrangersMax < ndmpSessionsMax);
/** Failed attempts to authenticate of one connection. */
export const ndmpLoginAttemptsMax = 5;
/** Connections are looked after so often. */
export const ndmpTickMs = 15_000;
/** Silence before a client has shown who it is; a person who types a password into a program needs less. */
export const ndmpAuthorizeTimeoutMs = 60_000;
/** The rest of a message that has begun comes at once, or the peer is broken. */
export const ndmpStalledMessageMs = 60_000;
/** A DMA that waits for its operator or its catalog reads nothing for minutes; one that is gone is noticed by TCP. */
export const ndmpStalledReaderMs = 15 * 60_000;
assert(
  [ndmpAuthorizeTimeoutMs, ndmpStalledMessageMs, ndmpStalledReaderMs].every((ms) => ms % ndmpTickMs === 0),
);
/** Bytes that may wait for a peer that does not read, before its requests wait and posts are asked to. */
export const ndmpOutboxBytesMax = 4 * MiB;
/** Posts that wait for the reply of the request that is being handled. */
export const ndmpHeldPostsBytesMax = 256 * KiB;
/** Filemarks of one TAPE_MTIO: what WRITE FILEMARKS can say. */
export const ndmpFilemarksMax = 0xff_ffff;
/** CDBs get at least so long: some clients give seconds where milliseconds are meant. */
export const ndmpCdbTimeoutMsMin = 1_000;
/** A peer that does not close its side of a connection that we have ended does not keep ours. */
export const ndmpFinishTimeoutMs = ndmpTickMs;

/** Records of an NDMP mover. Backup programs use up to 1 MiB; one record of ours lies in the pool as a whole. */
export const moverRecordBytesMax = 4 * MiB;
assert(moverRecordBytesMax <= recordBytesMax);
/**
 * Memory for records of all movers, apart from that of iSCSI commands: a mover that is paused, perhaps for a person to bring a
 * tape, keeps what it holds. Taken as it is needed.
 */
export const moverBlocksMax = 2048;
assert(
  2 * moverRecordBytesMax <= slabBlockBytes * moverBlocksMax,
  'a record is written while the next one comes',
);
/** Until the client says otherwise (20 blocks of 512, as tar has it). */
export const moverRecordBytesDefault = 10_240;
/** What one mover holds of an image on its way to tape, beyond a record: enough that a drive at work does not stop the stream. */
export const moverHeldBytesMax = 2 * MiB;
assert(
  moverBlocksMax * slabBlockBytes >= drivesMax * moverHeldBytesMax,
  'each drive of a library may have its mover',
);
/** What it has written to the image stream and the peer has not taken: memory of the drive's cache that stays pinned. */
export const moverUnsentBytesMax = 2 * MiB;
assert(moverUnsentBytesMax >= 2 * slabBlockBytes);
/** Time that a connection for an image stream may take: a filer that is there answers within a second or two. */
export const imageConnectMs = 20_000;
/**
 * A stream that is closing, and whose peer takes nothing for so long, is cut: what it has not taken yet is lost to a recovery, so
 * a filer that is busy gets its time.
 */
export const imageLingerMs = 300_000;
/** Image streams of all sessions that linger so: as many as there are movers at work. Each keeps a socket and some memory. */
export const imageLingersMax = drivesMax;

/** NDMP backups: levels as ONTAP has them; patterns of what is left out, each of which is tried on every name. */
export const ndmpLevelMax = 31;
export const ndmpExcludesMax = 1024;
/** Stamps of files come from a clock that is a tick behind; a level begins so much before the backup that it is based on. */
export const ndmpClockMarginS = 1;
/** File history goes out in messages of so many entries or bytes of names; clients take it in one piece. */
export const ndmpHistoryBatchEntries = 256;
export const ndmpHistoryBatchBytes = 32 * KiB;
assert(
  ndmpHistoryBatchEntries + 1 <= ndmpHistoryEntriesMax,
  'the tree itself has two entries in its directory',
);
/** What a tape side may take to close an image stream after us. */
export const ndmpStreamCloseMs = 5_000;
/** Bytes of an image that wait for the tree engine before the stream is paused: a few of its reads ahead. */
export const ndmpImageHeldBytesMax = 2 * MiB;
/** Dates of backups that are remembered, and of those the tokens of one tree. */
export const ndmpDumpDatesMax = 4096;
export const ndmpDumpTokensMax = 64;
/** Their header: a path in hexadecimal, and little more. */
export const ndmpDumpHeaderBytesMax = 4 * ndmpPathBytesMax;

/** One piece of an image between a thread that makes or takes it and the socket: large enough that hand-overs cost nothing. */
export const treeChunkBytes = 256 * KiB;
/** Pieces of one job under way: what a slow moment of one side takes to stop the other. */
export const treeChunksMax = 16;
/** A batch of history and log lines, and batches that may wait for a client that does not read. */
export const treeEventBytes = 128 * KiB;
export const treeEventBatchesMax = 8;
/** Paths in a tree: many times what a system call takes, because nothing is ever opened by its whole path. */
export const treePathBytesMax = 64 * KiB;
/** Names of one folder that are read before some of them are backed up: a folder may hold millions. */
export const treeNamesBytes = 4 * MiB;
/** Folders that are open at a time while a deep tree is walked. Above it they are found again by their `..`. */
export const treeFoldersOpenMax = 64;
/**
 * Memory for files with several names, about: what a backup cannot remember comes as a file of its own for each name. Well below
 * `treeThreadHeapMiB`, because a thread without memory ends its job.
 */
export const treeLinksBytes = 512 * MiB;
/** Of each of them, beside its paths. */
export const treeLinkBytes = 320;
/** Folders that a base of incrementals remembers, 8 bytes each. */
export const treeFoldersKnownMax = 4 * MiB;
/** What a recovery keeps of directories until all is in them: paths and attributes. An image that wants more is a bomb. */
export const treeHeldBytesMax = 512 * MiB;
/** Records that are for all members that follow. */
export const treeGlobalPaxBytesMax = MiB;
/** Extended header of one member that we read: GNU tar's maps of sparse files and lists of names are the large ones. */
export const treePaxBytesMax = 16 * MiB;
/** Pieces of data of one sparse file; holes between further ones are saved as zeros, and an image that has more is refused. */
export const treeExtentsMax = 256 * KiB;
/** Extended attributes of one file: what Linux lets a list and a value have (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
export const treeXattrBytesMax = 64 * KiB;
/** Patterns, and length of one, that a request may name. */
export const treePatternsMax = 1024;
export const treePatternBytesMax = 4 * KiB;
/** An aborted job whose thread hangs in a system call (a dead server) is given up after that. */
export const treeAbortGraceMs = 5_000;
/** Memory for objects of a job's thread, in MiB: names, links and lists above are what it holds. */
export const treeThreadHeapMiB = 1024;
/** Inode numbers of a dump: it has two maps with a bit for each, and they are held in memory and written. */
export const treeDumpInodeMax = 2 ** 28;
/** Names of one tree that a dump holds in memory, about 150 bytes each. */
export const treeDumpNamesMax = 4 * MiB;
