// The activation of every component, the same for all contestants: appends the component's name to a log, so that the
// check can count it, and does nothing else.
//
//   activate LOG NAME
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
  char line[256];
  int length = count == 3 ? snprintf(line, sizeof line, "%s\n", words[2]) : -1;
  if (length < 0 || length >= (int)sizeof line) return 64;
  int log = open(words[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  return log >= 0 && write(log, line, (size_t)length) == length ? 0 : 1;
}
