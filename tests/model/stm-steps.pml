/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* The steps that the threads of stm.pml take, in the order of a transaction:
 * reading, savepoints, commit, blocking.  All are inlined into the one
 * proctype there, whose variables and labels they use. */

#define MINE (holder == me + 1)

/* Where threads write without end, only the one that they disturb counts. */
#define COUNTS (SCENE != 10 || me == 0)

/* ---- reading ---- */

#define CURRENT(v) \
    assert(VERSION(word[v]) == seen[v] || VERSION(word[v]) > snapshot[me])

inline TAKE(v, into)
{
    assert(!reads[v] || seen[v] == w);
    reads[v] = 1;
    seen[v] = w;
    has_read[2 * me + v] = 1;
    into = tmp;
    CURRENT(v);
    w = 0;
    tmp = 0
}

inline VALIDATE_READ(v)
{
    if
    :: reads[v] && word[v] != seen[v] -> goto conflict
    :: else
    fi
}

inline READ(v, into)
{
    if
    :: writes[v] -> into = new[v]
    :: else ->
        do
        :: w = word[v];
            if
            :: HELD(w) ->
                if
                :: !HELD(word[v])
                :: !MINE -> goto conflict
                fi
            :: else ->
                tmp = value[v];
                if
#ifdef BUG_WORD_READ_ONCE
                :: atomic { w <= snapshot[me] -> TAKE(v, into); break }
                :: w > snapshot[me] ->
#else
                :: word[v] != w
                :: atomic { word[v] == w && w <= snapshot[me] ->
                            TAKE(v, into); break }
                :: word[v] == w && w > snapshot[me] ->
#endif
                    /* extend */
#ifdef BUG_EXTEND_LATE_CLOCK
                    VALIDATE_READ(X);
                    VALIDATE_READ(Y);
                    now = clock;
#else
                    now = clock;
#endif
                    if
                    :: word[v] != w
                    :: word[v] == w ->
#if !defined(BUG_EXTEND_BLINDLY) && !defined(BUG_EXTEND_LATE_CLOCK)
                        VALIDATE_READ(X);
                        VALIDATE_READ(Y);
#endif
                        atomic {
                            snapshot[me] = now;
                            now = 0;
                            TAKE(v, into);
                            if :: reads[X] -> CURRENT(X) :: else fi;
                            if :: reads[Y] -> CURRENT(Y) :: else fi;
                            break
                        }
                    fi
                fi
            fi
        od
    fi
}

inline WRITE(v, what)
{
    d_step { writes[v] = 1; new[v] = what }
}

/* ---- savepoints: ENTER a branch, UNDO it.  Two deep. ---- */

#if SCENE == 4
inline ENTER(depth)
{
    d_step {
        kept_writes[2 * depth + X] = writes[X];
        kept_writes[2 * depth + Y] = writes[Y];
        kept_new[2 * depth + X] = new[X];
        kept_new[2 * depth + Y] = new[Y];
        kept_reads[2 * depth + X] = reads[X];
        kept_reads[2 * depth + Y] = reads[Y]
    }
}

inline UNDO(depth)
{
    d_step {
#ifndef BUG_UNDO_KEEPS_WRITES
        writes[X] = kept_writes[2 * depth + X];
        writes[Y] = kept_writes[2 * depth + Y];
        new[X] = kept_new[2 * depth + X];
        new[Y] = kept_new[2 * depth + Y];
#endif
#ifdef BUG_UNDO_FORGETS_READS
        reads[X] = kept_reads[2 * depth + X];
        reads[Y] = kept_reads[2 * depth + Y];
#endif
        skip
    }
}
#endif

/* ---- commit ---- */

inline LOCK(v)
{
    if
    :: writes[v] ->
        if
        :: atomic { !HELD(word[v]) -> word[v] = word[v] + 1; owns[v] = 1 }
#ifndef ENDLESS_PATIENCE
        :: HELD(word[v]) && !MINE -> goto conflict
#endif
        fi
    :: else
    fi
}

inline UNLOCK(v)
{
    if
    :: owns[v] -> d_step { word[v] = VERSION(word[v]); owns[v] = 0 }
    :: else
    fi
}

inline LOCK_ALL()
{
#ifdef BUG_UNSORTED
    if
    :: me == 1 -> LOCK(Y); LOCK(X)
    :: else -> LOCK(X); LOCK(Y)
    fi
#else
    LOCK(X);
    LOCK(Y)
#endif
}

/* Sleeps until the gate is open; with EVICTION may throw the holder out. */
inline GATE_WAIT()
{
    if
    :: holder == 0 || MINE || cut
#ifdef EVICTION
    :: atomic { holder != 0 && !MINE -> holder = 0 }
#endif
    fi
}

inline OPEN_GATE()
{
    if
    :: MINE -> holder = 0
    :: else
    fi
}

inline TICK()
{
    atomic {
        if
        :: clock >= 2 * TICKS -> cut = 1; goto conflict
        :: else ->
            stamp = clock + 2;
#ifndef BUG_NO_TICK
            clock = stamp
#endif
        fi
    }
}

inline VALIDATE_COMMIT(v)
{
    if
    :: reads[v] && word[v] != seen[v] && !(owns[v] && word[v] == seen[v] + 1) ->
        goto conflict
    :: else
    fi
}

inline DECIDED(v)
{
    if
    :: reads[v] ->
        assert(VERSION(word[v]) == seen[v] || VERSION(word[v]) > stamp);
        if
        :: SCENE != 10 && read_until[v] < stamp -> read_until[v] = stamp
        :: else
        fi
    :: else
    fi
}

#define MAY_PUBLISH(t, v) \
    assert((t) == me || !running[t] || !has_read[2 * (t) + (v)] || \
           stamp > snapshot[t])

inline UNLOCK_NEW(v)
{
    d_step {
        word[v] = stamp;
        owns[v] = 0;
        assert(stamp >= read_until[v]);
        MAY_PUBLISH(0, v);
        MAY_PUBLISH(1, v);
        MAY_PUBLISH(2, v)
    }
}

inline LOOK_FOR_WAITERS(v)
{
    if
    :: writes[v] -> wakes[v] = (waits[v] != 0)
    :: else
    fi
}

inline PUBLISH(v)
{
    if
    :: writes[v] ->
#ifndef BUG_WAITERS_BEFORE_LOCK
        LOOK_FOR_WAITERS(v);
#endif
#ifdef BUG_UNLOCK_FIRST
        UNLOCK_NEW(v);
        d_step { old[v] = value[v]; value[v] = new[v] }
#else
        d_step { old[v] = value[v]; value[v] = new[v] };
        UNLOCK_NEW(v)
#endif
    :: else
    fi
}

inline CLAIM(t, v)
{
    if
    :: waits[v] & BIT(t) ->
        if
        :: state[t] == parked -> chain = chain | BIT(t)
        :: else
        fi;
        state[t] = woken
    :: else
    fi
}

inline CLAIM_ALL(v)
{
    if
    :: wakes[v] && old[v] != new[v] ->
        d_step {
#ifdef BUG_WAKE_ONE
            if
            :: waits[v] & BIT(0) -> CLAIM(0, v)
            :: else ->
                if
                :: waits[v] & BIT(1) -> CLAIM(1, v)
                :: else -> CLAIM(2, v)
                fi
            fi
#else
            CLAIM(0, v);
            CLAIM(1, v);
            CLAIM(2, v)
#endif
        }
    :: else
    fi
}

inline NOTIFY(t)
{
    if
    :: chain & BIT(t) ->
        d_step {
            assert(!gone[t]);
            posts[t] = posts[t] + 1;
            assert(posts[t] == 1)
        }
    :: else
    fi
}

inline WAKE()
{
    CLAIM_ALL(X);
    CLAIM_ALL(Y);
    NOTIFY(0);
    NOTIFY(1);
    NOTIFY(2)
}

/* ---- blocking ---- */

#ifdef BUG_VERSIONS_ONLY
#define CHANGED(v) (reads[v] && VERSION(word[v]) != seen[v])
#else
#define CHANGED(v) (reads[v] && word[v] != seen[v])
#endif

inline VALIDATE_WAIT(v)
{
    if
    :: CHANGED(v) -> goto changed
    :: else
    fi
}

inline LINK(v)
{
    if
    :: reads[v] -> waits[v] = waits[v] | BIT(me)
    :: else
    fi
}

inline UNLINK(v)
{
#ifndef BUG_STAYS_LINKED
    waits[v] = waits[v] & (255 - BIT(me))
#else
    skip
#endif
}

inline COUNT_CONFLICT()
{
#ifdef GATE
    if
    :: COUNTS && conflicts < GATE -> conflicts++
    :: else
    fi;
#endif
#ifdef BOUND
    if
    :: COUNTS && !cut ->
        conflicts_of[me]++;
        assert(conflicts_of[me] <= BOUND)
    :: else
    fi
#else
    skip
#endif
}
