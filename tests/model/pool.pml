/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* The pool: a model of pool/watchers.c, worker.c, door.c and closing.c for
 * Spin.  Is a task ever lost, or a pool never at its end?
 *
 * What is modelled.  Each transaction of the pool is one step, which ends by
 * running the two watchers until nothing changes: that this may be so is what
 * stm.pml and watch.pml are for.  Between its transactions a worker can be
 * overtaken by everything.  Threads are started after the commit, and up to
 * FAILS times that fails.  A worker that is idle may find its time over at any
 * moment.
 *
 * What is not.  What tasks do, references, time: pauses are of any length, but
 * whoever waits for the pool goes on knocking.
 *
 * What is asserted: every task runs, once, though threads cannot be started,
 * workers leave, and the pool is closed at any moment; a closed pool comes to
 * its end, with no worker left; a worker is among the free if and only if its
 * slot is empty.
 *
 * BUG_... puts a known mistake back; the table is in check-models. */
#ifndef MAX
#define MAX 2 /* workers at a time */
#endif
#ifndef FAILS
#define FAILS 2
#endif
#define TASKS 3
#define RECORDS 4

mtype = { none, starting, alive };
mtype record[RECORDS] = none;
bit is_free[RECORDS], slot[RECORDS], probe[RECORDS];

byte tasks, available, live, handed, finished;
byte misses;
byte door; /* 0: open; 1: probing; 2: barred, plus the tasks scheduled then */
bit closing, over;
byte ran, fails;

#define OPEN 0
#define PROBING 1
#define BARRED 2
#define SCHEDULED (handed + tasks)
#define STRANDED (door >= BARRED && live == 0 && tasks > 0)

/* Only used within steps. */
byte i, admitted, change;

/* door.c */
inline ADMIT(missing)
{
    if
    :: door == OPEN -> admitted = missing
    :: door == PROBING -> admitted = 0
    :: door == BARRED -> admitted = 1
    :: else ->
        change = (SCHEDULED > door - BARRED -> SCHEDULED - (door - BARRED)
                                            : (door - BARRED) - SCHEDULED);
        admitted = (change >= (live -> 1 << misses : 1))
    fi
}

inline KNOCK(patience)
{
    if
    :: door > BARRED && finished % (patience) == 0 -> door = BARRED
    :: else
    fi
}

#define PATIENT (1 << misses)

/* watchers.c */
inline START_ONE()
{
    i = 0;
    do
    :: record[i] != none -> i++
    :: else -> break
    od;
    record[i] = starting;
    probe[i] = (door != OPEN);
    is_free[i] = 1;
    available++;
    live++
}

inline WATCHERS()
{
    do
    :: !over && tasks > available && live < MAX ->
        change = tasks - available;
        change = (change < MAX - live -> change : MAX - live);
        ADMIT(change);
        if
        :: admitted ->
            do
            :: admitted -> START_ONE(); admitted--
            :: else -> break
            od;
            if
            :: door != OPEN -> door = PROBING
            :: else
            fi
        :: else -> goto paired
        fi
    :: else ->
paired:
        if
        :: !over && tasks && available ->
            i = 0;
            do
            :: !is_free[i] -> i++
            :: else -> break
            od;
            is_free[i] = 0;
            available--;
            assert(!slot[i]);
            slot[i] = 1;
            tasks--;
            handed++
        :: else -> break
        fi
    od;
    if
    :: closing && !live && !tasks -> over = 1
    :: else
    fi;
    i = 0;
    admitted = 0;
    change = 0
}

/* worker.c */
inline TAKE_BACK()
{
    if
    :: slot[me] ->
        slot[me] = 0;
#ifndef BUG_TASK_NOT_TAKEN_BACK
        tasks++;
#endif
        handed--
    :: else -> is_free[me] = 0; available--
    fi;
    record[me] = none;
    live--;
    if
    :: door < BARRED -> misses++
    :: else
    fi;
    door = BARRED + SCHEDULED
}

inline LEAVE()
{
    if
    :: is_free[me] -> is_free[me] = 0; available--
    :: else
    fi;
    slot[me] = 0;
    live--;
    record[me] = none;
    KNOCK(1)
}

#ifdef BUG_CLOSING_BEFORE_SLOT
#define SEES_TASK (slot[me] && !closing)
#else
#define SEES_TASK slot[me]
#endif
#define WELL_FORMED assert(record[me] == none || is_free[me] != slot[me])

active [RECORDS] proctype worker()
{
    byte me = _pid;

end_unused:
    record[me] == starting;
    if
    :: record[me] = alive
    :: fails < FAILS ->
        fails++;
#ifdef BUG_FAILURE_IGNORED
        goto lost;
#else
        atomic { TAKE_BACK(); WATCHERS() };
        /* tries for a while, which may be too short */
        if
        :: atomic { STRANDED -> KNOCK(1); WATCHERS() }
        :: skip
        fi;
        goto end_unused
#endif
    fi;
    if
    :: probe[me] -> atomic { misses = 0; door = OPEN; WATCHERS() }
    :: else
    fi;
    do
    :: atomic { SEES_TASK -> WELL_FORMED };
work:
        ran++;
        atomic {
            finished++;
            KNOCK(PATIENT);
            if
            :: tasks -> tasks--; handed++; WATCHERS(); goto work
            :: else -> slot[me] = 0; is_free[me] = 1; available++; WATCHERS()
            fi
        }
#ifdef BUG_LEAVES_IN_TWO_STEPS
    :: !slot[me] -> skip;
        atomic { LEAVE(); WATCHERS(); goto end_unused }
#else
    :: atomic { !slot[me] -> LEAVE(); WATCHERS(); goto end_unused }
#endif
#ifdef BUG_CLOSING_BEFORE_SLOT
    :: atomic { closing -> LEAVE(); WATCHERS(); goto end_unused }
#endif
    od;
lost:
    false
}

active proctype owner()
{
    byte added;

    do
    :: added < TASKS -> atomic { tasks++; added++; WATCHERS() }
    :: else -> break
    od;
    atomic { closing = 1; KNOCK(1); WATCHERS() };
    do
    :: over -> break
#ifndef BUG_NOBODY_KNOCKS
    :: atomic { STRANDED && door > BARRED -> KNOCK(1); WATCHERS() }
#endif
    od;
    assert(ran == TASKS && finished == TASKS && handed == TASKS);
    assert(!live && !available && !tasks)
}
