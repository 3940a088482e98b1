# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# STM_WARNINGS
# Adds the warnings that the sources are free of to AM_CFLAGS.
AC_DEFUN([STM_WARNINGS],
  [AS_VAR_APPEND([AM_CFLAGS],
    [" -Wall -Wextra -Wmissing-prototypes -Wshadow"])])
