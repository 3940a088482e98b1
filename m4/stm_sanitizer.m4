# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_SANITIZER
# --enable-sanitizer=thread|address adds the sanitizer to AM_CFLAGS and sets
#   SANITIZER_RUNTIME  what a program built without it must preload, or nothing
#   TEST_PATIENCE      by how much libcheck's time-outs are stretched
AC_DEFUN([STM_SANITIZER],
  [AC_ARG_ENABLE([sanitizer],
     [AS_HELP_STRING([--enable-sanitizer=thread|address],
       [build with ThreadSanitizer, or AddressSanitizer and UBSan])],
     [], [enable_sanitizer=no])
   AS_CASE([$enable_sanitizer],
     [no], [stm_sanitize=],
     [thread], [stm_sanitize='-fsanitize=thread'],
     [address], [stm_sanitize='-fsanitize=address,undefined'
       AS_VAR_APPEND([stm_sanitize], [' -fno-sanitize-recover=all'])],
     [AC_MSG_ERROR(m4_normalize([--enable-sanitizer is thread or address,
       not $enable_sanitizer]))])
   AC_SUBST([SANITIZER_RUNTIME])
   AC_SUBST([TEST_PATIENCE], [5])
   AS_IF([test -n "$stm_sanitize"],
     [TEST_PATIENCE=25
      AS_VAR_APPEND([AM_CFLAGS], [" $stm_sanitize -fno-omit-frame-pointer"])
      _STM_SANITIZER_RUNTIME])])

# The compiler knows where its runtime is: gcc's has a plain name, clang's one
# with the processor's, and is a shared library only on request.
AC_DEFUN([_STM_SANITIZER_RUNTIME],
  [AC_MSG_CHECKING([for the sanitizer's runtime])
   AS_CASE([$enable_sanitizer], [thread], [stm_short=tsan], [stm_short=asan])
   stm_cpu=`$CC -dumpmachine | sed 's/-.*//'`
   for stm_name in lib$stm_short.so libclang_rt.$stm_short-$stm_cpu.so; do
     stm_file=`$CC -print-file-name=$stm_name`
     AS_IF([test -f "$stm_file"], [SANITIZER_RUNTIME=$stm_file; break])
   done
   AS_CASE([$SANITIZER_RUNTIME],
     [*libclang_rt*], [AS_VAR_APPEND([AM_CFLAGS], [" -shared-libsan"])])
   AC_MSG_RESULT([${SANITIZER_RUNTIME:-not found}])
   stm_saved_CFLAGS=$CFLAGS
   CFLAGS="$CFLAGS $stm_sanitize"
   AC_LINK_IFELSE([AC_LANG_PROGRAM()], [],
     [AC_MSG_ERROR([$CC cannot link with $stm_sanitize])])
   CFLAGS=$stm_saved_CFLAGS])
