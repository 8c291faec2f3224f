/// Undoing, on another machine, what a crash or a power cut left half done there. The rules are ``CrashRecovery``'s.
enum FarRecovery {
  /// `recover_folders FOLDERS` puts right the folders of a list and everything that was cut short together with them; they
  /// are locked afterwards, and LOCKED holds them.
  static let text = #"""
    flush() { sync "$@" 2>/dev/null || sync; }
    digest() {
      [ -f "./$1" ] && [ ! -L "./$1" ] || return 1
      d_size=$(stat -c %s "./$1") && [ "$d_size" -le 1048576 ] || return 1
      H=$(sha256sum <"./$1") || return 1
      H=${H%% *}
    }
    # Only this user can have written it: whoever owns the folder could put one there that leads to any file.
    trusted() {
      [ -f "./$1" ] && [ ! -L "./$1" ] && [ "$(stat -c '%u %a %h' "./$1")" = "$ME 600 1" ] && return 0
      err RECOVERY_NOT_TRUSTED "$PWD/$1" ''
    }
    # Adds to TRACES the numbers of the replacements of which there is a trace in this folder.
    traces() {
      set +f
      for t_name in .reroot-ssh-????????????????.*; do
        t_id=${t_name#.reroot-ssh-}
        t_id=${t_id%%.*}
        case $t_id in *[!0-9a-f]*) continue ;; esac
        case "$NL$TRACES" in *"$NL$t_id$NL"*) ;; *) TRACES=$TRACES$t_id$NL ;; esac
      done
      set -f
    }
    # Adds the folder to a list of them, one to a line, unless it is there.
    add_folder() {
      case "$NL$1$NL" in *"$NL$2$NL"*) A=$1 ;; *) A=$1${1:+$NL}$2 ;; esac
    }
    # Sets J to the entries of a journal in this folder; J is empty when there is none.
    read_journal() {
      J='' j_name=.reroot-ssh-$1.journal j_end=''
      exists "$j_name" || return 0
      trusted "$j_name" || return 1
      {
        IFS= read -r j_line
        [ "$j_line" = 'reroot-ssh 1' ] || { err RECOVERY_IMPOSSIBLE "$PWD/$j_name" ''; return 1; }
        while IFS= read -r j_line; do
          case $j_line in end) j_end=yes ;; [0-9]*' /'*) J=$j_line$NL$J ;; esac
        done
      } <"./$j_name"
      [ -n "$j_end" ] || err RECOVERY_IMPOSSIBLE "$PWD/$j_name" ''
    }
    # Sets W to the folder of the journal that a pointer in this folder names; it is empty when there is none.
    read_pointer() {
      W='' w_name=.reroot-ssh-$1.pointer w_place=$PWD
      exists "$w_name" || return 0
      trusted "$w_name" || return 1
      { IFS= read -r w_line; IFS= read -r w_inode; IFS= read -r W; } <"./$w_name"
      case $w_line:$W in 'reroot-ssh 1:/'*) ;; *) err RECOVERY_IMPOSSIBLE "$PWD/$w_name" ''; return 1 ;; esac
      enter "$W" && [ "$(stat -c %i .)" = "$w_inode" ] && { enter "$w_place"; return; }
      err RECOVERY_UNREACHABLE "$w_place" "$W"
    }
    folders_of() {
      o_rest=$1
      while [ -n "$o_rest" ]; do
        o_line=${o_rest%%"$NL"*} o_rest=${o_rest#*"$NL"}
        o_path=/${o_line#*/}
        o_path=${o_path%/*}
        printf '%s\n' "${o_path:-/}"
      done
    }
    # Whether the replacement has been here: its content stands under the name, or nothing where it was to go away.
    is_new() {
      if ! exists "$1"; then [ "$2" = - ]; return; fi
      [ "$2" != - ] && digest "$1" && [ "$H" = "$2" ]
    }
    undo_entry() {
      e_rest=$1 e_id=$2
      e_index=${e_rest%% *} e_rest=${e_rest#* }
      e_new=${e_rest%% *} e_rest=${e_rest#* }
      e_old=${e_rest%% *} e_rest=${e_rest#* }
      e_digest=${e_rest%% *} e_path=${e_rest#* }
      e_folder=${e_path%/*} e_name=${e_path##*/}
      enter "${e_folder:-/}" || return 1
      if [ "$e_old" = - ]; then
        exists "$e_name" || return 0
        if is_new "$e_name" "$e_digest"; then try "Removing $e_path" rm -f "./$e_name"; return; fi
        LEFT=$LEFT$e_path$U
        return 0
      fi
      e_kept=.reroot-ssh-$e_id.$e_index.old
      exists "$e_kept" || return 0
      if exists "$e_name" && [ "$(stat -c %d:%i "./$e_name")" = "$(stat -c %d:%i "./$e_kept")" ]; then return 0; fi
      if is_new "$e_name" "$e_digest"; then
        try "Putting back $e_path" mv -f "./$e_kept" "./$e_name"
        return
      fi
      if digest "$e_name"; then
        e_now=$H
        digest "$e_kept" && [ "$H" = "$e_now" ] && return 0
      fi
      LEFT=$LEFT$e_path$U
    }
    # Puts back what the entries say, the last first, and flushes their folders.
    undo() {
      n_rest=$1 LEFT='' PATHS=''
      while [ -n "$n_rest" ]; do
        n_line=${n_rest%%"$NL"*} n_rest=${n_rest#*"$NL"}
        undo_entry "$n_line" "$2" || return 1
        PATHS="/${n_line#*/}${PATHS:+, $PATHS}"
      done
      n_ifs=$IFS IFS=$NL
      for n_folder in $(folders_of "$1" | sort -u); do flush "$n_folder"; done
      IFS=$n_ifs
    }
    remove_traces() {
      enter "$1" || return 1
      set +f
      rm -f ./.reroot-ssh-"$2".*.new ./.reroot-ssh-"$2".*.old ./.reroot-ssh-"$2".probe ./.reroot-ssh-"$2".*.tmp \
        ./.reroot-ssh-"$2".pointer
      set -f
    }
    # Locks the folders and those of replacements that were cut short in one of them; begins again where there are more, so
    # that everybody locks in the same order.
    lock_related() {
      LOCKED=$1
      while :; do
        lock_all "$LOCKED" || return 1
        m_more=$LOCKED m_ifs=$IFS IFS=$NL
        for m_folder in $LOCKED; do
          IFS=$m_ifs
          enter "$m_folder" || return 1
          TRACES=''
          traces
          for m_id in $TRACES; do
            read_journal "$m_id" || return 1
            [ -z "$J" ] || m_more=$m_more$NL$(folders_of "$J")
            read_pointer "$m_id" || return 1
            [ -n "$W" ] || continue
            m_more=$m_more$NL$W
            enter "$W" && read_journal "$m_id" && enter "$m_folder" || return 1
            [ -z "$J" ] || m_more=$m_more$NL$(folders_of "$J")
          done
        done
        IFS=$m_ifs
        [ "$m_more" != "$LOCKED" ] || return 0
        m_more=$(printf '%s\n' "$m_more" | sort -u)
        [ "$m_more" = "$(printf '%s\n' "$LOCKED" | sort -u)" ] && return 0
        unlock_all
        LOCKED=$m_more
      done
    }
    recover_locked() {
      v_ifs=$IFS IFS=$NL TRACES=''
      for v_folder in $LOCKED; do
        IFS=$v_ifs
        enter "$v_folder" && traces
      done
      IFS=$v_ifs
      for v_id in $TRACES; do
        v_ifs=$IFS IFS=$NL
        for v_folder in $LOCKED; do
          IFS=$v_ifs
          enter "$v_folder" && read_journal "$v_id" || return 1
          [ -n "$J" ] || continue
          undo "$J" "$v_id" && enter "$v_folder" || return 1
          try "Removing the journal in $v_folder" rm -f "./.reroot-ssh-$v_id.journal" || return 1
          flush .
          say "recovered$U$PATHS$U$LEFT"
        done
        IFS=$NL
        for v_folder in $LOCKED; do
          IFS=$v_ifs
          remove_traces "$v_folder" "$v_id" || return 1
          flush .
        done
        IFS=$v_ifs
      done
    }
    """#

  /// `recover_paths PATH…`: looks without a lock first, so that a mere look waits for nobody.
  static let paths = #"""
    recover_paths() {
      need stat readlink sha256sum ln mv rm mkdir rmdir sort sync sleep
      p_folders='' p_found=''
      for p_path in "$@"; do
        resolve "$p_path" || { [ "$E_CODE" = FOLDER_MISSING ] && continue; give_up; }
        enter "$D" || give_up
        add_folder "$p_folders" "$D"
        p_folders=$A
        # A lock is one whose script may be in the middle, or has died there: its end is waited for.
        TRACES=''
        traces
        if [ -L .reroot-ssh.lock ] || [ -n "$TRACES" ]; then p_found=yes; fi
      done
      [ -n "$p_found" ] || return 0
      trap '' PIPE HUP INT TERM
      trap unlock_all EXIT
      lock_related "$p_folders" || give_up
      go
      recover_locked || give_up
    }
    """#
}
