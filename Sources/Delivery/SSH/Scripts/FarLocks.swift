/// Locks on folders of another machine, by which one script at a time changes something there.
///
/// A lock is a symbolic link that names its holder, made in one step: BusyBox does not always have `flock`. One whose holder
/// has died is taken over.
enum FarLocks {
  /// `lock_all FOLDERS`: locks the folders of a list, one to a line; `unlock_all` lets go of all.
  static let text = #"""
    LOCKS=''
    started() {
      S=''
      read -r S 2>/dev/null <"/proc/$1/stat" || return 1
      # After the name in brackets, which may hold anything, come 19 fields and then the time of the start (proc(5)).
      set -- ${S##*) }
      shift 19
      S=$1
    }
    name_self() {
      read -r BOOT </proc/sys/kernel/random/boot_id || BOOT=none
      started "$$"
      SELF=$BOOT.$$.$S
    }
    alive() {
      case $1 in "$BOOT".*.*) ;; *) return 1 ;; esac
      a_pid=${1#"$BOOT".} a_start=${1##*.}
      a_pid=${a_pid%%.*}
      case $a_pid in *[!0-9]* | '') return 1 ;; esac
      started "$a_pid" && [ "$S" = "$a_start" ]
    }
    take_over() {
      mkdir "$1/.reroot-ssh.breaking" 2>/dev/null || return 0
      [ "$(readlink "$1/.reroot-ssh.lock")" = "$2" ] && rm -f "$1/.reroot-ssh.lock"
      rmdir "$1/.reroot-ssh.breaking"
    }
    pause() { sleep 0.05 2>/dev/null || sleep 1; }
    lock() {
      while :; do
        E_TEXT=$(ln -sn "$SELF" "$1/.reroot-ssh.lock" 2>&1) && {
          LOCKS=$LOCKS$1$NL
          return 0
        }
        k_holder=$(readlink "$1/.reroot-ssh.lock" 2>/dev/null)
        if [ -z "$k_holder" ] && [ ! -L "$1/.reroot-ssh.lock" ]; then
          case $E_TEXT in
            *xists*) ;;
            *) E_CODE=SYSTEM E_WHAT="Making a file in the folder $1"; return 1 ;;
          esac
        elif ! alive "$k_holder"; then
          take_over "$1" "$k_holder"
        fi
        look_at_clock
        if [ "$NOW" -ge "$K_END" ]; then err FOLDER_BUSY "$1" ''; return 1; fi
        pause
      done
    }
    # In seconds, by a clock that nobody sets.
    look_at_clock() {
      read -r NOW k_idle </proc/uptime
      NOW=${NOW%%.*}
    }
    lock_all() {
      name_self
      look_at_clock
      K_END=$((NOW + 20))
      case $1 in
        *"$NL"*) k_sorted=$(printf '%s\n' "$1" | sort -u) ;;
        *) k_sorted=$1 ;;
      esac
      k_ifs=$IFS IFS=$NL
      for k_folder in $k_sorted; do
        IFS=$k_ifs
        lock "$k_folder" || return 1
      done
      IFS=$k_ifs
    }
    unlock_all() {
      [ -n "$LOCKS" ] || return 0
      u_ifs=$IFS IFS=$NL u_links=''
      for u_folder in $LOCKS; do u_links=$u_links$u_folder/.reroot-ssh.lock$NL; done
      rm -f $u_links 2>/dev/null
      IFS=$u_ifs LOCKS=''
    }
    """#
}
