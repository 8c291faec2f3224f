/// The scripts that only look.
enum FarReading {
  /// `open_file PATH` opens a file as 8: 1 says that it cannot be, 2 that there is none. `open_or_end` reports that itself.
  static let opening = #"""
    open_file() {
      resolve "$1" || { [ "$E_CODE" = FOLDER_MISSING ] && return 2; return 1; }
      enter "$D" || return 1
      if ! exists "$N"; then
        [ -x . ] || { err SYSTEM "Looking at $G" 'Permission denied'; return 1; }
        return 2
      fi
      regular "$N" || return 1
      f_size=$(stat -c %s "./$N") || { err SYSTEM "Looking at $G" 'Permission denied'; return 1; }
      [ "$f_size" -le 1048576 ] || { err FILE_TOO_LARGE "$G" "$f_size"; return 1; }
      [ -r "./$N" ] || { err SYSTEM "Opening $G" 'Permission denied'; return 1; }
      command exec 8<"./$N" || { err SYSTEM "Opening $G" 'Permission denied'; return 1; }
      # What was opened is what stands there, and no link that was put in its place meanwhile.
      if [ -L "./$N" ] || [ "$(stat -c %d:%i "./$N")" != "$(stat -L -c %d:%i /proc/self/fd/8)" ]; then
        exec 8<&-
        err FILE_CHANGES "$G" ''
        return 1
      fi
    }
    open_or_end() {
      open_file "$1"
      case $? in
        0) return 0 ;;
        2) say absent; return 1 ;;
      esac
      give_up
    }
    """#

  /// `read_file PATH`: its owner, group, mode, size and digest as a report, its content in base64 on standard output. The
  /// status of a pipe tells nothing of its first tool, so who reads the content compares it with size and digest.
  static let file = #"""
    digest() {
      r_sum=$(sha256sum 2>&1 </proc/self/fd/8) && { r_sum=${r_sum%% *}; return 0; }
      err SYSTEM "Reading $G" "$r_sum"
    }
    read_file() {
      need stat readlink base64 head sha256sum
      open_or_end "$1" || return 0
      digest || give_up
      r_first=$r_sum
      say "file$U$(stat -L -c "%u$U%g$U%a$U%s" /proc/self/fd/8)$U$r_first"
      head -c 1048577 <&8 | base64
      digest || give_up
      [ "$r_sum" = "$r_first" ] || { err FILE_CHANGES "$G" ''; give_up; }
    }
    """#

  /// `look_at_state PATH`: its owner, group, mode, size and digest as a report; its content stays there.
  static let state = #"""
    look_at_state() {
      need stat readlink sha256sum
      open_or_end "$1" || return 0
      t_digest=$(sha256sum </proc/self/fd/8)
      say "state$U$(stat -L -c "%u$U%g$U%a$U%s" /proc/self/fd/8)$U${t_digest%% *}"
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
