/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Running solo: a model of stm/solo.c and of what stm/attempt.c, commit.c and
 * slot.c do about it, for Spin.
 *
 * Two variables, x and y, always change together.  Each thread makes a few
 * attempts, which take x, then y, and then perhaps write both; one that runs
 * solo may also block, and so withdraws.  What x held is an object, which goes
 * with the last attempt that could see it.  In SCENE 1 only the first of two
 * threads tries to run solo, in SCENE 2 both do, and in SCENE 3 a third thread
 * takes away, outside any attempt, the only way to an object that the others
 * could have found.
 *
 * What is modelled, a step for each access to something shared: the flag and
 * the slot in stm__solo, `begin` and `publishing`, each load of a read solo,
 * each store of a commit solo, becoming solo, ending it and withdrawing, the
 * scan of one slot after the other, leaving an object in a slot and taking it
 * from there.  Memory is as on the x86: what a thread stores where the code has
 * no fence goes through a store buffer, is seen by the thread itself at once,
 * and by others in order, at any time later.
 *
 * What is not: how commits beside others lock and validate, which stm.pml is
 * about: they are one step here, and a read beside others is one with the look
 * at its snapshot, which never moves; the gate; how long threads wait before
 * they try again: they try or not.
 *
 * What is asserted, by the letters of stm/commit.c.
 *   A  what an attempt has read existed together, unless it is thrown away
 *      before it looks at it; nobody publishes while another one does so who
 *      counts on being solo; no commit is lost; nobody looks at what has been
 *      released.
 *   H  when all threads have ended, all that nobody can reach is released:
 *      nothing stays behind in a slot.  Nothing is released twice.
 *   At most one thread at a time counts on being solo.
 *
 * BUG_... puts a known mistake back; the table is in check-models. */
#ifndef SCENE
#define SCENE 1
#endif

#if SCENE == 3
#define THREADS 3
#else
#define THREADS 2
#endif

#define BIT(i) (1 << (i))
#define OBJECT 7 /* what SCENE 3 is about; the others are the values of x */
#define NONE 8

byte clock = 1;
byte x, y;
byte commits;
byte death[NONE]; /* when each object was replaced */
bit reachable = 1; /* is OBJECT? */
byte released; /* a set of objects */

byte the_solo; /* 0, or 1 + the index of a thread: stm__solo */
byte enders;   /* how many are about to end someone's time solo */

/* The slots. */
byte begins[THREADS]; /* the snapshot; 0 while idle */
byte stuck[THREADS];  /* a set of objects */
bit solo[THREADS];
bit publishing[THREADS];
bit mutex; /* of limbo.c */

bit counts_on_it[THREADS]; /* became solo, and has not noticed its end */
byte acting;               /* how many are publishing as if solo */
byte done;

/* ---- store buffers ---- */

mtype = { BEGIN, PUBLISHING, X, Y };
chan buffer[THREADS] = [6] of { mtype, byte };
byte newest[THREADS]; /* what this thread last stored solo */

active [THREADS] proctype memory()
{
    byte v;

end:
    do
    :: atomic {
        buffer[_pid]?BEGIN(v) -> begins[_pid] = v; v = 0
       }
    :: atomic {
        buffer[_pid]?X(v) -> x = v; v = 0
       }
    :: atomic {
        buffer[_pid]?Y(v) -> y = v; v = 0
       }
    :: atomic {
        buffer[_pid]?PUBLISHING(v) ->
        if
        :: publishing[_pid] && !v && acting -> acting--
        :: else
        fi;
        publishing[_pid] = v;
        v = 0
       }
    od
}

#define FENCE() empty(buffer[me])

inline MEMBARRIER()
{
#ifdef BUG_NO_MEMBARRIER
    skip
#else
    empty(buffer[0]);
    empty(buffer[1])
#endif
}

inline LOAD(which, place, into)
{
    if
    :: buffer[me]??[which, eval(newest[me])] -> into = newest[me]
    :: else -> into = place
    fi
}

/* ---- solo.c ---- */

inline END_SOLO()
{
    other = the_solo;
    if
    :: other && other != me + 1 ->
#ifndef BUG_ENDS_UNSEEN
        enders++;
        other = the_solo;
        if
        :: other && other != me + 1 ->
#endif
        solo[other - 1] = 0;
        MEMBARRIER();
#ifndef BUG_PUBLISHING_NOT_AWAITED
        !publishing[other - 1];
#endif
        atomic {
            if :: the_solo == other -> the_solo = 0 :: else fi
        }
#ifndef BUG_ENDS_UNSEEN
        :: else
        fi;
        enders--
#endif
    :: else
    fi;
    other = 0
}

inline WITHDRAW()
{
#ifdef BUG_WITHDRAWS_IF_THERE
    if
    :: the_solo == me + 1 ->
        solo[me] = 0;
        FENCE();
        atomic {
            if :: the_solo == me + 1 -> the_solo = 0 :: else fi
        }
    :: else
    fi
#else
    solo[me] = 0;
    if
    :: the_solo == me + 1 ->
        FENCE();
        atomic {
            if :: the_solo == me + 1 -> the_solo = 0 :: else fi
        }
    :: else
    fi
#endif
}

inline TRY()
{
    if
    :: the_solo
    :: else ->
        solo[me] = 1;
        FENCE();
        atomic {
            if
            :: the_solo -> fine = 0
            :: else -> the_solo = me + 1; fine = 1
            fi
        };
        if
        :: !fine -> solo[me] = 0
        :: else ->
            if :: begins[1 - me] -> fine = 0 :: else fi;
#ifndef BUG_ENDS_UNSEEN
            if :: enders -> fine = 0 :: else fi;
#endif
#ifndef BUG_LEFT_BEFORE
            if :: stuck[me] -> fine = 0 :: else fi;
#endif
#ifndef BUG_NOT_LOOKED_AGAIN
            if :: the_solo != me + 1 -> fine = 0 :: else fi;
#endif
            if
            :: fine ->
                atomic {
                    is_solo = 1;
                    counts_on_it[me] = 1;
                    assert(!solo[me] || !solo[1 - me] || !counts_on_it[1 - me])
                }
            :: else -> WITHDRAW()
            fi
        fi;
        fine = 0
    fi
}

/* ---- limbo.c ---- */

#define MAY_SEE(t, i) (begins[t] && begins[t] < death[i])

/* Releases an object, or leaves it with one who may look at it. */
inline PROCESS(i)
{
    do
    :: FENCE();
#ifndef BUG_SCANS_BESIDE
        END_SOLO();
#endif
        holder = THREADS;
        if :: me != 0 && MAY_SEE(0, i) -> holder = 0 :: else fi;
        if :: me != 1 && MAY_SEE(1, i) -> holder = 1 :: else fi;
        if
        :: holder == THREADS ->
            d_step {
                assert(!(released & BIT(i)));
                released = released | BIT(i)
            };
            break
        :: else ->
            atomic { !mutex -> mutex = 1 };
            stuck[holder] = stuck[holder] | BIT(i);
#ifndef BUG_LEAVES_BESIDE
            END_SOLO(); /* who has become solo since the scan would not look */
#endif
            fine = (begins[holder] != 0);
            if
            :: !fine -> stuck[holder] = stuck[holder] & (255 - BIT(i))
            :: else
            fi;
            mutex = 0;
            if :: fine -> fine = 0; break :: else fi
        fi
    od;
    holder = 0
}

/* At the end of an attempt: its own object, then what it held back. */
inline SETTLE()
{
    if :: batch < NONE -> PROCESS(batch) :: else fi;
    if
    :: told ->
        atomic { !mutex -> mutex = 1 };
        d_step { list = stuck[me]; stuck[me] = 0 };
        mutex = 0;
        batch = 0;
        do
        :: list ->
            if
            :: list & BIT(batch) ->
                list = list & (255 - BIT(batch));
                PROCESS(batch)
            :: else
            fi;
            batch++
        :: else -> break
        od
    :: else
    fi;
    atomic { batch = NONE; told = 0 }
}

/* ---- attempts ---- */

inline ENTER()
{
    snapshot = clock;
    FENCE();
    begins[me] = snapshot; /* drained before the next load */
    END_SOLO()
}

inline BEGIN_ATTEMPT()
{
    if
    :: solo[me] -> buffer[me]!BEGIN(snapshot) /* stm__fast_begin */
    :: else ->
        is_solo = 0;
        counts_on_it[me] = 0;
        if :: tries -> TRY() :: true fi;
        if
        :: is_solo -> snapshot = clock; buffer[me]!BEGIN(snapshot)
        :: else -> ENTER()
        fi
    fi
}

inline JOIN_OTHERS()
{
    WITHDRAW();
    is_solo = 0;
    counts_on_it[me] = 0;
    ENTER()
}

/* `into` is what the variable holds; or the attempt is thrown away. */
inline READ(which, place, into)
{
    if
    :: is_solo ->
#ifdef BUG_LOOKS_FIRST
        fine = solo[me];
        LOAD(which, place, into);
#else
        LOAD(which, place, into);
        fine = solo[me];
#endif
        if
        :: fine -> fine = 0
        :: !fine && has_read -> goto ends
        :: else -> JOIN_OTHERS()
        fi
    :: else
    fi;
    if
    :: is_solo
    :: else ->
        atomic {
            into = place;
            if :: clock != snapshot -> into = got; goto ends :: else fi
        }
    fi
}

inline PUBLISH_SOLO()
{
    buffer[me]!PUBLISHING(1);
    atomic {
#ifndef BUG_PUBLISHES_BLINDLY
        if
        :: !solo[me] -> buffer[me]!PUBLISHING(0); goto ends
        :: else
        fi;
#endif
        assert(!acting); /* A */
        acting++;
        newest[me] = got + 1;
        batch = got;
        death[batch] = snapshot;
        commits++
    };
    buffer[me]!X(got + 1);
    buffer[me]!Y(got + 1);
    buffer[me]!PUBLISHING(0)
}

inline PUBLISH_BESIDE_OTHERS()
{
    atomic {
        if :: clock != snapshot -> goto ends :: else fi;
        assert(!acting && x == got && y == got); /* A */
        x = got + 1;
        y = got + 1;
        clock++;
        batch = got;
        death[batch] = clock;
        commits++
    }
}

inline LEAVE()
{
    if
    :: is_solo ->
        buffer[me]!BEGIN(0);
#ifdef BUG_LEAVES_BLINDLY
        fine = 1;
#else
        fine = solo[me];
#endif
        if
        :: fine -> fine = 0
        :: else -> FENCE(); told = (stuck[me] != 0)
        fi
    :: else ->
        begins[me] = 0; /* and a fence */
        told = (stuck[me] != 0)
    fi
}

proctype thread(byte me, rounds; bit tries)
{
    byte snapshot, got, got_y, other, holder, list, batch = NONE;
    bit is_solo, has_read, found, fine, told;

    do
    :: rounds > 0 ->
        BEGIN_ATTEMPT();
#if SCENE == 3
        if
        :: is_solo ->
            found = reachable;
            if :: !solo[me] -> found = 0; goto ends :: else fi;
            has_read = 1
        :: else -> found = reachable
        fi;
        assert(!found || !(released & BIT(OBJECT)));
#endif
        READ(X, x, got);
        has_read = 1;
        assert(!(released & BIT(got))); /* A */
        READ(Y, y, got_y);
        assert(got == got_y); /* A */
        if
        :: true /* has only read */
        :: is_solo -> WITHDRAW() /* blocks */
        :: SCENE != 3 ->
            if
            :: is_solo -> PUBLISH_SOLO()
            :: else -> PUBLISH_BESIDE_OTHERS()
            fi
        fi;
ends:
        assert(!has_read || !(released & BIT(got))); /* A */
        assert(!found || !(released & BIT(OBJECT)));
        d_step { has_read = 0; found = 0; got = 0; got_y = 0; fine = 0 };
        LEAVE();
        SETTLE();
        rounds--
    :: else -> break
    od;
    WITHDRAW(); /* gives its slot back */
    counts_on_it[me] = 0;
    FENCE();
    done++
}

/* Outside any attempt. */
proctype burier(byte me)
{
    byte other, holder;
    bit fine;

    reachable = 0;
    d_step { clock++; death[OBJECT] = clock };
    PROCESS(OBJECT);
    done++
}

init
{
    atomic {
#if SCENE == 1
        run thread(0, 3, 1);
        run thread(1, 2, 0)
#elif SCENE == 2
        run thread(0, 2, 1);
        run thread(1, 2, 1)
#else
        run thread(0, 2, 1);
        run thread(1, 1, 0);
        run burier(2)
#endif
    };
    done == THREADS;
    assert(!stuck[0] && !stuck[1]); /* H */
    assert(x == commits && y == commits);
#if SCENE == 3
    assert(released == BIT(OBJECT))
#else
    assert(released == BIT(x) - 1)
#endif
}
