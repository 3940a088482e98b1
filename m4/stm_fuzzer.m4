# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_FUZZER
# Looks for clang with libFuzzer's runtime, which need not be the compiler that
# everything else is built with.  Sets FUZZ_CC, and the conditional HAVE_FUZZER.
AC_DEFUN([STM_FUZZER],
  [AC_CHECK_PROGS([FUZZ_CC], [clang])
   have_fuzzer=no
   AS_IF([test -n "$FUZZ_CC"], [_STM_FUZZER_LINK])
   AM_CONDITIONAL([HAVE_FUZZER], [test $have_fuzzer = yes])])

AC_DEFUN([_STM_FUZZER_LINK],
  [AC_MSG_CHECKING([whether $FUZZ_CC has libFuzzer])
   stm_saved_CC=$CC
   stm_saved_CFLAGS=$CFLAGS
   CC=$FUZZ_CC
   CFLAGS='-fsanitize=fuzzer,address,undefined'
   AC_LINK_IFELSE(
     [AC_LANG_SOURCE([[#include <stddef.h>
       int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
       int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
       { return size > 0 && data[0] == 255; }]])],
     [have_fuzzer=yes])
   CC=$stm_saved_CC
   CFLAGS=$stm_saved_CFLAGS
   AC_MSG_RESULT([$have_fuzzer])])
