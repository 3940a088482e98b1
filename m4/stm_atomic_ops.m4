# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_ATOMIC_OPS
# Finds libatomic_ops.  On most processors its headers do all the work; then
# ATOMIC_OPS_LIBS is left empty, and nothing is linked.
AC_DEFUN([STM_ATOMIC_OPS],
  [PKG_CHECK_MODULES([ATOMIC_OPS], [atomic_ops])
   AC_CACHE_CHECK([whether libatomic_ops needs more than its headers],
     [stm_cv_atomic_ops_library],
     [stm_saved_CFLAGS=$CFLAGS
      CFLAGS="$CFLAGS $ATOMIC_OPS_CFLAGS"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#define AO_REQUIRE_CAS
#include <atomic_ops.h>
static AO_t word;
]], [[
        AO_store_release(&word, AO_load_acquire(&word));
        AO_fetch_and_add_full(&word, 1);
        AO_nop_full();
        return AO_compare_and_swap_full(&word, 1, 2);
]])], [stm_cv_atomic_ops_library=no], [stm_cv_atomic_ops_library=yes])
      CFLAGS=$stm_saved_CFLAGS])
   AS_IF([test $stm_cv_atomic_ops_library = no], [ATOMIC_OPS_LIBS=])
   AS_VAR_APPEND([AM_CFLAGS], [" $ATOMIC_OPS_CFLAGS"])])
