# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_VERSION_SCRIPT
# Sets the conditional VERSION_SCRIPT: does the linker take one?
AC_DEFUN([STM_VERSION_SCRIPT],
  [AC_CACHE_CHECK([whether the linker takes a version script],
    [stm_cv_version_script],
    [echo 'CONFTEST_0 { global: main; local: *; };' >conftest.map
     stm_saved_LDFLAGS=$LDFLAGS
     LDFLAGS="$LDFLAGS -Wl,--version-script=conftest.map"
     AC_LINK_IFELSE([AC_LANG_PROGRAM()],
       [stm_cv_version_script=yes], [stm_cv_version_script=no])
     LDFLAGS=$stm_saved_LDFLAGS
     rm -f conftest.map])
   AM_CONDITIONAL([VERSION_SCRIPT], [test $stm_cv_version_script = yes])])
