# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_PYTHON(OLDEST)
# Chooses the interpreter that the extension is built for: PYTHON if it is
# given, which then must do, else the first python3 on PATH that has its
# headers and is not older than OLDEST.  Sets the conditional HAVE_PYTHON and
#   PYTHON           the interpreter itself, not a wrapper that finds it
#   PYTHON_VERSION   as it prints it
#   PYTHON_CPPFLAGS  where its headers are
#   PYTHON_MALLOC    its plainest allocator, which hides least from sanitizers
#   pyexecdir        where it looks for extensions, below our own prefix
AC_DEFUN([STM_PYTHON],
  [AC_ARG_VAR([PYTHON], [the Python interpreter to build the extension for])
   AC_ARG_WITH([python],
     [AS_HELP_STRING([--without-python], [leave the Python extension out])],
     [], [with_python=yes])
   stm_given=$PYTHON
   PYTHON=
   AS_IF([test "x$with_python" = xno], [],
     [test "x$enable_shared" = xno],
       [AC_MSG_NOTICE([no shared libraries: the Python extension is left out])],
     [test -n "$stm_given"],
       [_STM_PYTHON_TRY([$stm_given], [$1])
        AS_IF([test -z "$PYTHON"],
          [AC_MSG_ERROR([$stm_given is no Python >= $1 with its headers])])],
     [stm_saved_IFS=$IFS
      IFS=$PATH_SEPARATOR
      for stm_dir in $PATH; do
        IFS=$stm_saved_IFS
        AS_IF([test -z "$PYTHON" && test -x "$stm_dir/python3"],
          [_STM_PYTHON_TRY([$stm_dir/python3], [$1])])
      done
      IFS=$stm_saved_IFS
      AS_IF([test -z "$PYTHON"],
        [AC_MSG_NOTICE([no python3 >= $1 on PATH has its headers])])])
   AC_SUBST([PYTHON_VERSION])
   AC_SUBST([PYTHON_CPPFLAGS])
   AC_SUBST([PYTHON_MALLOC])
   AC_SUBST([pyexecdir])
   AM_CONDITIONAL([HAVE_PYTHON], [test -n "$PYTHON"])])

# Debian's scheme puts a local/ below the prefix, which is in ours already.
AC_DEFUN([_STM_PYTHON_TRY],
  [AC_MSG_CHECKING([whether $1 has its headers])
   AS_IF([stm_answer=`"$1" -c '
import os, platform, sys, sysconfig
include = sysconfig.get_path("include")
if not os.path.exists(os.path.join(include, "Python.h")):
    sys.exit("no Python.h in " + include)
if sys.version_info < tuple(map(int, "$2".split("."))):
    sys.exit("older than $2")
root = "$" + "{exec_prefix}/"
where = sysconfig.get_path("platlib", vars=dict(base=root, platbase=root))
print(sys.executable, platform.python_version(), include,
      where.replace(root + "local/", root),
      "mimalloc" if sysconfig.get_config_var("Py_GIL_DISABLED") else "malloc",
      sep="\n")
' 2>&AS_MESSAGE_LOG_FD`],
     [PYTHON=`AS_ECHO(["$stm_answer"]) | sed -n 1p`
      PYTHON_VERSION=`AS_ECHO(["$stm_answer"]) | sed -n 2p`
      PYTHON_CPPFLAGS="-isystem "`AS_ECHO(["$stm_answer"]) | sed -n 3p`
      pyexecdir=`AS_ECHO(["$stm_answer"]) | sed -n 4p`
      PYTHON_MALLOC=`AS_ECHO(["$stm_answer"]) | sed -n 5p`
      AC_MSG_RESULT([yes, version $PYTHON_VERSION])],
     [AC_MSG_RESULT([no])])])
