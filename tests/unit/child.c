/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "child.h"

#include <sys/wait.h>
#include <unistd.h>

static pid_t start(child_check *check, void *context)
{
    pid_t child = fork();

    if (child == 0) {
        alarm(30);
        end_child(check(context));
    }
    return child;
}

bool child_right(pid_t child)
{
    int status;

    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool child_finds(child_check *check, void *context)
{
    return child_right(start(check, context));
}

void expect_child_ended(pid_t child)
{
    int status;

    ck_assert_int_ne(child, -1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    EXPECT(!WIFSIGNALED(status), "expected the child to end, got signal %d",
           WTERMSIG(status));
    EXPECT(WEXITSTATUS(status) == 0,
           "expected the child to find things right, it ended with %d",
           WEXITSTATUS(status));
}

void expect_in_child(child_check *check, void *context)
{
    expect_child_ended(start(check, context));
}
