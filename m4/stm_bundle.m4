# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_BUNDLE
# --enable-bundle makes shared libraries that lie beside the Python extension
# and have names of their own, libstm-bundle.so.0, as have their symbols'
# versions, so that a process may have others as well.  Sets
#   BUNDLE_NAME     for libtool, what the libraries are called
#   BUNDLE_NODE     what the names of versions contain
#   BUNDLE_LDFLAGS  how whatever is linked finds them: beside itself
# To be called after LT_INIT, since libtool would also record where they are to
# be installed, which nobody knows yet.
AC_DEFUN([STM_BUNDLE],
  [AC_ARG_ENABLE([bundle],
     [AS_HELP_STRING([--enable-bundle],
       [name the libraries for a copy that lies in the Python package])],
     [], [enable_bundle=no])
   AS_IF([test "x$enable_bundle" != xno],
     [BUNDLE_NAME='-release bundle'
      BUNDLE_NODE=BUNDLE_
      BUNDLE_LDFLAGS='-Wl,-rpath,'\''$$ORIGIN'\'
      hardcode_libdir_flag_spec=])
   AC_SUBST([BUNDLE_NAME])
   AC_SUBST([BUNDLE_NODE])
   AC_SUBST([BUNDLE_LDFLAGS])])
