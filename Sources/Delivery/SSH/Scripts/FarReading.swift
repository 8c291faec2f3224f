/// The scripts that only look.
enum FarReading {
  /// `open_file PATH NUMBER` opens a file as that number: 1 says that it cannot be, 2 that there is none. `views` looks at
  /// what was opened. `open_or_end PATH` does both with 8, and reports what is in the way itself.
  static let opening = #"""
    open_file() {
      resolve "$1" || { [ "$E_CODE" = FOLDER_MISSING ] && return 2; return 1; }
      enter "$D" || return 1
      if ! exists "$N"; then
        [ -x . ] || { err SYSTEM "Looking at $G" 'Permission denied'; return 1; }
        return 2
      fi
      regular "$N" || return 1
      [ -r "./$N" ] || { err SYSTEM "Opening $G" 'Permission denied'; return 1; }
      eval "command exec $2<\"./\$N\"" || { err SYSTEM "Opening $G" 'Permission denied'; return 1; }
      eval "W$2=\$G"
    }
    # Of the open files with these numbers V gets a line each: device and inode, owner, group, mode and size. PATHS has where
    # they stand, a line each: what was opened is what stands there, and no link that was put in its place meanwhile.
    views() {
      v_ways=''
      for v_fd in $1; do v_ways="$v_ways /proc/self/fd/$v_fd"; done
      V=$(stat -L -c '%d:%i %u %g %a %s' $v_ways)
      v_ifs=$IFS IFS=$NL
      v_there=$(stat -c %d:%i $PATHS 2>/dev/null)
      IFS=$v_ifs
      v_lines=$V
      for v_fd in $1; do
        v_line=${v_lines%%"$NL"*} v_lines=${v_lines#*"$NL"}
        eval "G=\$W$v_fd"
        [ "${v_line%% *}" = "${v_there%%"$NL"*}" ] || { err FILE_CHANGES "$G" ''; return 1; }
        v_there=${v_there#*"$NL"}
        [ "${v_line##* }" -le 1048576 ] || { err FILE_TOO_LARGE "$G" "${v_line##* }"; return 1; }
      done
    }
    open_one() {
      open_file "$1" 8 || return
      PATHS=${D%/}/$N
      views 8 && return 0
      exec 8<&-
      return 1
    }
    open_or_end() {
      open_one "$1"
      case $? in
        0) return 0 ;;
        2) say absent; return 1 ;;
      esac
      give_up
    }
    """#

  /// `look_at_files state|content PATH…`: of each a report with owner, group, mode, size and digest, or that it is absent; with
  /// `content` also its content on standard output, in base64 and then a line with a stop. The status of a pipe tells nothing
  /// of its first tool, so who reads the content compares it with size and digest.
  ///
  /// Some are open at once, so that each tool is started once for all of them.
  static let files = #"""
    digests() {
      f_sums=$(sha256sum $v_ways 2>&1) && return 0
      err SYSTEM "Reading $G" "$f_sums"
    }
    give_contents() {
      f_before=$f_sums
      for f_fd in $1; do
        eval "head -c 1048577 <&$f_fd | base64"
        echo .
      done
      digests || return 1
      [ "$f_sums" = "$f_before" ] || err FILE_CHANGES "$G" ''
    }
    report_views() {
      for f_index in $1; do
        set -- $V
        say "file$U$f_index$U$2$U$3$U$4$U$5$U${f_sums%% *}"
        V=${V#*"$NL"} f_sums=${f_sums#*"$NL"}
      done
    }
    look_at_opened() {
      views "$f_fds" && digests || give_up
      f_all=$f_sums
      report_views "$f_indexes"
      f_sums=$f_all
      if [ "$1" = content ]; then give_contents "$f_fds" || give_up; fi
      for f_fd in $f_fds; do eval "exec $f_fd<&-"; done
    }
    look_at_files() {
      need stat readlink base64 head sha256sum
      f_what=$1 f_count=0
      shift
      while [ $# -gt 0 ]; do
        f_fds='' f_indexes='' PATHS=''
        for f_free in 3 4 5 7 8 9; do
          [ $# -gt 0 ] || break
          open_file "$1" "$f_free"
          case $? in
            0) f_fds="$f_fds $f_free" f_indexes="$f_indexes $f_count" PATHS=$PATHS${D%/}/$N$NL ;;
            2) say "absent$U$f_count" ;;
            *) give_up ;;
          esac
          f_count=$((f_count + 1))
          shift
        done
        [ -z "$f_fds" ] || look_at_opened "$f_what"
      done
    }
    """#

  /// `check_program NAME`: finds it as execvp(3) would, and reports its path.
  static let program = #"""
    check_program() {
      case $1 in
        /*)
          P=$1
          [ -e "$P" ] || { err PROGRAM_MISSING "$1" 'not there'; return 1; }
          [ -d "$P" ] && { err PROGRAM_MISSING "$P" "a folder"; return 1; }
          if [ -f "$P" ] && [ -x "$P" ]; then return 0; fi
          err PROGRAM_NOT_EXECUTABLE "$P" "$(id -un 2>/dev/null || echo "user $ME")"
          return 1
          ;;
        '' | */*) err PROGRAM_NOT_ABSOLUTE "$1" ''; return 1 ;;
      esac
      c_rest=$PATH:
      while [ -n "$c_rest" ]; do
        P=${c_rest%%:*}/$1 c_rest=${c_rest#*:}
        if [ -f "$P" ] && [ -x "$P" ]; then return 0; fi
      done
      err PROGRAM_MISSING "$1" "in none of the folders $PATH"
    }
    """#

  /// `check_owner USER GROUP`, either may be empty: both must exist, and files must be allowed to be given to them.
  static let owner = #"""
    user_number() {
      case $1 in *[!0-9]* | '') ;; *) O=$1; return 0 ;; esac
      O=$(id -u "$1" 2>/dev/null) && return 0
      err OWNER_UNKNOWN "$1" ''
    }
    group_number() {
      case $1 in *[!0-9]* | '') ;; *) O=$1; return 0 ;; esac
      O=$(getent group "$1" 2>/dev/null || grep "^$1:" /etc/group 2>/dev/null | head -n 1)
      O=${O#*:} O=${O#*:} O=${O%%:*}
      [ -n "$O" ] && return 0
      err GROUP_UNKNOWN "$1" ''
    }
    may_give_away() {
      while read -r o_key o_value; do
        case $o_key in CapEff:) o_low=${o_value#"${o_value%?}"} ;; esac
      done </proc/self/status
      case $o_low in 1 | 3 | 5 | 7 | 9 | b | d | f) return 0 ;; '') [ "$ME" = 0 ] && return 0 ;; esac
      return 1
    }
    check_owner() {
      need id
      o_user='' o_group=''
      if [ -n "$1" ]; then user_number "$1" || return 1; o_user=$O; fi
      if [ -n "$2" ]; then group_number "$2" || return 1; o_group=$O; fi
      may_give_away && return 0
      if [ -n "$o_user" ] && [ "$o_user" != "$ME" ]; then
        err OWNER_NOT_ALLOWED "the user $1" "$(id -un 2>/dev/null || echo "user $ME")"
        return 1
      fi
      [ -n "$o_group" ] || return 0
      case " $(id -G) " in *" $o_group "*) return 0 ;; esac
      err OWNER_NOT_ALLOWED "the group $2" "$(id -un 2>/dev/null || echo "user $ME")"
    }
    """#

  /// `find_process PIDFILE`: sets P to the number of the process that may be signalled. The rules are ``ProcessSignal``'s.
  static let process = #"""
    alive_threads() {
      set +f
      for p_task in "/proc/$1/task"/*/status; do
        set -f
        while read -r p_key p_value p_rest; do
          [ "$p_key" = State: ] && case $p_value in Z | X) ;; *) return 0 ;; esac
        done 2>/dev/null <"$p_task"
      done
      set -f
      return 1
    }
    find_process() {
      need stat readlink
      F=$1
      resolve "$F" || { [ "$E_CODE" = FOLDER_MISSING ] && err PID_FILE_MISSING "$F" ''; return 1; }
      enter "$D" || return 1
      exists "$N" || { err PID_FILE_MISSING "$F" ''; return 1; }
      regular "$N" || return 1
      [ -r "./$N" ] || { err SYSTEM "Opening $F" 'Permission denied'; return 1; }
      P=''
      read -r P <"./$N"
      P=${P%"${P##*[! ]}"}
      case $P in *[!0-9]* | '' | ???????????*) err PID_FILE_INVALID "$F" ''; return 1 ;; esac
      P=$(printf %s "$P" | sed 's/^0*//')
      if [ "${P:-0}" -le 1 ] || [ "$P" = "$$" ]; then err PID_FILE_INVALID "$F" ''; return 1; fi
      p_leader=''
      if [ -r "/proc/$P/status" ]; then
        while read -r p_key p_value p_rest; do
          [ "$p_key" = Tgid: ] && p_leader=$p_value
        done 2>/dev/null <"/proc/$P/status"
      fi
      if [ "$p_leader" != "$P" ] || ! alive_threads "$P"; then err PID_FILE_STALE "$F" "$P"; return 1; fi
      p_of=$(stat -c %u "/proc/$P") || { err PID_FILE_STALE "$F" "$P"; return 1; }
      p_file=$(stat -c %u "./$N") p_mode=$(stat -c %a "./$N")
      p_open=no
      case $p_mode in *2 | *3 | *6 | *7) p_open=yes ;; esac
      if [ "$p_file" = 0 ] || [ "$p_file" = "$ME" ] || [ "$p_file" = "$p_of" ]; then
        [ "$p_open" = yes ] || return 0
      fi
      err PID_FILE_NOT_TRUSTED "$F" "$p_file $p_open $p_of"
    }
    send_signal() {
      kill -s "$1" "$P" 2>/dev/null && return 0
      if [ -e "/proc/$P" ]; then err SIGNAL_REFUSED "$F" "$P"; else err PID_FILE_STALE "$F" "$P"; fi
    }
    """#
}
