# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_PEERS
# Looks for what the benchmark compares with: gcc's transactional memory and
# GLib's thread pool, which no sanitizer understands, and GHC with its stm.  Sets
# GHC, GHC_PACKAGES, GLIB_CFLAGS and GLIB_LIBS, and the conditionals HAVE_LIBITM,
# HAVE_GHC and HAVE_GLIB.
AC_DEFUN([STM_PEERS],
  [have_libitm=no
   AS_IF([test "x$enable_sanitizer" = xno], [_STM_LIBITM])
   AM_CONDITIONAL([HAVE_LIBITM], [test $have_libitm = yes])
   AC_CHECK_PROGS([GHC], [ghc])
   AC_SUBST([GHC_PACKAGES],
     ['-package base -package array -package containers -package stm'])
   have_ghc=no
   AS_IF([test -n "$GHC"], [_STM_GHC])
   AM_CONDITIONAL([HAVE_GHC], [test $have_ghc = yes])
   have_glib=no
   AS_IF([test "x$enable_sanitizer" = xno],
     [PKG_CHECK_MODULES([GLIB], [glib-2.0 >= 2.32], [have_glib=yes], [:])])
   AM_CONDITIONAL([HAVE_GLIB], [test $have_glib = yes])])

AC_DEFUN([_STM_LIBITM],
  [AC_MSG_CHECKING([whether $CC has transactional memory])
   stm_saved_CFLAGS=$CFLAGS
   CFLAGS="$CFLAGS -fgnu-tm"
   AC_LINK_IFELSE(
     [AC_LANG_PROGRAM([[static long shared;]],
        [[__transaction_atomic { shared++; }
          return shared != 1;]])],
     [have_libitm=yes])
   CFLAGS=$stm_saved_CFLAGS
   AC_MSG_RESULT([$have_libitm])])

AC_DEFUN([_STM_GHC],
  [AC_MSG_CHECKING([whether $GHC has stm])
   AS_IF([$GHC $GHC_PACKAGES -e 'Control.Monad.STM.atomically (return ())' \
       >&AS_MESSAGE_LOG_FD 2>&1],
     [have_ghc=yes])
   AC_MSG_RESULT([$have_ghc])])
