#!/bin/bash
# A cartridge that NDMP wrote, read through st by GNU tar; and one that GNU tar writes for NDMP to restore.
# NDMP_TAPE: barcode of the first, with one image in records of 126 blocks; NDMP_SUM: what `ndmp-tar.sh --sum` says of the
# tree in it; TAR_TAPE: barcode of the second.
tree_sum() ( # DIR: one digest of names, modes, times and contents
    cd "$1" && {
        find . ! -type l -printf '%y %m %Ts %p\n' | LC_ALL=C sort
        find . -type l -printf '%l %p\n' | LC_ALL=C sort
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum | cut -c 1-32
)
if [ "${1:-}" = --sum ]; then tree_sum "$2"; exit; fi
. "$(dirname "$0")/lib.sh"
open_library
tape=${tapes[0]}
t() { timeout "$LIMIT" mt -f "$tape" "$@" 2>&1; }
records() { dd if="$tape" of=/dev/null bs=64512 2>&1 | sed -n 's/^\([0-9]*\)+0 records in$/\1/p'; }

check 'load what NDMP wrote' load "$(slot_of "$NDMP_TAPE")" 0 || { finish; exit 1; }
t setblk 0
t rewind
first=$(records)
check 'all records have the size that the mover was told' test "${first:-0}" -gt 4
t rewind
mkdir "$work/tree"
check 'GNU tar extracts it' tar -b 126 -xpf "$tape" -C "$work/tree"
same 'names, modes, times and contents' "$NDMP_SUM" "$(tree_sum "$work/tree")"
t rewind
t fsf 1
check 'behind it there is another filemark, and the end' test "$(dd if="$tape" bs=64512 status=none | wc -c)" = 0
check 'unload it' empty_drives

check 'load the other' load "$(slot_of "$TAR_TAPE")" 0 || { finish; exit 1; }
t setblk 0
t rewind
check 'GNU tar writes for NDMP' tar -b 126 -cf "$tape" -C "$work/tree" .
check 'unload the other' empty_drives
finish
