/// The parts in POSIX shell that every script begins with: how it reports, and how it follows links.
///
/// Nothing is used that Debian, Alpine and a BusyBox of usual size do not have. What is reported goes over standard error,
/// each line after the script's token, so that nothing which a login shell or a tool writes can be taken for it.
enum FarBasics {
  /// What the shell that runs one script after the other finds out once.
  static let shell = #"""
    : "${WHO:=$(id -u)}"
    """#

  /// Functions: `say`, `err` (remembers a failure), `give_up` (reports it and ends), `try` (runs a tool).
  static let reporting = #"""
    U='\#u{1F}'
    NL='
    '
    ME=${WHO:-$(id -u)}
    set -f
    say() { printf '%s %s\n' "$T" "$*" >&2; }
    err() { E_CODE=$1 E_WHAT=$2 E_TEXT=$3; return 1; }
    report() { say "fail$U$E_CODE$U$E_WHAT$U$(printf %s "$E_TEXT" | tr '\n' ' ')"; }
    give_up() { report; exit 1; }
    try() {
      E_WHAT=$1; shift
      E_TEXT=$("$@" 2>&1) && return 0
      E_CODE=SYSTEM
      return 1
    }
    need() {
      for t in "$@"; do
        command -v "$t" >/dev/null 2>&1 || { err TOOL_MISSING "$t" ''; give_up; }
      done
    }
    """#

  /// `go`: waits for the word of a client that still lives. A script may be delivered after its client has given up, and
  /// must not touch anything then.
  static let permission = #"""
    go() {
      need timeout sh
      say ready
      g=$(timeout -s KILL 5 sh -c 'read -r x && printf %s "$x"')
      [ "$g" = "go $T" ] || exit 3
    }
    """#

  /// `resolve PATH`: sets D, the real folder, and N, the name there. The rules are ``ResolvedPath``'s.
  static let paths = #"""
    link() {
      L=$(readlink "$1" && printf x) || { err SYSTEM "Following the link $1" 'Permission denied'; return 1; }
      L=${L%"$NL"x}
      case $L in *"$NL"* | *"$U"*) err LINK_LOOP "$1" ''; return 1 ;; esac
      r_owner=$(stat -c %u "$1") || { err SYSTEM "Looking at $1" 'Permission denied'; return 1; }
      if [ "$r_owner" = 0 ] || [ "$r_owner" = "$ME" ]; then return 0; fi
      r_behind=$(stat -L -c %u "$1" 2>/dev/null) || return 0
      [ "$r_behind" = "$r_owner" ] && return 0
      err LINK_NOT_TRUSTED "$1" "$r_owner $r_behind"
    }
    real() {
      f_given=$1 f_rest=$1/ R='' f_links=0
      while [ -n "$f_rest" ]; do
        f_name=${f_rest%%/*} f_rest=${f_rest#*/}
        case $f_name in
          '' | .) continue ;;
          ..) R=${R%/*}; continue ;;
        esac
        f_whole=$R/$f_name
        if [ -L "$f_whole" ]; then
          f_links=$((f_links + 1))
          [ "$f_links" -le 40 ] || { err LINK_LOOP "$1" ''; return 1; }
          link "$f_whole" || return 1
          case $L in /*) R='' ;; esac
          f_rest=$L/$f_rest
        elif [ -d "$f_whole" ]; then
          R=$f_whole
        elif [ -e "$f_whole" ]; then
          err SYSTEM "Opening the folder $1" 'Not a directory'
          return 1
        elif [ -x "${R:-/}" ]; then
          err FOLDER_MISSING "$1" ''
          return 1
        else
          err SYSTEM "Opening the folder $1" 'Permission denied'
          return 1
        fi
      done
      R=${R:-/}
    }
    resolve() {
      G=$1 r_path=$1 r_links=0
      while :; do
        r_dir=${r_path%/*} N=${r_path##*/}
        real "${r_dir:-/}" || return 1
        D=$R
        [ -L "${D%/}/$N" ] || return 0
        r_links=$((r_links + 1))
        [ "$r_links" -le 40 ] || { err LINK_LOOP "$G" ''; return 1; }
        link "${D%/}/$N" || return 1
        case $L in /*) r_path=$L ;; *) r_path=${D%/}/$L ;; esac
        while :; do
          case $r_path in /) break ;; */) r_path=${r_path%/} ;; *) break ;; esac
        done
      done
    }
    enter() {
      cd -P "$1" 2>/dev/null && [ "$PWD" = "$1" ] && return 0
      if [ -d "$1" ]; then err SYSTEM "Opening the folder $1" 'Permission denied'; else err FOLDER_MISSING "$1" ''; fi
    }
    regular() {
      if [ -d "./$1" ]; then err SYSTEM "Using $G" 'Is a directory'; return 1; fi
      if [ -f "./$1" ] && [ ! -L "./$1" ]; then return 0; fi
      err NOT_A_FILE "$G" ''
    }
    exists() { [ -e "./$1" ] || [ -L "./$1" ]; }
    """#
}
