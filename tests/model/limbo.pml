/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* When old values and dead objects are released: a model of stm/limbo.c, of the
 * slots of stm/slot-internal.h and of what stm/attempt.c and commit.c announce
 * in them, for Spin.
 *
 * SCENE 1 and 2 are about values.  Writers replace what two variables hold,
 * each with a new object; a reader takes x, then y, and looks at what it got
 * until its attempt ends, however that ends.  SCENE 3 and 4 are about objects
 * that die: a thread takes away the only way to them and buries them, while
 * others may have found them before.
 *
 * What is modelled, a step for each access to something shared: the clock, the
 * three announcements of a slot, each load of a read, what an extension
 * announces and looks at again, the announcement before publishing, the view
 * that is taken of one slot after the other, leaving a batch in a slot and
 * taking it from there, asking a slot's attempt to look again, and the mutex of
 * limbo.c.
 *
 * What is not: batches of more than one value (a view is taken for each), more
 * attempts than a view has room for, types that only some threads may release,
 * and threads that give their slots back.  Memory is sequentially consistent:
 * where the code has a fence, the model only shows why.
 *
 * What is asserted, by the letters of stm/commit.c.
 *   A  nobody looks at what has been released.
 *   H  when all attempts have ended, all that nobody can reach is released:
 *      nothing stays behind in a slot or a list.  Nothing is released twice.
 *
 * BUG_... puts a known mistake back; the table is in check-models. */
#ifndef SCENE
#define SCENE 1
#endif

#define SLOTS 3
#define X 0
#define Y 1
#define HELD(w) ((w) & 1)
#define VERSION(w) ((w) & 254)
#define BIT(i) (1 << (i))
#define ANNOUNCED(version) ((version) + 1) /* the odd bit: "here I am" */

byte clock;

/* The slots. */
byte begins[SLOTS]; /* 0 while idle */
byte low[SLOTS];
byte high[SLOTS];
byte stuck[SLOTS];  /* a set of batches */
bit asked[SLOTS];

bit mutex;
byte released; /* a set of values, or of objects */
byte done;

inline ACQUIRE()
{
    atomic { !mutex -> mutex = 1 }
}

inline RELEASE_ONE(i)
{
    d_step {
        assert(!(released & BIT(i)));
        released = released | BIT(i)
    }
}

inline ENTER()
{
    low[me] = ANNOUNCED(snapshot);
    high[me] = ANNOUNCED(snapshot);
    begins[me] = ANNOUNCED(snapshot)
}

/* told: does something wait for the end of this attempt? */
inline LEAVE()
{
#ifdef BUG_LOOKS_BEFORE_LEAVING
    told = (asked[me] || stuck[me]);
    begins[me] = 0
#else
    begins[me] = 0;
    told = asked[me];
    told = told | (stuck[me] != 0)
#endif
}

#if SCENE <= 2
/* ---- values ---- */

#define VALUES 5
byte word[2];
byte value[2]; /* the index of an object */
byte birth[VALUES], death[VALUES];

#define WITHIN(i, announced) \
    (birth[i] <= (announced) - 1 && (announced) - 1 < death[i])

/* Looks at one slot after the other for one who holds the value back. */
inline FIND_HOLDER(i)
{
    holder = SLOTS;
    t = 0;
    do
    :: t < SLOTS ->
        if
        :: begins[t] ->
#ifdef BUG_LOW_BEFORE_HIGH
            l = low[t];
            h = high[t];
#elif defined(BUG_LOW_ONLY)
            l = low[t];
            h = l;
#else
            h = high[t];
            l = low[t];
#endif
            if :: WITHIN(i, h) || WITHIN(i, l) -> holder = t :: else fi
        :: else
        fi;
        t++
    :: else -> break
    od;
    atomic { t = 0; l = 0; h = 0 }
}

inline PROCESS(i)
{
    do
    :: FIND_HOLDER(i);
        if
        :: holder == SLOTS -> RELEASE_ONE(i); break
        :: else ->
            ACQUIRE();
            stuck[holder] = stuck[holder] | BIT(i);
#ifdef BUG_LEFT_WITHOUT_LOOKING
            left = 1;
#else
            left = (begins[holder] != 0);
#endif
            if
            :: !left -> stuck[holder] = stuck[holder] & (255 - BIT(i))
            :: else
            fi;
            mutex = 0;
            if :: left -> break :: else fi
        fi
    od;
    atomic { holder = 0; left = 0 }
}

/* At the end of an attempt: its own batch, then what it held back. */
inline SETTLE()
{
    if :: batch < VALUES -> PROCESS(batch) :: else fi;
    if
    :: told ->
        ACQUIRE();
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
    atomic { batch = VALUES; told = 0 }
}

#define LOOK_AT(i) assert(!(released & BIT(i)))

inline READ(v, into)
{
    do
    :: w = word[v];
        tmp = value[v];
        if
        :: HELD(w) || word[v] != w -> !HELD(word[v])
        :: else ->
            if
            :: w <= snapshot -> break
            :: else -> /* extend */
                now = clock;
#ifndef BUG_EXTENDS_UNANNOUNCED
                high[me] = ANNOUNCED(now);
#endif
                if
                :: word[v] != w
                :: else ->
                    if :: has_x && word[X] != seen_x -> goto ends :: else fi;
                    snapshot = now;
#ifdef BUG_EXTENDS_UNANNOUNCED
                    high[me] = ANNOUNCED(now);
#endif
                    low[me] = ANNOUNCED(now);
                    break
                fi
            fi
        fi
    od;
    into = tmp
}

#define ROUNDS SCENE /* attempts, one after the other */

proctype reader(byte me)
{
    byte snapshot, w, tmp, now, x, y, seen_x, rounds;
    byte batch = VALUES, list, holder, t, l, h;
    bit has_x, has_y, told, left;

    do
    :: rounds < ROUNDS ->
        snapshot = clock;
#ifndef BUG_ANNOUNCED_LATE
        ENTER();
#endif
        READ(X, x);
        d_step { has_x = 1; seen_x = w };
#ifdef BUG_ANNOUNCED_LATE
        ENTER();
#endif
        LOOK_AT(x);
        READ(Y, y);
        has_y = 1;
        LOOK_AT(y);
ends:
        if :: has_x -> LOOK_AT(x) :: else fi;
        if :: has_y -> LOOK_AT(y) :: else fi;
        d_step { has_x = 0; has_y = 0; x = 0; y = 0; w = 0; tmp = 0;
                 now = 0; seen_x = 0; snapshot = 0 };
        LEAVE();
        SETTLE();
        rounds++
    :: else -> break
    od;
    done++
}

/* Commits a new value to x; in SCENE 2, where it is alone, then to y and to x
 * again. */
proctype writer(byte me, new, rounds)
{
    byte snapshot, stamp, version, v = X;
    byte batch = VALUES, list, holder, t, l, h;
    bit told, left;

    do
    :: rounds > 0 ->
        snapshot = clock;
        ENTER();
        atomic { !HELD(word[v]) -> version = word[v]; word[v] = version + 1 };
        d_step { clock = clock + 2; stamp = clock };
#ifndef BUG_PUBLISHES_UNANNOUNCED
        high[me] = ANNOUNCED(stamp);
#endif
        batch = value[v];
        value[v] = new;
        d_step { birth[batch] = version; death[batch] = stamp };
        word[v] = stamp;
        LOOK_AT(new); /* is it the same as what it replaced? */
        LOOK_AT(batch);
        d_step { snapshot = 0; version = 0; stamp = 0 };
        LEAVE();
        SETTLE();
        v = 1 - v;
        new++;
        rounds--
    :: else -> break
    od;
    done++
}

init
{
    atomic {
        value[X] = 0;
        value[Y] = 1;
        run reader(0);
#if SCENE == 1
        run writer(1, 2, 1);
        run writer(2, 3, 1)
#else
        run writer(1, 2, 3);
        done = 1
#endif
    }
    done == SLOTS;
    assert(!stuck[0] && !stuck[1] && !stuck[2]); /* H */
    assert(!(released & BIT(value[X])) && !(released & BIT(value[Y])));
#if SCENE == 1
    assert((released | BIT(value[X]) | BIT(value[Y])) == 15)
#else
    assert((released | BIT(value[X]) | BIT(value[Y])) == 31)
#endif
}

#else
/* ---- objects ---- */

byte reachable = 3; /* a set of two objects */
byte fresh, aging;  /* sets */
byte aging_stamp;

inline FIND_ELDER()
{
    elder = SLOTS;
    t = 0;
    do
    :: t < SLOTS ->
        b = begins[t];
        if :: b && b - 1 < aging_stamp -> elder = t :: else fi;
        t++
    :: else -> break
    od;
    atomic { t = 0; b = 0 }
}

/* holds: is there one who holds the aging objects back, and is asked? */
inline HELD_BACK()
{
    do
    :: FIND_ELDER();
        if
        :: elder == SLOTS -> holds = 0; break
        :: else ->
            asked[elder] = 1;
#ifdef BUG_ASKS_WITHOUT_LOOKING
            holds = 1;
            break
#else
            if :: begins[elder] -> holds = 1; break :: else fi
#endif
        fi
    od;
    elder = 0
}

inline FREE_ALL(objects)
{
    if :: objects & BIT(0) -> RELEASE_ONE(0) :: else fi;
    if :: objects & BIT(1) -> RELEASE_ONE(1) :: else fi
}

inline FREE_OBJECTS()
{
    do
    :: ACQUIRE();
        if
        :: !aging && fresh ->
            d_step { aging = fresh; fresh = 0 };
#ifdef BUG_GRACE_WITHOUT_TICK
            aging_stamp = clock
#else
            d_step { clock = clock + 2; aging_stamp = clock }
#endif
        :: else
        fi;
        over = 0;
        if
        :: aging ->
            HELD_BACK();
            if :: !holds -> d_step { over = aging; aging = 0 } :: else fi
        :: else
        fi;
        mutex = 0;
        if
        :: over -> FREE_ALL(over)
        :: else -> break
        fi
    od;
    atomic { over = 0; holds = 0 }
}

inline TAKE_STUCK()
{
    if :: told -> asked[me] = 0; FREE_OBJECTS() :: else fi;
    told = 0
}

#define ROUNDS 2

proctype finder(byte me)
{
    byte snapshot, found, rounds, over, elder, t, b;
    bit told, holds;

    do
    :: rounds < ROUNDS ->
        snapshot = clock;
#ifndef BUG_ANNOUNCED_LATE
        ENTER();
#endif
        found = reachable;
#ifdef BUG_ANNOUNCED_LATE
        ENTER();
#endif
        assert(!(found & released));
        assert(!(found & released)); /* and later */
        d_step { found = 0; snapshot = 0 };
        LEAVE();
        TAKE_STUCK();
        rounds++
    :: else -> break
    od;
    done++
}

inline BURY(i)
{
    t = 0;
    holds = 0;
#ifndef BUG_BURIED_AT_ONCE
    do
    :: t < SLOTS ->
        if :: begins[t] -> holds = 1 :: else fi;
        t++
    :: else -> break
    od;
#endif
    t = 0;
    if
    :: !holds -> RELEASE_ONE(i)
    :: else ->
        holds = 0;
        ACQUIRE();
        fresh = fresh | BIT(i);
        mutex = 0;
        FREE_OBJECTS()
    fi
}

/* Buries one object, in SCENE 4 in an attempt of its own, and then another. */
proctype burier(byte me)
{
    byte snapshot, over, elder, t, b;
    bit told, holds;

#if SCENE == 4
    snapshot = clock;
    ENTER();
    reachable = 2;
    ACQUIRE();
    fresh = fresh | BIT(0);
    mutex = 0;
    asked[me] = 1;
    LEAVE();
    TAKE_STUCK();
#else
    reachable = 2;
    BURY(0);
#endif
    reachable = 0;
    BURY(1);
    done++
}

init
{
    atomic {
        run finder(0);
        run burier(1);
        run finder(2)
    }
    done == SLOTS;
    assert(!fresh && !aging && released == 3) /* H */
}
#endif
