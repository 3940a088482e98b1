/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Who is woken, and who looks after those that are not: a model of stm/wait.c
 * and of what stm/block.c, commit.c and overdue.c do with it, for Spin.
 *
 * What is modelled, a step each: claiming at one variable, with what is learnt
 * and left under its lock; linking to one variable and unlinking; a commit,
 * and after it the claiming for each variable that it changed; passing on for
 * each baton at the end of an attempt; a time-out, a cancelled sleep, and a
 * thread that ends in a body; the looks of the service thread.  Of several
 * that could be claimed any may be.  A call with a wake function is a thread
 * here, which may take any time from being woken to its next attempt.
 *
 * What is not.  That a transaction which registers while a commit goes on is
 * not missed is in stm.pml, where everyone is woken: here an attempt reads, and
 * a commit happens, in one step.  Whoever carries a baton claims PASS others;
 * it is two in the C file, and one makes longer chains of as few threads.  How
 * often the service thread must look before it claims.
 *
 * What is asserted, by the letters of stm/commit.c.
 *   C  when nobody can take a step, everyone who sleeps has seen what the
 *      variables hold: nobody differs.  (In SCENE 7 values have addresses,
 *      which are given out again, and what counts is what they stand for.)
 *   D  a commit claims one sleeper for each variable.
 *
 * BUG_... puts a known mistake back; the table is in check-models. */
#ifndef SCENE
#define SCENE 1
#endif
#ifndef PASS
#define PASS 1
#endif

#define SLEEPERS 3 /* and thread 3, who writes */
#define THREADS 4
#define NOBODY THREADS
#define X 0
#define Y 1
#define BIT(t) (1 << (t))
#define AT(t, v) (2 * (t) + (v))

byte value[2];
byte version[2];
byte linked[2]; /* sets of threads */
byte left[2];   /* whose waits were given a baton at this variable */
byte seen[2 * THREADS];
bit watched[2];

mtype = { idle, parked, woken };
mtype state[THREADS] = idle;
bit asleep[THREADS];  /* registered, and its attempt has ended */
bit passed[THREADS]; /* has run after the change */
byte over;

#if SCENE == 7
byte meaning[2];
byte meant[2 * THREADS];
#endif

/* What a thread's script reads. */
#if SCENE == 3
#define READS(t, v) ((t) == 1 || (t) == 3 || (v) == (t) / 2)
#else
#define READS(t, v) ((v) == X)
#endif

#ifdef CALLER /* thread 0 is one who steps, and never comes back */
#define IS_CALLER(t) ((t) == 0)
#else
#define IS_CALLER(t) false
#endif

#define DIFFERS(t, v) \
    ((linked[v] & BIT(t)) && !IS_CALLER(t) && seen[AT(t, v)] != value[v])
#define ANY_DIFFERS(v) (DIFFERS(0, v) || DIFFERS(1, v) || DIFFERS(2, v) || \
                        DIFFERS(3, v))

inline CLAIM(v, most)
{
    atomic {
        claimed = 0;
        count = 0;
#if defined(CALLER) && !defined(BUG_CALLER_COUNTS)
        if
        :: linked[v] & BIT(0) ->
            linked[v] = linked[v] & (255 - BIT(0));
            state[0] = woken
        :: else
        fi;
#endif
        do
        :: count == most -> break
        :: else ->
            if
            :: DIFFERS(0, v) -> who = 0
            :: DIFFERS(1, v) -> who = 1
            :: DIFFERS(2, v) -> who = 2
            :: DIFFERS(3, v) -> who = 3
#ifdef BUG_CALLER_COUNTS
            :: linked[v] & BIT(0) -> who = 0
#endif
            :: else -> break
            fi;
            linked[v] = linked[v] & (255 - BIT(who));
            if
            :: state[who] == woken ->
#ifdef BUG_AWAKE_COUNTS
                count++
#else
                skip
#endif
            :: else ->
                state[who] = woken;
                claimed = claimed | BIT(who);
                count++
            fi
        od;
        if
        :: claimed && ANY_DIFFERS(v) ->
            left[v] = left[v] | claimed;
#ifndef BUG_NOT_WATCHED
            watched[v] = 1;
#endif
        :: else
        fi;
        who = 0
    }
}

/* After a commit. */
inline CHANGE(v)
{
    if
    :: changed & BIT(v) ->
        CLAIM(v, 1);
        if
        :: claimed ->
#ifdef BUG_HANDS_OVER_ALL
            batons = 0
#else
            batons = batons & (255 - BIT(v))
#endif
        :: else
        fi;
        claimed = 0;
        count = 0
    :: else
    fi
}

inline PASS_ON(v)
{
    if
    :: batons & BIT(v) ->
        CLAIM(v, PASS);
        d_step { claimed = 0; count = 0; batons = batons & (255 - BIT(v)) }
    :: else
    fi
}

inline LINK(v)
{
    if
    :: READS(me, v) ->
        d_step {
            linked[v] = linked[v] | BIT(me);
            left[v] = left[v] & (255 - BIT(me));
            seen[AT(me, v)] = was[v];
#if SCENE == 7
            meant[AT(me, v)] = then
#endif
        }
    :: else
    fi
}

#define CHANGED(v) (READS(me, v) && version[v] != read[v])

/* Under the lock: is there a baton? */
inline UNLINK(v)
{
    d_step {
        linked[v] = linked[v] & (255 - BIT(me));
        if
        :: left[v] & BIT(me) ->
#ifdef BUG_TIMEOUT_LOOKS_AWAY
            if
            :: timed_out
            :: else -> batons = batons | BIT(v)
            fi;
#else
            batons = batons | BIT(v);
#endif
            left[v] = left[v] & (255 - BIT(me))
        :: else
        fi;
        seen[AT(me, v)] = 0
#if SCENE == 7
        ;
        meant[AT(me, v)] = 0
#endif
    }
}

#if SCENE == 7
/* No value has the address of one that somebody remembers. */
#ifdef BUG_NOT_REMEMBERED
#define REMEMBERED(t, address) false
#else
#define REMEMBERED(t, address) \
    ((linked[X] & BIT(t) || asleep[t]) && seen[AT(t, X)] == (address))
#endif
#define FREE(address) \
    (value[X] != (address) && !REMEMBERED(0, address) && \
     !REMEMBERED(1, address) && !REMEMBERED(2, address))
#endif

proctype thread(byte me)
{
    byte was[2], then, now[2], batons, claimed, count, who, changed, rounds;
    byte read[2];
    bit timed_out;

begin:
    atomic {
        was[X] = value[X];
        was[Y] = value[Y];
        read[X] = version[X];
        read[Y] = version[Y];
        now[X] = was[X];
        now[Y] = was[Y];
#if SCENE == 7
        then = meaning[X];
#endif
        changed = 0;
        timed_out = 0
    }

    /* ---- the scripts: set `changed` and `now`, or retry ---- */
#if SCENE == 1 /* three take from x, thread 3 puts two there, one at a time */
    if
    :: me < 3 && was[X] == 0 -> goto retry
    :: me < 3 && was[X] != 0 -> now[X] = 0; changed = BIT(X)
    :: me == 3 && was[X] != 0 -> goto retry
    :: me == 3 && was[X] == 0 -> now[X] = 1; changed = BIT(X)
    fi;
#elif SCENE == 2 /* three wait for x, for good */
    if
    :: me < 3 && was[X] == 0 -> goto retry
    :: me < 3 && was[X] != 0
    :: me == 3 -> now[X] = 1; changed = BIT(X)
    fi;
#elif SCENE == 3 /* 0 waits for x, 1 for x and y, 2 for y; 3 writes y, and then
                  * both; 1 writes y */
    if
    :: me == 0 && was[X] == 0 -> goto retry
    :: me == 0 && was[X] != 0
    :: me == 1 && (was[X] == 0 || was[Y] == 0) -> goto retry
    :: me == 1 && was[X] && was[Y] -> now[Y] = 2; changed = BIT(Y)
    :: me == 2 && (was[Y] != 2) -> goto retry
    :: me == 2 && was[Y] == 2
    :: me == 3 && rounds == 0 -> now[Y] = 1; changed = BIT(Y)
    :: me == 3 && rounds == 1 ->
        now[X] = 1;
        now[Y] = 3;
        changed = BIT(X) | BIT(Y)
    fi;
#elif SCENE == 4 || SCENE == 6 /* as 2; a sleep may be over, and a thread */
    if
    :: me < 3 && was[X] == 0 -> goto retry
    :: me < 3 && was[X] != 0
#if SCENE == 4
    :: me < 2 && was[X] != 0 -> /* the thread ends in the body */
#ifdef BUG_BATON_DIES
        batons = 0;
#endif
        goto passing_on
#endif
    :: me == 3 -> now[X] = 1; changed = BIT(X)
    fi;
#elif SCENE == 5 /* as 2; 0 and 1, once awake, wait for 2 by other means */
    if
    :: me < 3 && was[X] == 0 -> goto retry
    :: me < 2 && was[X] != 0 -> passed[2]
    :: me == 2 && was[X] != 0 -> passed[2] = 1
    :: me == 3 -> now[X] = 1; changed = BIT(X)
    fi;
#elif SCENE == 7 /* three wait for a change of x, which changes twice */
    if
    :: me < 3 && was[X] == 0 -> goto retry
    :: me < 3 && was[X] != 0
    :: me == 3 -> changed = BIT(X)
    fi;
#elif SCENE == 8 /* 1 and 2 wait for x, 0 for more of it than there will be */
    if
    :: me == 0 && was[X] < 2 -> goto retry
    :: (me == 1 || me == 2) && was[X] == 0 -> goto retry
    :: (me == 1 || me == 2) && was[X] != 0
    :: me == 3 -> now[X] = 1; changed = BIT(X)
    fi;
#endif

    atomic {
        if
        :: changed && (CHANGED(X) || CHANGED(Y)) ->
            changed = 0;
            goto conflict
        :: else
        fi;
#if SCENE == 7
        if
        :: changed ->
            if
            :: FREE(0) -> now[X] = 0
            :: FREE(1) -> now[X] = 1
            :: FREE(2) -> now[X] = 2
            :: else -> goto begin
            fi;
            meaning[X]++
        :: else
        fi;
#endif
        if :: changed & BIT(X) -> value[X] = now[X]; version[X]++ :: else fi;
        if :: changed & BIT(Y) -> value[Y] = now[Y]; version[Y]++ :: else fi
    }
    CHANGE(X);
    CHANGE(Y);
    rounds++;
    goto passing_on;

retry:
    state[me] = idle;
    LINK(X);
    LINK(Y);
    if
    :: CHANGED(X) || CHANGED(Y) ->
        UNLINK(X);
        UNLINK(Y);
        goto conflict
    :: else
    fi;
    asleep[me] = 1;
    /* The attempt ends here, and it may be one that was woken. */
#ifndef BUG_BLOCKED_KEEPS_BATON
    PASS_ON(X);
    PASS_ON(Y);
#endif
end_asleep:
    if
#if SCENE == 4
    :: me < 2 && rounds == 0 -> rounds = 1; timed_out = 1
    :: me == 0 -> rounds = 9 /* cancelled */
#endif
    :: atomic { state[me] == woken && !IS_CALLER(me) }
    fi;
    asleep[me] = 0;
    UNLINK(X);
    UNLINK(Y);
    if
    :: rounds == 9 -> goto passing_on
    :: else -> goto begin
    fi;

conflict:
    PASS_ON(X);
    PASS_ON(Y);
    goto begin;

passing_on:
    PASS_ON(X);
    PASS_ON(Y);
    if
    :: me == 3 && rounds < 2 && (SCENE == 1 || SCENE == 3 || SCENE == 7) ->
        goto begin
    :: else
    fi;
    over++
}

/* The service thread. */
#if SCENE == 5
active proctype service()
{
end:
    do
    :: atomic {
           watched[X] ->
           watched[X] = 0;
           if :: DIFFERS(0, X) -> state[0] = woken :: else fi;
           if :: DIFFERS(1, X) -> state[1] = woken :: else fi;
           if :: DIFFERS(2, X) -> state[2] = woken :: else fi
       }
    od
}
#endif

#if SCENE == 7
#define RIGHT(t, v) (!READS(t, v) || meant[AT(t, v)] == meaning[v])
#else
#define RIGHT(t, v) (!READS(t, v) || seen[AT(t, v)] == value[v])
#endif
#define SLEEPS_RIGHTLY(t) \
    (!asleep[t] || IS_CALLER(t) || (RIGHT(t, X) && RIGHT(t, Y)))

init
{
    atomic {
        run thread(0);
        run thread(1);
        run thread(2);
        run thread(3)
    }
    timeout;
    assert(SLEEPS_RIGHTLY(0) && SLEEPS_RIGHTLY(1) && SLEEPS_RIGHTLY(2) &&
           SLEEPS_RIGHTLY(3));
#ifdef CALLER
    assert(!asleep[0] || state[0] == woken);
#endif
#if SCENE == 5
    assert(over == THREADS);
#endif
    assert(!left[X] && !left[Y])
}
