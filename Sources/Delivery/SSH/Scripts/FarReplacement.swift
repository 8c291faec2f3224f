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
      FOLDERS=$FOLDERS${FOLDERS:+$NL}$D
      eval "C${x_i}_given=\$2 C${x_i}_folder=\$D C${x_i}_name=\$N C${x_i}_kind=\$3 C${x_i}_user=\$4"
      eval "C${x_i}_group=\$5 C${x_i}_mode=\$6 C${x_i}_digest=\$7 C${x_i}_content=content_\$1 C${x_i}_source=\$8"
    }
    fetch() {
      eval "G=\$C$1_given X_folder=\$C$1_folder X_name=\$C$1_name X_kind=\$C$1_kind X_user=\$C$1_user"
      eval "X_group=\$C$1_group X_mode=\$C$1_mode X_digest=\$C$1_digest X_content=\$C$1_content X_source=\$C$1_source"
    }
    # Makes a file of this folder that nobody else can read before it has its owner and mode: NAME USER GROUP MODE DIGEST
    # and what writes its content. Everything is done to the open file, whatever is put under its name meanwhile.
    make_file() {
      m_name=$1 m_user=$2 m_group=$3 m_mode=$4 m_digest=$5 m_content=$6
      E_TEXT=$( { set -C; : >"./$m_name"; } 2>&1) || {
        E_CODE=SYSTEM E_WHAT="Making the new file beside $G"
        return 1
      }
      command exec 9<>"./$m_name" || { err SYSTEM "Making the new file beside $G" 'Permission denied'; return 1; }
      if [ -L "./$m_name" ] || [ "$(stat -L -c '%u %a %h %s' /proc/self/fd/9)" != "$ME 600 1 0" ]; then
        exec 9>&-
        err FILE_CHANGES "$PWD/$m_name" ''
        return 1
      fi
      fill_file
      m_result=$?
      exec 9>&-
      return "$m_result"
    }
    fill_file() {
      E_CODE=SYSTEM E_WHAT="Writing beside $G"
      E_TEXT=$("$m_content" 2>&1 >&9) || return 1
      m_found=$(sha256sum </proc/self/fd/9)
      [ "${m_found%% *}" = "$m_digest" ] || { err CONTENT_DAMAGED "$G" ''; return 1; }
      m_now=$(stat -L -c '%u:%g' /proc/self/fd/9)
      if [ "$m_user:$m_group" != "$m_now" ]; then
        E_TEXT=$(chown "$m_user:$m_group" /proc/self/fd/9 2>&1) || {
          case $E_TEXT in
            *'not permitted'*) err OWNER_NOT_ALLOWED "$m_user:$m_group, as $G needs" "$(id -un 2>/dev/null || echo "user $ME")" ;;
            *) E_CODE=SYSTEM E_WHAT="Setting the owner of $G" ;;
          esac
          return 1
        }
      fi
      try "Setting the mode $m_mode of $G" chmod "$m_mode" /proc/self/fd/9 || return 1
      flush "./$m_name"
      m_now=$(stat -L -c '%u:%g %a' /proc/self/fd/9)
      [ "$m_now" = "$m_user:$m_group $m_mode" ] || err MODE_NOT_KEPT "$G" "$m_now"
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
      open_file "$X_source"
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
    make_new() {
      if [ "$X_kind" = copy ]; then
        open_source || return 1
        X_content=copy_source
        enter "$X_folder" || return 1
      fi
      make_file "$1" "$s_uid" "$s_gid" "$X_mode" "$X_digest" "$X_content"
      n_result=$?
      [ "$X_kind" = put ] || exec 8<&-
      return "$n_result"
    }
    stage() {
      s_index=$1
      fetch "$s_index"
      enter "$X_folder" || return 1
      s_new=- s_old=- s_found=''
      if exists "$X_name"; then regular "$X_name" || return 1; s_old=o s_found=$(stat -c '%u %g' "./$X_name"); fi
      if [ "$X_kind" = remove ] && [ "$s_old" = - ]; then return 0; fi
      own_as_new
      if [ -n "$s_found" ]; then s_uid=${s_found% *} s_gid=${s_found#* }; fi
      if [ -n "$X_user" ]; then user_number "$X_user" || return 1; s_uid=$O; fi
      if [ -n "$X_group" ]; then group_number "$X_group" || return 1; s_gid=$O; fi
      [ "$X_kind" = remove ] || s_new=n
      # Listed before it is made, so that a failure in the middle of it is cleaned up too.
      ENTRIES=$ENTRIES"$s_index $s_new $s_old $X_digest ${X_folder%/}/$X_name$NL"
      [ "$X_kind" = remove ] || make_new ".reroot-ssh-$ID.$s_index.new" || return 1
      [ "$s_old" = - ] || keep_old ".reroot-ssh-$ID.$s_index.old"
    }
    # Writes a file of this folder so that it is there completely or not at all.
    note() {
      E_CODE=SYSTEM E_WHAT="Writing $PWD/$1"
      E_TEXT=$( { set -C; printf '%s\n' "$2" >"./$1.tmp"; } 2>&1) || return 1
      flush "./$1.tmp"
      try "Writing $PWD/$1" mv -f "./$1.tmp" "./$1" || return 1
      flush .
    }
    announce() {
      enter "$FIRST" || return 1
      a_inode=$(stat -c %i .)
      a_ifs=$IFS IFS=$NL
      for a_folder in $USED; do
        IFS=$a_ifs
        enter "$a_folder" || return 1
        [ "$a_folder" = "$FIRST" ] || note ".reroot-ssh-$ID.pointer" "reroot-ssh 1$NL$a_inode$NL$FIRST" || return 1
        flush .
      done
      IFS=$a_ifs
      enter "$FIRST" && note ".reroot-ssh-$ID.journal" "reroot-ssh 1$NL${ENTRIES}end"
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
      for b_folder in $USED; do flush "$b_folder"; done
      IFS=$b_ifs
    }
    clean() {
      c_ifs=$IFS IFS=$NL
      for c_folder in $USED; do
        IFS=$c_ifs
        remove_traces "$c_folder" "$ID" 2>/dev/null
      done
      IFS=$c_ifs
    }
    work() {
      w_index=0
      while [ "$w_index" -lt "$COUNT" ]; do
        stage "$w_index" || return 1
        w_index=$((w_index + 1))
      done
      USED=$(folders_of "$ENTRIES" | sort -u)
      [ -n "$ENTRIES" ] || return 0
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
      need stat readlink sha256sum base64 ln mv rm mkdir rmdir sort sync chown chmod cat tr date sleep
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
