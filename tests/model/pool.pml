/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* The pool: a model of pool/watchers.c, worker.c, ready.c, door.c and closing.c
 * for Spin.  Is a task ever lost, or a pool never at its end?
 *
 * What is modelled.  Each transaction of the pool is one step, which ends by
 * running the two watchers until nothing changes: that this may be so is what
 * stm.pml and watch.pml are for.  Between its transactions a worker can be
 * overtaken by everything.  Threads are started after the commit, and up to
 * FAILS times that fails.  A worker that is idle may find its time over at any
 * moment.  With SHRINKS the pool is to have one worker less at any moment; with
 * LONG one task, any of them, runs until all others have begun, and workers are
 * kept, and the pool not closed, until then.
 *
 * What is not.  What tasks do, references, time: pauses are of any length, but
 * whoever waits for the pool goes on knocking.
 *
 * What is asserted: every task runs, once, though threads cannot be started,
 * workers leave, and the pool is closed at any moment; a closed pool comes to
 * its end, with no worker left; and of ready tasks there are no more than
 * workers for them, one of whom has been woken if any sleeps.
 *
 * BUG_... puts a known mistake back; the table is in check-models. */
#ifndef MAX
#define MAX 2 /* workers at a time */
#endif
#ifndef FAILS
#define FAILS 2
#endif
#ifndef TASKS
#define TASKS 4
#endif
#define RECORDS 4

mtype = { none, starting, alive };
mtype record[RECORDS] = none;
bit is_parked[RECORDS], probe[RECORDS];
byte slot[RECORDS]; /* EMPTY, RUNG or DISMISSED */

byte tasks, ready, live, handed, finished;
byte parked, rung, coming; /* the last: threads that start */
byte standby;              /* who is on standby, plus 1 */
bit stolen;                /* since one was rung, or looked */
byte most = MAX;
byte misses;
byte door; /* 0: open; 1: probing; 2: barred, plus the tasks scheduled then */
bit closing, over;
byte ran, fails;
bit held; /* has the long task begun? */

#define EMPTY 0
#define RUNG 1
#define DISMISSED 2
#define AVAILABLE (parked + rung + coming)
#define FREE (AVAILABLE - ready)

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

/* ready.c */
inline FIND_PARKED()
{
    i = 0;
    do
    :: !is_parked[i] -> i++
    :: else -> break
    od;
    is_parked[i] = 0;
    parked--
}

inline RING()
{
    FIND_PARKED();
    assert(slot[i] == EMPTY);
    slot[i] = RUNG;
    rung++;
    stolen = 0
}

inline CALL()
{
    if
    :: ready && !rung && parked -> RING()
    :: else
    fi
}

inline TRIM()
{
    if
    :: ready > AVAILABLE ->
        ready--;
#ifndef BUG_TASK_NOT_TAKEN_BACK
        tasks++;
#endif
        handed--
    :: else
    fi;
    CALL()
}

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
    coming++;
    live++
}

inline DISMISS()
{
    if
    :: parked -> FIND_PARKED(); slot[i] = DISMISSED
    :: !parked && coming -> coming--
    :: !parked && !coming -> rung--
    fi;
    live--
}

inline WATCHERS()
{
    do
    :: !over && tasks && tasks > FREE && live < most ->
        change = tasks - FREE;
        change = (change < most - live -> change : most - live);
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
    :: !over && live > most && FREE > 0 -> DISMISS()
    :: else ->
paired:
        if
        :: !over && tasks && FREE > 0 ->
            tasks--;
            handed++;
            ready++;
            CALL()
        :: else -> break
        fi
    od;
    if
    :: closing && !live && !tasks && handed == finished -> over = 1
    :: else
    fi;
    assert(ready <= AVAILABLE && (!ready || rung || !parked));
    i = 0;
    admitted = 0;
    change = 0
}

/* worker.c */
inline GONE() { record[me] = none; slot[me] = EMPTY }

inline TAKE_BACK()
{
    if
    :: coming -> coming--; live--; TRIM()
    :: else /* dismissed */
    fi;
    GONE();
    if
    :: door < BARRED -> misses++
    :: else
    fi;
    door = BARRED + SCHEDULED
}

inline LEAVE() { live--; GONE(); KNOCK(1) }

inline PARK() { is_parked[me] = 1; parked++ }
inline UNPARK() { is_parked[me] = 0; parked-- }

/* Gone, where a fitting number of others stay. */
inline PARK_OR_LEAVE()
{
    if
    :: live > most -> LEAVE()
    :: else -> PARK()
    fi
}

#ifdef LONG
#define MAY_LEAVE closing
#else
#define MAY_LEAVE true
#endif

/* Afterwards not RUNG, unless it was dismissed, when it is gone. */
inline ANSWER()
{
    slot[me] = EMPTY;
    standby = (standby == me + 1 -> 0 : standby);
    if
    :: rung -> rung--
    :: else -> GONE()
    fi
}

/* What only some of those who are rung do. */
#ifdef BUG_SURPLUS_MAKES_WAY
#define SPARED (stolen && !closing)
#else
#define SPARED (stolen && !closing && live <= most)
#endif

inline LOOK()
{
    if
#ifdef BUG_ALL_PARK
    :: !ready || SPARED ->
#else
    :: (!ready || SPARED) && (rung != 1 || !SPARED) ->
#endif
        ANSWER();
        if
        :: record[me] != none -> PARK_OR_LEAVE()
        :: else
        fi
#ifndef BUG_ALL_PARK
    :: rung == 1 && SPARED ->
        standby = me + 1;
        stolen = 0
#endif
    :: ready && !SPARED ->
        ANSWER();
        if
        :: record[me] != none ->
            ready--;
            takes = 1;
#ifndef BUG_RINGS_NO_OTHER
            if
            :: ready && parked -> RING()
            :: else
            fi;
            if
            :: ready > 1 && parked -> RING()
            :: else
            fi
#endif
        :: else
        fi
    fi
}

active [RECORDS] proctype worker()
{
    byte me = _pid;
    bit takes;

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
    atomic {
        if
        :: !coming -> GONE(); goto end_unused
        :: coming && ready -> coming--; ready--; goto work
        :: coming && !ready -> coming--; PARK_OR_LEAVE(); WATCHERS()
        fi
    };
looking:
    do
    :: atomic { record[me] == none -> goto end_unused }
    :: atomic { slot[me] == DISMISSED -> GONE(); goto end_unused }
    :: atomic { slot[me] == RUNG && record[me] != none ->
            LOOK();
            WATCHERS();
            if
            :: takes -> takes = 0; goto work
            :: else
            fi
        }
#ifdef BUG_LEAVES_IN_TWO_STEPS
    :: is_parked[me] && FREE > 0 -> skip;
        atomic {
            if
            :: is_parked[me] -> UNPARK()
            :: else
            fi;
            LEAVE(); WATCHERS(); goto end_unused
        }
#elif defined(BUG_LEAVES_THOUGH_NEEDED)
    :: atomic { is_parked[me] -> UNPARK(); LEAVE(); WATCHERS(); goto end_unused }
#else
    :: atomic { is_parked[me] && MAY_LEAVE && FREE > 0 ->
            UNPARK(); LEAVE(); WATCHERS(); goto end_unused
        }
    :: atomic { is_parked[me] && MAY_LEAVE && FREE == 0 ->
            UNPARK(); ready--; WATCHERS(); goto work
        }
#endif
    od;
work:
    ran++;
#ifdef LONG
    if
    :: skip
    :: atomic { !held -> held = 1 }; ran == TASKS
    fi;
#endif
    atomic {
        finished++;
        KNOCK(PATIENT);
        if
        :: live > most -> LEAVE(); WATCHERS(); goto end_unused
        :: live <= most && ready ->
            ready--;
            stolen = 1;
            if
            :: tasks -> tasks--; handed++; ready++
            :: else
            fi;
            WATCHERS();
            goto work
        :: live <= most && !ready && tasks ->
            tasks--; handed++; WATCHERS(); goto work
        :: else -> PARK(); WATCHERS(); goto looking
        fi
    };
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
#ifdef SHRINKS
    if
    :: atomic { most > 1 -> most--; WATCHERS() }
    :: skip
    fi;
#endif
#ifdef LONG
    ran == TASKS;
#endif
    atomic { closing = 1; KNOCK(1); WATCHERS() };
    do
    :: over -> break
#ifndef BUG_NOBODY_KNOCKS
    :: atomic { STRANDED && door > BARRED -> KNOCK(1); WATCHERS() }
#endif
    od;
    assert(ran == TASKS && finished == TASKS && handed == TASKS);
    assert(!live && !tasks && !ready && !parked && !rung && !coming)
}
