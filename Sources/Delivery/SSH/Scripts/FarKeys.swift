/// Keys of components on another machine, made and looked at there by its `openssl`, with the words that 1.1.1 and 3 share.
enum FarKeys {
  /// `need_openssl`: throws where there is none, or one that does not know these words yet.
  static let tools = #"""
    need_openssl() {
      command -v openssl >/dev/null 2>&1 || { err OPENSSL_MISSING '' ''; give_up; }
      n_version=$(openssl version 2>/dev/null </dev/null)
      case $n_version in
        '' | 'OpenSSL 0.'* | 'OpenSSL 1.0.'*) err OPENSSL_UNFIT "${n_version:-an openssl that does not run}" ''; give_up ;;
      esac
    }
    """#

  /// `look_at_key PATH`: the digest of the file as a report, the public half (SubjectPublicKeyInfo, DER) in base64 on
  /// standard output.
  static let look = #"""
    file_digest() {
      F_DIGEST=$(sha256sum </proc/self/fd/8)
      F_DIGEST=${F_DIGEST%% *}
    }
    look_at_key() {
      need stat readlink base64 sha256sum
      need_openssl
      open_or_end "$1" || return 0
      file_digest
      l_digest=$F_DIGEST
      # A password of nothing: nobody is asked for one. What is encrypted is no key that a component could be left with.
      l_public=$(openssl pkey -pubout -outform DER -passin pass: </proc/self/fd/8 2>/dev/null | base64)
      if [ -z "$l_public" ]; then
        # 1 says that there is none; anything else, that grep could not tell.
        grep -q -e '-----BEGIN ' </proc/self/fd/8 2>/dev/null
        if [ $? -eq 1 ] && [ -s /proc/self/fd/8 ]; then err NOT_PEM "$G" ''; else err KEY_UNREADABLE "$G" ''; fi
        give_up
      fi
      file_digest
      [ "$F_DIGEST" = "$l_digest" ] || { err FILE_CHANGES "$G" ''; give_up; }
      say "key$U$l_digest"
      printf '%s\n' "$l_public"
    }
    """#

  /// `make_key PATH ID CONFIGURATION WORD…`: the words are those of `openssl genpkey`, the configuration is one of
  /// `openssl req`. The request goes to standard output, in base64.
  ///
  /// The key is in no argument, no environment and no file but its own, which nobody else can read from its first moment.
  static let making = #"""
    content_key() { printf '%s\n' "$KEY_TEXT"; }
    write_key() {
      enter "$y_folder" || return 1
      if exists "$y_name"; then regular "$y_name" || return 1; fi
      own_as_new
      y_digest=$(content_key | sha256sum)
      make_file "$y_new" "$s_uid" "$s_gid" 600 "${y_digest%% *}" content_key || return 1
      # Asked for with the key that lies there, so that it is the one which the certificate will be for.
      y_request=$(
        printf '%s\n' "$y_config" |
          openssl req -new -config /proc/self/fd/0 -key "./$y_new" -subj / -outform DER 2>/dev/null | base64
      )
      if [ -z "$y_request" ]; then
        y_said=$(
          printf '%s\n' "$y_config" |
            openssl req -new -config /proc/self/fd/0 -key "./$y_new" -subj / -outform DER 2>&1 >/dev/null
        )
        err REQUEST_NOT_MADE "$G" "$y_said"
        return 1
      fi
      try "Making $G" mv -f "./$y_new" "./$y_name" || return 1
      flush .
    }
    make_key() {
      need_for_changes
      need_openssl
      resolve "$1" || give_up
      y_given=$G y_folder=$D y_name=$N y_new=.reroot-ssh-$2.0.new y_config=$3
      shift 3
      # Were it a variable of the environment, every tool would be given the key with it.
      unset KEY_TEXT
      # Before the lock: a long key takes its time, and this changes nothing yet.
      KEY_TEXT=$(openssl genpkey "$@" 2>/dev/null </dev/null) && [ -n "$KEY_TEXT" ] || {
        err KEY_NOT_MADE "$G" "$(openssl genpkey "$@" 2>&1 >/dev/null </dev/null)"
        give_up
      }
      trap '' PIPE HUP INT TERM
      trap unlock_all EXIT
      lock_related "$y_folder" || give_up
      go
      recover_locked || give_up
      G=$y_given
      if ! write_key; then
        enter "$y_folder" && rm -f "./$y_new"
        give_up
      fi
      printf '%s\n' "$y_request"
    }
    """#
}
