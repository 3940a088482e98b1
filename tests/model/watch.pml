/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Registering watchers: a model of stm/watch-run.c, watch-register.c and of
 * what stm/commit.c does about watch sets, for Spin.
 *
 * One watcher, W, guards x and y: never are both 1.  It reads x, and y only
 * while x is 1, so that what it watches changes with what it sees.  Whoever
 * would make both 1 is refused, if W runs in that transaction.  A law, which
 * may run in a transaction after it, therefore never sees both 1, not even in
 * one that will be thrown away.  The threads, each of one transaction, are
 * chosen by SCENE.
 *
 * What is modelled, a step for each access to something shared: reading the
 * watch version and then the set of a variable that is written; W's reads,
 * logged like all reads, and those of the law; the snapshot that moves to the
 * present where something is newer; W's own variable, with the list of what it
 * watches; the entries in the write set for sets that change; each lock, and
 * the look under it whether the watchers are those who ran; tick, validation,
 * and publishing, where a new set goes before its version and leaves the word
 * of the variable as it was.
 *
 * What is not: cascades to a fix-point, waiting for a variable that is held
 * (here, that is a conflict), and what stm.pml shows.
 *
 * What is asserted, by the letters of stm/commit.c.
 *   A  the law holds in every attempt.
 *   F  no transaction commits both 1 unseen by W; when all is over, W is in the
 *      sets of just those variables that its own list names, and the list is
 *      what W would read now.
 *   C  nobody waits for ever: no invalid end state.
 *
 * BUG_... puts a known mistake back; the table is in check-models. */
#ifndef SCENE
#define SCENE 1
#endif
#ifndef TICKS
#define TICKS 12 /* where a run is cut: see stm.pml */
#endif

#define X 0
#define Y 1
#define OWN 2 /* the watcher's own variable */
#define HELD(w) ((w) & 1)
#define VERSION(w) ((w) & 254)

byte clock;
byte word[3];
byte value[3]; /* of OWN: 1 if W watches x, plus 2 if it watches y */
bit set[2];    /* is W in the watch set? */
byte set_version[2];
byte set_since[2]; /* the version of the commit that installed it */
byte done;
bit cut;

/* Is what was read as it was? */
inline STILL(v)
{
    if
    :: reads[v] && word[v] != seen[v] -> goto conflict
    :: else
    fi
}

/* Is what was written still watched by those that were found? */
inline STILL_WATCHED(v)
{
#ifndef BUG_WATCHERS_NOT_LOOKED_AT_IN_EXTENDING
    if
    :: known[v] && HELD(word[v]) -> goto conflict
    :: else
    fi;
    if
    :: known[v] && set_version[v] != known_version[v] -> goto conflict
    :: else
    fi
#else
    skip
#endif
}

inline EXTEND()
{
    now = clock;
    STILL(X);
    STILL(Y);
    STILL(OWN);
    STILL_WATCHED(X);
    STILL_WATCHED(Y);
    snapshot = now
}

inline READ(v, into)
{
    if
    :: sets[v] -> into = new[v]
    :: else ->
        w = word[v];
        if
        :: HELD(w) -> goto conflict
        :: !HELD(w) && w > snapshot -> EXTEND()
        :: else
        fi;
        tmp = value[v];
        if
        :: word[v] != w -> goto conflict
        :: else -> d_step { reads[v] = 1; seen[v] = w; into = tmp }
        fi
    fi
}

/* The watchers of a variable, as of the last commit: never older than the
 * version that is remembered. */
inline REMEMBER(v)
{
#ifdef BUG_SET_BEFORE_VERSION
    known_set[v] = set[v];
    known_version[v] = set_version[v];
#else
    known_version[v] = set_version[v];
    known_set[v] = set[v];
#endif
    known[v] = 1
}

/* The same, as of the snapshot. */
inline LOOK_UP(v)
{
    REMEMBER(v);
    now = set_since[v];
#ifndef BUG_LOOKED_UP_WHILE_HELD
    if
    :: HELD(word[v]) -> goto conflict
    :: else
    fi;
    if
    :: set_version[v] != known_version[v] -> goto conflict
    :: else
    fi;
#endif
    if
    :: now > snapshot -> EXTEND()
    :: else
    fi
}

inline WATCHERS_OF(v)
{
    if
    :: sets[v] -> LOOK_UP(v); due = due | known_set[v]
    :: else
    fi
}

/* The set that the commit is to install. */
inline CHANGE_SET(v, watches)
{
    if
    :: known[v] ->
        tmp = set_version[v];
        if
        :: tmp != known_version[v] -> goto conflict
        :: else
        fi
    :: else -> REMEMBER(v)
    fi;
    d_step { changes[v] = 1; new_set[v] = watches }
}

inline RUN_WATCHER()
{
#ifdef BUG_OWN_LIST_NOT_READ
    before = value[OWN];
#else
    READ(OWN, before);
#endif
    READ(X, x);
    after = 1;
    if
    :: x == 1 ->
        READ(Y, y);
        after = 3;
        if
        :: y == 1 -> goto refused
        :: else
        fi
    :: else
    fi
}

inline REGISTER()
{
    if
    :: after != before ->
        d_step { sets[OWN] = 1; new[OWN] = after };
        if
        :: (after & 1) != (before & 1) -> CHANGE_SET(X, after & 1)
        :: else
        fi;
        if
        :: (after & 2) != (before & 2) -> CHANGE_SET(Y, (after >> 1) & 1)
        :: else
        fi
    :: else
    fi
}

inline CHECK_LAW()
{
    READ(OWN, exists);
    if
    :: exists ->
        READ(X, x);
        READ(Y, y);
        assert(!(x == 1 && y == 1))
    :: else
    fi
}

#define WANTS(v) (sets[v] || (v < 2 && changes[v % 2]))

inline LOCK(v)
{
    if
    :: WANTS(v) ->
        atomic {
            if
            :: HELD(word[v]) -> goto conflict
            :: else -> word[v] = word[v] + 1; owns[v] = 1
            fi
        }
    :: else
    fi
}

/* Is the variable, now held, watched by those who ran? */
inline SAME_WATCHERS(v)
{
#ifndef BUG_WATCHERS_NOT_LOOKED_AT_AGAIN
    if
    :: WANTS(v) && set_version[v] != known_version[v] -> goto conflict
    :: else
    fi
#else
    skip
#endif
}

inline VALIDATE(v)
{
    if
    :: reads[v] && word[v] != seen[v] && !(owns[v] && word[v] == seen[v] + 1) ->
        goto conflict
    :: else
    fi
}

inline PUBLISH_SET(v)
{
    if
    :: changes[v] ->
        set_since[v] = stamp;
#ifdef BUG_VERSION_BEFORE_SET
        set_version[v] = set_version[v] + 1;
        set[v] = new_set[v];
#elif defined(BUG_VERSION_STAYS)
        set[v] = new_set[v];
#else
        set[v] = new_set[v];
        set_version[v] = set_version[v] + 1;
#endif
    :: else
    fi
}

inline PUBLISH(v)
{
    if
    :: sets[v] -> value[v] = new[v]
    :: else
    fi;
    if
    :: v < 2 -> PUBLISH_SET(v)
    :: else
    fi;
    if
    :: owns[v] ->
        d_step {
            word[v] = (sets[v] -> stamp : VERSION(word[v]));
            owns[v] = 0
        }
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

/* Sets one variable, or creates W (variable OWN). */
proctype transaction(byte target, what)
{
    byte snapshot, stamp, now, w, tmp, x, y, before, after, exists;
    byte seen[3], new[3], known_version[3];
    bit reads[3], sets[3], owns[3];
    bit known[3], known_set[3], changes[2], new_set[2], due;

begin:
    atomic {
        reads[X] = 0; reads[Y] = 0; reads[OWN] = 0;
        sets[X] = 0; sets[Y] = 0; sets[OWN] = 0;
        seen[X] = 0; seen[Y] = 0; seen[OWN] = 0;
        known[X] = 0; known[Y] = 0; known_set[X] = 0; known_set[Y] = 0;
        known_version[X] = 0; known_version[Y] = 0;
        changes[X] = 0; changes[Y] = 0; new_set[X] = 0; new_set[Y] = 0;
        new[X] = 0; new[Y] = 0; new[OWN] = 0;
        due = 0; x = 0; y = 0; before = 0; after = 0; w = 0; tmp = 0;
        stamp = 0; now = 0; exists = 0;
        if
        :: cut -> goto refused
        :: else
        fi;
        snapshot = clock
    };
    if
    :: target == OWN -> due = 1
    :: else -> d_step { sets[target] = 1; new[target] = what }
    fi;

    /* prepare */
    WATCHERS_OF(X);
    WATCHERS_OF(Y);
    if
    :: due -> RUN_WATCHER()
    :: else
    fi;
    if
    :: CHECK_LAW()
    :: skip
    fi;
    if
    :: due -> REGISTER()
    :: else
    fi;

    /* lock */
    LOCK(X);
    SAME_WATCHERS(X);
    LOCK(Y);
    SAME_WATCHERS(Y);
    LOCK(OWN);
    atomic {
        if
        :: clock >= 2 * TICKS -> cut = 1; goto conflict
        :: else -> clock = clock + 2; stamp = clock
        fi
    };
#ifndef BUG_NO_VALIDATION
    if
    :: stamp == snapshot + 2
    :: else -> VALIDATE(X); VALIDATE(Y); VALIDATE(OWN)
    fi;
#endif
    PUBLISH(X);
    PUBLISH(Y);
    PUBLISH(OWN);
    goto over;

conflict:
    UNLOCK(X);
    UNLOCK(Y);
    UNLOCK(OWN);
    goto begin;

refused:
over:
    done++
}

#if SCENE == 1 /* W is created while x and y become 1 */
#define RUN_ALL run transaction(OWN, 0); run transaction(X, 1); \
    run transaction(Y, 1)
#define COUNT 3
#elif SCENE == 2 /* W watches x; x becomes 1, so that W watches y, too, and y */
#define RUN_ALL value[OWN] = 1; set[X] = 1; set_version[X] = 1; \
    run transaction(X, 1); run transaction(Y, 1)
#define COUNT 2
#elif SCENE == 3 /* W watches both; x becomes 0, 1 again, and y becomes 1 */
#define RUN_ALL value[OWN] = 3; set[X] = 1; set[Y] = 1; set_version[X] = 1; \
    set_version[Y] = 1; value[X] = 1; run transaction(X, 0); \
    run transaction(X, 1); run transaction(Y, 1)
#define COUNT 3
#endif

init
{
    atomic { RUN_ALL };
    done == COUNT;
    if
    :: cut -> goto over
    :: else
    fi;
    assert(!HELD(word[X]) && !HELD(word[Y]) && !HELD(word[OWN]));
    if
    :: value[OWN] -> /* W was not refused when it was to be created */
        assert(!(value[X] == 1 && value[Y] == 1));
        assert(value[OWN] == (value[X] == 1 -> 3 : 1))
    :: else
    fi;
    assert(set[X] == (value[OWN] & 1) && set[Y] == value[OWN] >> 1);
over:
    skip
}
