/// Running a program on another machine, in a session of its own, so that it can be ended with everything that it started.
enum FarCommand {
  /// `run_command SECONDS PROGRAM WORD…`: what it says goes to standard output: the first 16 KiB at once, of the rest the end.
  /// It gets SIGTERM, and a little later SIGKILL, with its whole process group, when its time is over or nobody waits for it
  /// any more, which the end of standard input says.
  static let text = #"""
    end_group() {
      kill -s TERM -- "-$1"
      sleep 0.5 || sleep 1
      kill -s KILL -- "-$1"
    } >/dev/null 2>&1
    watch_time() {
      t_left=$1
      while [ "$t_left" -gt 0 ]; do
        sleep 1 2>/dev/null
        t_left=$((t_left - 1))
      done
      say timedout
      end_group "$2"
    }
    watch_client() {
      read -r y_line <&6
      say abandoned
      end_group "$1"
    }
    # What the command started may go on when it is over, and hold its output open. Whoever still reads that is let go when
    # the client goes, once what watches the command has ended it.
    watch_readers() {
      read -r y_line <&6
      sleep 2
      kill -s TERM 0
    }
    # Gone before anything else is said: what still read the input would take the next script's. Who is waited for is dead.
    dismiss() {
      kill -s KILL "$@"
      wait "$@"
    } >/dev/null 2>&1
    # What watches goes on when nobody listens to its reports any more. It must hold no output open, not even as a copy
    # for later: hence exec in a subshell.
    control() {
      exec 4>&-
      read -r c_group || return
      ( trap '' PIPE; exec </dev/null >/dev/null 6<&-; watch_time "$1" "$c_group" ) &
      c_time=$!
      ( trap '' PIPE; exec </dev/null >/dev/null; watch_client "$c_group" ) &
      c_client=$!
      read -r c_word c_status
      dismiss "$c_time" "$c_client"
      say "ended$U${c_status:-none}"
    }
    collect() { dd bs=1 count=16384 2>/dev/null; tail -c 10240; }
    run_command() {
      need setsid dd tail sleep sh
      r_limit=$1
      shift
      check_program "$1" || give_up
      shift
      cd /
      go
      exec 6<&0
      ( exec </dev/null >/dev/null 2>&1; watch_readers ) &
      r_readers=$!
      {
        {
          setsid sh -c 'echo "$$" >&5; exec 5>&-; exec "$@"' sh "$P" "$@" </dev/null >&4 2>&4 4>&- 6<&-
          echo "end $?" >&5
        } 5>&1 | control "$r_limit"
      } 4>&1 | collect 6<&-
      dismiss "$r_readers"
    }
    """#
}
