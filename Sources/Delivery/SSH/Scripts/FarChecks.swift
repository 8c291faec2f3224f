/// Trying, on another machine, whether a file could be replaced. The rules are ``WritableCheck``'s.
enum FarChecks {
  /// `check_writable PATH ID`: makes, fills and removes a file beside it.
  static let text = #"""
    check_replaceable() {
      set -- $(stat -c '%u %d' "./$N") $(stat -c '%u %d' .)
      if [ -k . ] && [ "$ME" != 0 ] && [ "$1" != "$ME" ] && [ "$3" != "$ME" ]; then
        err SYSTEM "Replacing $G" 'Operation not permitted'
        return 1
      fi
      [ "$2" = "$4" ] || { err SYSTEM "Replacing $G" 'Device or resource busy'; return 1; }
      h_flags=$(lsattr -d "./$N" 2>/dev/null) || return 0
      case ${h_flags%% *} in *[ia]*) err IMMUTABLE "$G" "${D%/}/$N"; return 1 ;; esac
    }
    check_writable() {
      need stat readlink dd rm sync
      resolve "$1" || give_up
      enter "$D" || give_up
      if exists "$N"; then
        regular "$N" || give_up
        check_replaceable || give_up
      fi
      h_probe=.reroot-ssh-$2.probe
      trap 'rm -f "./$h_probe"' EXIT
      E_TEXT=$( { set -C; : >"./$h_probe"; } 2>&1) || {
        E_CODE=SYSTEM E_WHAT="Making a file in the folder $D"
        give_up
      }
      # As much as a chain, a key and a bundle take.
      E_TEXT=$(dd if=/dev/zero of="./$h_probe" bs=65536 count=1 conv=notrunc 2>&1) || {
        E_CODE=SYSTEM E_WHAT="Writing in $D"
        give_up
      }
      sync "./$h_probe" 2>/dev/null || sync
    }
    """#
}
