/// Replacing several files of another machine as one. The steps are ``Replacement``'s.
enum FarReplacement {
  /// `change INDEX PATH put|copy|remove USER GROUP MODE DIGEST SOURCE` for each file, then `replace_all ID`; the content of
  /// a file comes from a function `content_INDEX`, or from the file SOURCE of the same machine.
  static let text = #"""
    COUNT=0 FOLDERS='' ENTRIES='' SEEN=''
    change() {
      if ! resolve "$2"; then
        [ "$E_CODE" = FOLDER_MISSING ] && [ "$3" = remove ] && return 0
        give_up
      fi
      case "$NL$SEEN" in *"$NL${D%/}/$N$U"*) err SAME_FILE_TWICE "$2" "${D%/}/$N"; give_up ;; esac
      SEEN=$SEEN${D%/}/$N$U$NL
      x_i=$COUNT COUNT=$((COUNT + 1))
      [ -n "$FOLDERS" ] || FIRST=$D
      add_folder "$FOLDERS" "$D"
      FOLDERS=$A
      eval "C${x_i}_given=\$2 C${x_i}_folder=\$D C${x_i}_name=\$N C${x_i}_kind=\$3 C${x_i}_user=\$4"
      eval "C${x_i}_group=\$5 C${x_i}_mode=\$6 C${x_i}_digest=\$7 C${x_i}_content=content_\$1 C${x_i}_source=\$8"
    }
    fetch() {
      eval "G=\$C$1_given X_folder=\$C$1_folder X_name=\$C$1_name X_kind=\$C$1_kind X_user=\$C$1_user"
      eval "X_group=\$C$1_group X_mode=\$C$1_mode X_digest=\$C$1_digest X_content=\$C$1_content X_source=\$C$1_source"
    }
    # Begins a file of this folder that nobody else can read before it has its owner and mode: NAME USER GROUP MODE DIGEST
    # and what writes its content. Everything is done to the open file, whatever is put under its name meanwhile. Some are
    # open at once, as the numbers of FDS, so that each tool is started once for all of them.
    FDS='' FREE='3 4 5 9 ' NEWS=''
    begin_file() {
      m_fd=${FREE%% *}
      set -C
      { eval "command exec $m_fd>\"./\$1\""; } 2>/dev/null
      m_result=$?
      set +C
      if [ "$m_result" != 0 ]; then
        E_TEXT=$( { set -C; : >"./$1"; } 2>&1)
        E_CODE=SYSTEM E_WHAT="Making the new file beside $G"
        return 1
      fi
      FREE=${FREE#* } FDS="$FDS $m_fd" NEWS=$NEWS${PWD%/}/$1$NL
      eval "M${m_fd}_given=\$G M${m_fd}_path=\${PWD%/}/\$1 M${m_fd}_owner=\$2:\$3 M${m_fd}_mode=\$4"
      eval "M${m_fd}_digest=\$5 M${m_fd}_content=\$6"
    }
    begun() {
      eval "G=\$M$1_given m_path=\$M$1_path m_owner=\$M$1_owner m_mode=\$M$1_mode m_digest=\$M$1_digest"
      eval "m_content=\$M$1_content m_now=\${M$1_now-}"
    }
    # Nothing is written to what is not the file that was made a moment ago.
    expect_new() {
      set -- $(stat -L -c '%u %a %h %s %g' $m_ways)
      for m_fd in $FDS; do
        begun "$m_fd"
        if [ -L "$m_path" ] || [ "${1-} ${2-} ${3-} ${4-}" != "$ME 600 1 0" ]; then
          err FILE_CHANGES "$m_path" ''
          return 1
        fi
        eval "M${m_fd}_now=\$1:\$5"
        shift 5
      done
    }
    # What a shell writes by itself it tells no reason for when that fails.
    why_not_written() {
      m_said=$( { "$m_content" | cat >&"$m_fd"; } 2>&1)
      [ -n "$m_said" ] && E_TEXT=$m_said
      E_CODE=SYSTEM E_WHAT="Writing beside $G"
      [ -n "$E_TEXT" ] || err CONTENT_DAMAGED "$G" ''
    }
    fill_files() {
      for m_fd in $FDS; do
        begun "$m_fd"
        E_TEXT=$("$m_content" 2>&1 >&"$m_fd") || { why_not_written; return 1; }
      done
      m_sums=$(sha256sum $m_ways)
      for m_fd in $FDS; do
        begun "$m_fd"
        m_sum=${m_sums%%"$NL"*} m_sums=${m_sums#*"$NL"}
        [ "${m_sum%% *}" = "$m_digest" ] || { E_TEXT=''; why_not_written; return 1; }
      done
    }
    give_file() {
      E_TEXT=$(chown "$m_owner" "/proc/self/fd/$m_fd" 2>&1) && return 0
      case $E_TEXT in
        *'not permitted'*) err OWNER_NOT_ALLOWED "$m_owner, as $G needs" "$(id -un 2>/dev/null || echo "user $ME")" ;;
        *) E_CODE=SYSTEM E_WHAT="Setting the owner of $G" ;;
      esac
      return 1
    }
    own_files() {
      m_modes=' '
      for m_fd in $FDS; do
        begun "$m_fd"
        [ "$m_owner" = "$m_now" ] || give_file || return 1
        case $m_mode$m_modes in 600' '* | *" $m_mode "*) ;; *) m_modes="$m_modes$m_mode " ;; esac
      done
      for m_each in $m_modes; do
        m_these=''
        for m_fd in $FDS; do
          begun "$m_fd"
          [ "$m_mode" != "$m_each" ] || m_these="$m_these /proc/self/fd/$m_fd"
        done
        try "Setting the mode $m_each of $G" chmod "$m_each" $m_these || return 1
      done
      set -- $(stat -L -c '%u:%g %a' $m_ways)
      for m_fd in $FDS; do
        begun "$m_fd"
        if [ "${1-} ${2-}" != "$m_owner $m_mode" ]; then err MODE_NOT_KEPT "$G" "${1-} ${2-}"; return 1; fi
        shift 2
      done
    }
    # Fills the files that were begun, and gives them their owners and modes. They are not on disk before a flush of NEWS.
    finish_files() {
      [ -n "$FDS" ] || return 0
      m_ways=''
      for m_fd in $FDS; do m_ways="$m_ways /proc/self/fd/$m_fd"; done
      expect_new && fill_files && own_files
      m_result=$?
      for m_fd in $FDS; do eval "exec $m_fd>&-"; done
      FDS='' FREE='3 4 5 9 '
      return "$m_result"
    }
    make_file() {
      begin_file "$@" || return 1
      finish_files && flush "$m_path"
    }
    copy_old() { cat <&7; }
    keep_old() {
      ln "./$X_name" "./$1" 2>/dev/null && return 0
      command exec 7<"./$X_name" || { err SYSTEM "Keeping the content of $G" 'Permission denied'; return 1; }
      k_digest=$(sha256sum </proc/self/fd/7)
      set -- "$1" $(stat -L -c '%u %g %a' /proc/self/fd/7)
      make_file "$1" "$2" "$3" "$4" "${k_digest%% *}" copy_old
      k_result=$?
      exec 7<&-
      return "$k_result"
    }
    copy_source() { cat <&8; }
    # Opens what is to be copied as 8. Nothing is in its place yet, so it is what it was before the first change.
    open_source() {
      x_given=$G
      open_one "$X_source"
      x_result=$?
      G=$x_given
      if [ "$x_result" = 0 ]; then
        x_found=$(sha256sum </proc/self/fd/8)
        [ "${x_found%% *}" = "$X_digest" ] && return 0
        exec 8<&-
      fi
      [ "$x_result" = 1 ] || err SOURCE_CHANGED "$G" "$X_source"
      return 1
    }
    # Sets s_uid and s_gid to whom a new file of this folder belongs.
    own_as_new() {
      s_uid=$ME s_gid=$(stat -c %g .)
      # It gets its group from the process, or from a folder with the set-group-ID bit.
      [ -g . ] || s_gid=$(id -g)
    }
    # Looks at what is there and lists what is to be done: before anything is made, so that a failure in the middle of it is
    # cleaned up too.
    list_changes() {
      l_index=0 l_paths=''
      while [ "$l_index" -lt "$COUNT" ]; do
        fetch "$l_index"
        enter "$X_folder" || return 1
        l_new=n l_old=-
        if exists "$X_name"; then
          regular "$X_name" || return 1
          l_old=o l_paths=$l_paths${X_folder%/}/$X_name$NL
        fi
        [ "$X_kind" != remove ] || l_new=-
        case $l_new$l_old in -- ) ;; *) ENTRIES=$ENTRIES"$l_index $l_new $l_old $X_digest ${X_folder%/}/$X_name$NL" ;; esac
        l_index=$((l_index + 1))
      done
      [ -n "$l_paths" ] || return 0
      l_ifs=$IFS IFS=$NL
      l_owners=$(stat -c '%u %g' $l_paths) || { IFS=$l_ifs; err SYSTEM "Looking at $G" 'Permission denied'; return 1; }
      IFS=$l_ifs
    }
    # Calls a function with the index of each entry, whether something new comes, and whether something old is there.
    each_entry() {
      e_left=$ENTRIES
      while [ -n "$e_left" ]; do
        e_first=${e_left%%"$NL"*} e_left=${e_left#*"$NL"}
        e_number=${e_first%% *} e_first=${e_first#* }
        e_comes=${e_first%% *} e_first=${e_first#* }
        fetch "$e_number"
        enter "$X_folder" || return 1
        "$1" "$e_number" "$e_comes" "${e_first%% *}" || return 1
      done
    }
    make_new() {
      m_found=''
      if [ "$3" = o ]; then m_found=${l_owners%%"$NL"*} l_owners=${l_owners#*"$NL"}; fi
      [ "$2" = n ] || return 0
      if [ -n "$m_found" ]; then s_uid=${m_found% *} s_gid=${m_found#* }; else own_as_new; fi
      if [ -n "$X_user" ]; then user_number "$X_user" || return 1; s_uid=$O; fi
      if [ -n "$X_group" ]; then group_number "$X_group" || return 1; s_gid=$O; fi
      n_name=.reroot-ssh-$ID.$1.new
      if [ "$X_kind" = copy ]; then
        finish_files && fetch "$1" && open_source && enter "$X_folder" || return 1
        make_file "$n_name" "$s_uid" "$s_gid" "$X_mode" "$X_digest" copy_source
        n_result=$?
        exec 8<&-
        return "$n_result"
      fi
      # Which has spoken of other files meanwhile.
      [ -n "$FREE" ] || { finish_files && fetch "$1"; } || return 1
      begin_file "$n_name" "$s_uid" "$s_gid" "$X_mode" "$X_digest" "$X_content"
    }
    keep_each() { [ "$3" = - ] || keep_old ".reroot-ssh-$ID.$1.old"; }
    # Writes a file of this folder so that it is there completely or not at all: NAME TEXT and what is to be on disk before.
    note() {
      n_name=$1 n_text=$2
      shift 2
      set -C
      printf '%s\n' "$n_text" 2>/dev/null >"./$n_name.tmp"
      n_result=$?
      set +C
      if [ "$n_result" != 0 ]; then
        E_TEXT=$( { printf '%s\n' "$n_text" | cat >"./$n_name.tmp"; } 2>&1)
        E_CODE=SYSTEM E_WHAT="Writing $PWD/$n_name"
        return 1
      fi
      flush "./$n_name.tmp" "$@"
      try "Writing $PWD/$n_name" mv -f "./$n_name.tmp" "./$n_name" || return 1
      flush .
    }
    # The journal comes last, once everything that it speaks of is on disk.
    announce() {
      enter "$FIRST" || return 1
      a_inode='' a_ifs=$IFS IFS=$NL
      for a_folder in $USED; do
        IFS=$a_ifs
        [ "$a_folder" != "$FIRST" ] || continue
        [ -n "$a_inode" ] || a_inode=$(stat -c %i .)
        enter "$a_folder" && note ".reroot-ssh-$ID.pointer" "reroot-ssh 1$NL$a_inode$NL$FIRST" || return 1
        enter "$FIRST" || return 1
      done
      IFS=$NL
      note ".reroot-ssh-$ID.journal" "reroot-ssh 1$NL${ENTRIES}end" $NEWS $USED
      a_result=$?
      IFS=$a_ifs
      return "$a_result"
    }
    put_in_place() {
      b_rest=$ENTRIES
      while [ -n "$b_rest" ]; do
        b_line=${b_rest%%"$NL"*} b_rest=${b_rest#*"$NL"}
        b_index=${b_line%% *}
        fetch "$b_index"
        enter "$X_folder" || return 1
        if [ "$X_kind" = remove ]; then
          try "Removing $G" rm -f "./$X_name" || return 1
          continue
        fi
        [ ! -d "./$X_name" ] || { err SYSTEM "Replacing $G" 'Is a directory'; return 1; }
        try "Replacing $G" mv -f "./.reroot-ssh-$ID.$b_index.new" "./$X_name" || return 1
      done
      b_ifs=$IFS IFS=$NL
      flush $USED
      IFS=$b_ifs
    }
    # What comes back after a power cut, without a journal, is removed by who looks next: it is not waited for the disk.
    clean() {
      c_ifs=$IFS IFS=$NL
      for c_folder in $USED; do
        IFS=$c_ifs
        remove_traces "$c_folder" "$ID" 2>/dev/null
      done
      IFS=$c_ifs
    }
    work() {
      list_changes || return 1
      [ -n "$ENTRIES" ] || return 0
      each_entry make_new && finish_files && each_entry keep_each || return 1
      USED=''
      w_ifs=$IFS IFS=$NL
      for w_folder in $(folders_of "$ENTRIES"); do
        add_folder "$USED" "$w_folder"
        USED=$A
      done
      IFS=$w_ifs
      announce && put_in_place && enter "$FIRST" || return 1
      try "Removing the journal in $FIRST" rm -f "./.reroot-ssh-$ID.journal" || return 1
      flush .
    }
    take_back() {
      w_code=$E_CODE w_what=$E_WHAT w_text=$E_TEXT
      USED=$( { folders_of "$ENTRIES"; printf '%s\n' "$FIRST"; } | sort -u)
      w_turned=''
      w_rest=$ENTRIES
      while [ -n "$w_rest" ]; do w_turned=${w_rest%%"$NL"*}$NL$w_turned w_rest=${w_rest#*"$NL"}; done
      if undo "$w_turned" "$ID" && enter "$FIRST" && try "Removing the journal" rm -f "./.reroot-ssh-$ID.journal"; then
        flush .
        clean
        E_CODE=$w_code E_WHAT=$w_what E_TEXT=$w_text
        return 0
      fi
      say "halfway$U$E_CODE$U$E_WHAT$U$(printf %s "$E_TEXT" | tr '\n' ' ')$U$ID"
      E_CODE=$w_code E_WHAT=$w_what E_TEXT=$w_text
    }
    # What the shell does not print itself would be an argument of another program.
    need_for_changes() {
      need stat readlink sha256sum base64 ln mv rm mkdir rmdir sort sync chown chmod cat tr sleep
      case $(command -v printf) in printf) ;; *) err TOOL_MISSING printf ''; give_up ;; esac
    }
    replace_all() {
      ID=$1
      [ "$COUNT" -gt 0 ] || return 0
      need_for_changes
      trap '' PIPE HUP INT TERM
      trap unlock_all EXIT
      lock_related "$FOLDERS" || give_up
      go
      recover_locked || give_up
      if work; then clean; return 0; fi
      take_back
      give_up
    }
    """#
}
