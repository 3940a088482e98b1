/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Commit, blocking, nesting and the gate: a model of stm/commit.c, attempt.c,
 * block.c, park.c, nest.c and gate.c for Spin.
 *
 * A model checker goes through every order in which the threads can take their
 * steps, where a test meets a few.  The price is that all is small: three
 * threads, two variables, and a short script for each thread, chosen by SCENE.
 *
 * What is modelled.  Every access to something shared is a step of its own: the
 * three loads of a read, the clock, each lock, the tick, the validation of each
 * variable, each value, each unlock, the look at the waiters, their claiming,
 * the post of each semaphore, each link of a waiter into a list.
 *
 * What is not.  Memory is sequentially consistent: the model says where a fence
 * is needed, not that it is there.  "Out of patience" may happen at any turn of
 * a loop that waits for a lock, as in shake mode.  A list under its own lock is
 * one step, and a change wakes all who are on it; that it need not is in
 * wake.pml.  Clocks, hooks, signals, adding without reading and statistics are
 * left out, watchers are in watch.pml and what becomes of old values in
 * limbo.pml.  A commit that
 * fails has ticked already, so the clock can run on for ever: a run is cut at
 * TICKS, and what is cut is not judged any further.
 *
 * What is asserted, by the letters of stm/commit.c.
 *   A  ghosts: what an attempt has read is current at its snapshot, whenever it
 *      reads, extends, or somebody publishes; what a commit has read is current
 *      when it decides, and nobody publishes behind its back later.  And the
 *      scripts' own sums.
 *   B  a branch that retried has left no write (SCENE 4).
 *   C  a thread that sleeps while nobody is left to wake it is an "invalid end
 *      state": Spin reports it by itself.  No lock and no waiter stay behind.
 *   D  only commits that change a value wake, and C holds all the same.
 *   E  with GATE: nobody meets more than BOUND conflicts.
 *
 * BUG_... puts a known mistake back, which Spin must then find; the table is in
 * check-models.  The words below are those of the C files. */
#ifndef SCENE
#define SCENE 1
#endif
#ifndef TICKS
#define TICKS 8
#endif

#define THREADS 3
#define X 0
#define Y 1
#define HELD(w) ((w) & 1)
#define VERSION(w) ((w) & 254)
#define BIT(t) (1 << (t))

byte clock;
byte word[2];  /* version, even; odd while a commit holds the variable */
byte value[2];
byte waits[2]; /* who is linked to the variable: a set of threads */

/* The waiter of each thread: park-internal.h. */
mtype = { idle, parked, woken };
mtype state[THREADS] = idle;
byte posts[THREADS];

byte holder; /* of the gate: a thread plus one, or 0 */
byte done;   /* threads whose script has ended */
bit cut;

/* What assertions look at. */
bit running[THREADS];
byte snapshot[THREADS];
bit has_read[6];            /* [2 * thread + variable] */
byte read_until[2];         /* the newest stamp of a commit that read it */
byte conflicts_of[THREADS]; /* since the last commit or sleep */
bit gone[THREADS];          /* its waiter's memory is */

#include "stm-steps.pml"

proctype thread(byte me)
{
    byte pc, a, b, w, tmp, now, stamp, chain, conflicts;
    bit reads[2], writes[2], owns[2], wakes[2], took_left;
    byte seen[2], new[2], old[2];
#if SCENE == 4
    bit kept_writes[4], kept_reads[4];
    byte kept_new[4];
#endif

begin:
    atomic {
        reads[X] = 0; reads[Y] = 0; writes[X] = 0; writes[Y] = 0;
        wakes[X] = 0; wakes[Y] = 0; seen[X] = 0; seen[Y] = 0;
        new[X] = 0; new[Y] = 0; old[X] = 0; old[Y] = 0;
        a = 0; b = 0; w = 0; tmp = 0; now = 0; stamp = 0; chain = 0;
        has_read[2 * me + X] = 0; has_read[2 * me + Y] = 0
    }
    if
    :: cut -> goto finish
    :: else
    fi;
#ifdef GATE
    if
    :: conflicts >= GATE && !MINE ->
        if
        :: atomic { holder == 0 || cut -> holder = me + 1 }
#ifdef EVICTION
        :: atomic { holder != 0 -> holder = me + 1 }
#endif
        fi
    :: else
    fi;
#endif
    d_step {
        running[me] = 1;
        if
        :: COUNTS -> snapshot[me] = clock
        :: else /* reads nothing: fewer states to tell apart */
        fi
    }

    /* ---- the scripts ---- */
#if SCENE == 1 /* two threads keep x == y, a third looks */
    if
    :: me < 2 -> READ(X, a); READ(Y, b); assert(a == b);
                 WRITE(X, a + 1); WRITE(Y, b + 1)
    :: else -> READ(X, a); READ(Y, b); assert(a == b)
    fi;
#elif SCENE == 2 /* one of x and y may become 0 */
    if
    :: me == 0 -> READ(X, a); READ(Y, b);
                  if :: a + b == 2 -> WRITE(X, 0) :: else fi
    :: me == 1 -> READ(Y, b); READ(X, a);
                  if :: a + b == 2 -> WRITE(Y, 0) :: else fi
    :: else -> READ(Y, b); READ(X, a); assert(a + b >= 1)
    fi;
#elif SCENE == 3 /* 2 sets x; 0 waits for x and sets y; 1 waits for y and sets
                  * x to 2; 2 waits for that */
    if
    :: me == 0 -> READ(X, a);
                  if :: a == 0 -> goto retry :: else -> WRITE(Y, 1) fi
    :: me == 1 -> READ(Y, b);
                  if :: b == 0 -> goto retry :: else -> WRITE(X, 2) fi
    :: me == 2 && pc == 0 -> WRITE(X, 1)
    :: me == 2 && pc == 1 -> READ(X, a); if :: a != 2 -> goto retry :: else fi
    fi;
#elif SCENE == 4 /* 0, twice: take x, or else (take y, or else look at x again);
                  * 1 gives x, 2 gives y */
    if
    :: me == 0 ->
        ENTER(0);
        WRITE(Y, 9);
        READ(X, a);
        if
        :: a > 0 -> WRITE(X, 0); goto commit
        :: else -> UNDO(0)
        fi;
        ENTER(0);
        ENTER(1);
        READ(Y, b);
        assert(b != 9 || took_left); /* B */
        if
        :: b > 0 -> WRITE(Y, b - 1); goto commit
        :: else -> UNDO(1)
        fi;
        ENTER(1);
        READ(X, b);
        assert(a == b);
        UNDO(1);
        UNDO(0);
        goto retry
    :: me == 1 -> WRITE(X, 1)
    :: me == 2 -> WRITE(Y, 1)
    fi;
#elif SCENE == 5 /* waiters on {x} and {x, y}; y follows x */
    if
    :: me == 0 -> READ(X, a); if :: a == 0 -> goto retry :: else fi
    :: me == 1 -> READ(X, a); READ(Y, b); assert(b <= a);
                  if :: a == 0 || b == 0 -> goto retry :: else fi
    :: me == 2 && pc == 0 -> WRITE(X, 1)
    :: me == 2 && pc == 1 -> READ(X, a); WRITE(Y, a)
    fi;
#elif SCENE == 6 /* a queue of one place, two puts, two who take */
    if
    :: me == 0 -> READ(X, a);
                  if :: a != 0 -> goto retry :: else -> WRITE(X, pc + 1) fi
    :: else -> READ(X, a);
               if :: a == 0 -> goto retry
                  :: else -> READ(Y, b); WRITE(X, 0); WRITE(Y, b + a) fi
    fi;
#elif SCENE == 7 /* each writes what the other reads; 2 writes both */
    if
    :: me == 0 -> READ(Y, b); WRITE(X, b + 1)
    :: me == 1 -> READ(X, a); WRITE(Y, a + 1)
    :: else -> WRITE(X, 5); WRITE(Y, 5)
    fi;
#elif SCENE == 8 /* two waiters on x, one commit for both */
    if
    :: me < 2 -> READ(X, a); if :: a == 0 -> goto retry :: else fi
    :: else -> WRITE(X, 1)
    fi;
#elif SCENE == 9 /* 0 waits, but not for ever; 1 waits; 2 writes what is there
                  * already, and then what ends the wait */
    if
    :: me < 2 -> READ(X, a); if :: a == 0 -> goto retry :: else fi
    :: else -> WRITE(X, pc)
    fi;
#elif SCENE == 10 /* 0 wants both; 1 writes one or the other as long as it
                   * takes; there is no 2 */
    if
    :: me == 0 -> READ(X, a); READ(Y, b); WRITE(X, a)
    :: else -> if :: WRITE(X, 0) :: WRITE(Y, 0) fi
    fi;
#endif

commit:
    if
    :: !writes[X] && !writes[Y] -> goto committed
    :: else
    fi;
#ifdef BUG_WAITERS_BEFORE_LOCK
    LOOK_FOR_WAITERS(X);
    LOOK_FOR_WAITERS(Y);
#endif
#ifdef BUG_TICK_BEFORE_LOCK
    TICK();
#endif
#ifdef BUG_VALIDATE_BEFORE_LOCK
    VALIDATE_COMMIT(X);
    VALIDATE_COMMIT(Y);
#endif
lock_past_gate:
    LOCK_ALL();
#if defined(GATE) && !defined(BUG_GATE_IGNORED)
    if
    :: holder != 0 && !MINE && !cut ->
        UNLOCK(X);
        UNLOCK(Y);
        GATE_WAIT();
        goto lock_past_gate
    :: else
    fi;
#endif
#ifndef BUG_TICK_BEFORE_LOCK
    TICK();
#endif
#if !defined(BUG_NO_VALIDATION) && !defined(BUG_VALIDATE_BEFORE_LOCK)
    if
    :: stamp == snapshot[me] + 2
    :: else ->
        VALIDATE_COMMIT(X);
        VALIDATE_COMMIT(Y)
    fi;
#endif
    d_step { DECIDED(X); DECIDED(Y) };
    PUBLISH(X);
    PUBLISH(Y);
    WAKE();

committed:
    atomic { running[me] = 0; conflicts_of[me] = 0; conflicts = 0 };
    OPEN_GATE();
#if SCENE == 4
    if :: me == 0 && a > 0 -> took_left = 1 :: else fi;
#endif
    pc++;
#if SCENE == 10
    pc = 0;
#endif
#if SCENE == 3 || SCENE == 5 || SCENE == 9
    if :: me == 2 && pc < 2 -> goto begin :: else fi;
#elif SCENE == 4 || SCENE == 6
    if :: me == 0 && pc < 2 -> goto begin :: else fi;
#elif SCENE == 10
    if :: me == 1 && !gone[0] -> pc = 0; goto begin :: else fi;
#endif
    goto finish;

conflict:
    UNLOCK(X);
    UNLOCK(Y);
    d_step { running[me] = 0; COUNT_CONFLICT() };
#ifdef BUG_GATE_OPENED_BY_CONFLICT
    OPEN_GATE();
#endif
    goto begin;

retry:
#ifndef BUG_SLEEPS_IN_GATE
    OPEN_GATE();
#endif
#ifndef BUG_ARMED_LATE
    state[me] = idle;
#endif
#ifdef BUG_VALIDATE_THEN_LINK
    VALIDATE_WAIT(X);
    VALIDATE_WAIT(Y);
#endif
    LINK(X);
    LINK(Y);
#if !defined(BUG_SLEEPS_UNVALIDATED) && !defined(BUG_VALIDATE_THEN_LINK)
    VALIDATE_WAIT(X);
    VALIDATE_WAIT(Y);
#endif
#ifdef BUG_ARMED_LATE
    state[me] = idle;
#endif
    d_step { running[me] = 0; conflicts = 0; conflicts_of[me] = 0 };
    if
    :: atomic { state[me] == idle -> state[me] = parked };
        if
        :: posts[me] > 0 -> posts[me]--
        :: cut -> goto finish
#if SCENE == 9
        :: me == 0 -> /* the time-out */
#ifdef BUG_TIMEOUT_LOOKS_AWAY
            state[me] = idle;
            goto timed_out;
#else
            if
            :: atomic {
                   state[me] == parked -> state[me] = idle; goto timed_out
               }
            :: state[me] == woken -> posts[me] > 0; posts[me]--
            fi
#endif
#endif
        fi
    :: state[me] == woken
    fi;
    UNLINK(X);
    UNLINK(Y);
    goto begin;

changed:
    UNLINK(X);
    UNLINK(Y);
    goto conflict;

#if SCENE == 9
timed_out:
    UNLINK(X);
    UNLINK(Y);
#endif

finish:
    atomic { gone[me] = 1; done++ }
}

init
{
    atomic {
#if SCENE == 2
        value[X] = 1;
        value[Y] = 1;
#endif
        run thread(0);
        run thread(1);
#if SCENE == 10
        done = 1
#else
        run thread(2)
#endif
    }
    done == THREADS || cut;
    if
    :: cut -> goto over
    :: else
    fi;
#if SCENE == 1
    assert(value[X] == 2 && value[Y] == 2);
#elif SCENE == 2
    assert(value[X] + value[Y] == 1);
#elif SCENE == 6
    assert(value[X] == 0 && value[Y] == 3);
#endif
    assert(!HELD(word[X]) && !HELD(word[Y]) && !waits[X] && !waits[Y]);
    assert(!holder);
over:
    skip
}
