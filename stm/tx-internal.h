/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TX_INTERNAL_H
#define STM_TX_INTERNAL_H

#include <stm/ledger-internal.h>
#include <stm/log-internal.h>
#include <stm/transaction.h>
#include <stm/watcher.h>

/* What survives the attempts of one transaction. */
struct stm_call {
    stm_body *body;
    void *argument;
    bool touched; /* something below is no longer as it was at first */
    struct stm__name *name;
    uint64_t start;     /* monotonic ns; 0: not known yet */
    bool woken;         /* the next retry would make a wake-up spurious */
    unsigned conflicts; /* since the last sleep: the transaction's age */

    /* The earliest deadlines that this attempt asked for, by the monotonic and
     * by the wall clock, and those that the last sleep was to end at: the time
     * of the attempt after it stands no later. */
    uint64_t deadline, wall_deadline;
    uint64_t limit, wall_limit;

    /* Each call has a waiter of its own: a hook that a signal makes run may
     * block in another call of the same thread. */
    struct stm__parker parker; /* initialized once the call first blocks */
    bool has_parker;
    struct stm__vec waits;   /* struct stm__wait: linked while blocked */
    struct stm__batch *seen; /* the counted values that it saw, of a call that
                                sleeps and is blocked */
    bool sleeps; /* whenever it is blocked, its thread sleeps till it is woken,
                    and then runs it; or it has a wake function */
    AO_t generation; /* in which it was blocked */
    bool blocked;
    bool slept;         /* since it was blocked last */
    unsigned evictions; /* how often it was thrown out of the gate */

    stm_wake *wake; /* NULL: a thread waits for the call, or nobody does */
    void *wake_context;
    bool tells; /* blocked so that wake will be called, or has been */
    AO_t told;  /* 1: wake has returned.  Written last of all by the one who
                   called it, and until then the call is not freed */
};

/* The running attempt of a thread.  There is one such object a thread, used
 * for one attempt after the other; while none runs, `doom` is STM_EMISUSE, so
 * that a pointer kept too long meets an error. */
struct stm_tx {
    struct stm__fast fast; /* first: what stm/fast.h works on */
    struct stm__log log;

    const struct stm__savepoint *savepoint; /* the innermost, or NULL */
    unsigned depth;                         /* of nesting */

    /* What a watcher's function reads: a vector of struct stm__capture, or
     * NULL while none runs. */
    struct stm__vec *capture;
    struct stm__timing *timing; /* where capture is not NULL: when it wants to
                                   run again */

    struct stm__vec actions;   /* struct stm__action: for after the commit */
    struct stm__vec exports;   /* struct stm__export */
    struct stm__vec watch_ops; /* struct stm__watch_op */
    struct stm__vec runs;      /* of watchers: the watcher layer's */
    struct stm__vec captures;  /* likewise */
    size_t looked_up; /* so many writes have had their watchers looked up, and
                         these may be running now */

    struct stm_call *call;
    uint64_t now, wall; /* ns; 0: not asked for yet */
    bool is_old;        /* the snapshot was not taken from the clock */
    bool is_present;    /* the snapshot is the version of this thread's commit
                           just before: the next attempt can begin with it */
    bool abandoned;     /* the thread ends, and may not release everything */
    AO_t ticket; /* what the gate holds while this attempt runs alone, or 0 */

    struct stm__batch *batch; /* for the values that a commit replaces */
    struct stm__vec order;    /* struct stm__write *: as a commit locks them */
    AO_t
        committing; /* 1 while the commit may hold variables; set before it
                       locks the first, cleared when it has unlocked the last */

    /* The thread's. */
    struct stm_call own; /* for a transaction that begins while no other of this
                            thread is blocked */
    const struct stm_blocking *blocking;
    struct stm_tx *next; /* in the list of all threads */
    struct stm_tx **link;

    /* How it waits: block.c's. */
    unsigned spin_luck;      /* how often spinning has spared a sleep lately */
    struct stm__vec batons;  /* struct stm__side *: to be looked at when the
                                attempt ends; a reference each */
    struct stm__vec waits;   /* kept for the next call that blocks */
    struct stm__batch *seen; /* likewise */

    /* Running solo: how many attempts there must be before the next try, and
     * how many of them are left; the stamp of the first one solo. */
    unsigned solo_wait, solo_left;
    uint64_t solo_since;
};

struct stm__action {
    stm_action *action;
    struct stm__ref argument;
};

struct stm__export {
    stm_value *place;
    size_t order; /* of exporting */
    struct stm__ref ref;
};

struct stm__capture {
    struct stm_tvar *var;
    stm_value value;
};

/* What a watcher's function asks for in one run. */
struct stm__timing {
    uint64_t start;                   /* where its time begins; monotonic ns */
    uint64_t deadline, wall_deadline; /* the earliest; STM_FOREVER: none */
};

enum stm__watch_kind {
    STM__WATCH,  /* created */
    STM__CANCEL, /* cancelled */
    STM__EXPIRE  /* it asked for a time, which has come */
};

struct stm__watch_op {
    struct stm_watcher *watcher; /* owned, and unless it cancels, one */
    enum stm__watch_kind kind;   /* reference to its argument */
};

/* ---- thread.c ---- */

/* The thread's object, made if need be; NULL: out of memory. */
struct stm_tx *stm__make_thread(void);

static inline struct stm_tx *stm__thread(void)
{
    return STM__LIKELY(stm__self != NULL) ? stm__self : stm__make_thread();
}

/* Gives the thread's slot back while it sleeps. */
void stm__thread_leave_slot(struct stm_tx *tx);

/* ---- begin.c ---- */

/* Begins an attempt.  STM_OK or STM_ENOMEM. */
enum stm_status stm__attempt_begin(struct stm_tx *tx, struct stm_call *call);

/* A thread tries to run solo after so many attempts in a row that committed,
 * and when it was disturbed soon after, not before twice as many. */
#ifdef STM_SHAKE
#define STM__SOLO_WAIT 4
#else
#define STM__SOLO_WAIT 64
#endif

/* The thread counts anew until it tries. */
void stm__put_solo_off(struct stm_tx *tx);

/* An attempt that ran solo goes on beside others, if it has read nothing. */
bool stm__join_others(struct stm_tx *tx);

/* Draws a new stamp; out of a new block of them. */
uint64_t stm__draw_block(struct stm_tx *tx);

static inline uint64_t stm__draw_stamp(struct stm_tx *tx)
{
    if (STM__UNLIKELY(tx->fast.stamp == tx->fast.stamp_end))
        return stm__draw_block(tx);
    return ++tx->fast.stamp;
}

/* ---- attempt.c ---- */

/* How an attempt ended, for stm__attempt_end. */
enum stm__outcome {
    STM__COMMITTED,
    STM__CONFLICTED,
    STM__RETRIED,
    STM__ABORTED
};

/* Ends it: withdraws the announcement, counts the outcome, hands results out,
 * releases what may be released, and runs or drops the actions. */
void stm__attempt_end(struct stm_tx *tx, enum stm__outcome outcome);

/* Of that, what every attempt's end does: withdraws the announcement, counts,
 * and empties the log of an attempt with nothing special.  Returns whether
 * something waits for its end. */
static inline bool stm__attempt_leave(struct stm_tx *tx, enum stm__event event)
{
    struct stm__fast *fast = &tx->fast;
    bool asked = false;

    fast->doom = STM_EMISUSE;
    stm__fast_close(fast);
    AO_store_release(&fast->slot->begin, 0);
    AO_compiler_barrier(); /* solo, the fence is stm__solo_end's */
    if (STM__UNLIKELY(!fast->is_solo || !AO_load(&fast->slot->solo) ||
                      AO_load(&fast->slot->asked))) /* by the body itself */
        asked = stm__slot_leave(fast->slot) ||
                AO_load(&stm__limbo_stranded); /* which ends being solo */
    stm__count(tx, event);
    stm__log_clear(&tx->log);
    return asked;
}

/* After it: releases what can be released now; the second where that is nothing
 * but the values that were replaced. */
void stm__attempt_settle(struct stm_tx *tx, bool asked);
void stm__attempt_settle_values(struct stm_tx *tx, bool asked);

static inline void stm__attempt_end_plain(struct stm_tx *tx)
{
    bool asked = stm__attempt_leave(tx, STM__COMMIT);

    if (STM__UNLIKELY(asked || tx->log.counted)) {
        tx->log.counted = false;
        stm__attempt_settle_values(tx, asked);
    }
}

/* Ends the attempt of a thread that ends in its midst.  Unless its call is the
 * thread's own, that may be gone with the stack. */
void stm__attempt_abandon(struct stm_tx *tx);

/* Dooms the attempt, unless by something stronger already; returns what it is
 * doomed by. */
enum stm_status stm__doom(struct stm_tx *tx, enum stm_status status);

/* Reports a tx that is not the caller's running attempt. */
enum stm_status stm__misused(const struct stm_tx *tx, const char *function);

/* STM_OK when the calling thread is in no transaction, else STM_EMISUSE. */
enum stm_status stm__outside(const char *function);

/* For every public operation: STM_OK when tx is the running attempt of this
 * thread and can go on. */
static inline enum stm_status stm__check(const struct stm_tx *tx,
                                         const char *function)
{
    if (STM__UNLIKELY(!tx || tx != stm__self || tx->fast.doom == STM_EMISUSE))
        return stm__misused(tx, function);
    return tx->fast.doom;
}
#define STM__CHECK(tx) STM_TRY(stm__check(tx, __func__))

/* Is all that was read unchanged?  A variable that this attempt's commit holds
 * counts as what it was before; one who runs solo only looks whether that is
 * still so. */
bool stm__validate(struct stm_tx *tx, bool holding);

/* One more look, after so many, at a variable that another one's commit holds;
 * false: it is time for a conflict. */
bool stm__look_again(struct stm_tx *tx, unsigned turn);

/* Moves the snapshot to the present: what the attempt learns from elsewhere
 * than a variable then goes with what it has read.  STM_OK or the doom. */
enum stm_status stm__extend_now(struct stm_tx *tx);

/* Sets a value of which the transaction takes over the caller's reference, also
 * when it fails.  The caller has reserved a release. */
enum stm_status stm__tvar_set_stealing(struct stm_tx *tx, struct stm_tvar *var,
                                       stm_value value);

/* Adds to the word that the variable, which has no type, will hold. */
enum stm_status stm__tvar_add(struct stm_tx *tx, struct stm_tvar *var,
                              stm_value delta);

/* Lets the short ways go as far as the attempt's state allows. */
static inline void stm__open_short_ways(struct stm_tx *tx)
{
    bool plain = tx->fast.doom == STM_OK && !tx->capture;

    stm__fast_close(&tx->fast);
    if (plain)
        tx->fast.filter = stm__log_filter(&tx->log);
}

/* Makes room to give back so many references after the attempt, or dooms it
 * with STM_ENOMEM. */
enum stm_status stm__reserve_release(struct stm_tx *tx, size_t count);

/* ---- nest.c ---- */

/* Lies on the stack of whoever runs a body under it. */
struct stm__savepoint {
    const struct stm__savepoint *outer;
    struct stm__mark mark;
    uint64_t since;
    uint64_t filter;
    size_t actions;
    size_t exports;
    size_t watch_ops;
};

/* Begins one; and ends the innermost, with what was done since kept or undone.
 */
void stm__savepoint(struct stm_tx *tx, struct stm__savepoint *savepoint);
void stm__merge(struct stm_tx *tx, const struct stm__savepoint *savepoint);
void stm__undo(struct stm_tx *tx, const struct stm__savepoint *savepoint);

/* What it comes to that a body returned this status: the attempt's own status
 * counts for more. */
enum stm_status stm__judge_error(struct stm_tx *tx, enum stm_status returned);

static inline enum stm_status stm__judge(struct stm_tx *tx,
                                         enum stm_status returned)
{
    if (STM__LIKELY(returned == STM_OK) || tx->fast.doom != STM_OK)
        return tx->fast.doom;
    return stm__judge_error(tx, returned);
}

/* Runs the body under a savepoint. */
enum stm_status stm__nested(struct stm_tx *tx, stm_body *body, void *argument);

/* ---- after.c ---- */

/* Takes back what was registered since there were so many. */
void stm__after_undo(struct stm_tx *tx, size_t actions, size_t exports,
                     size_t watch_ops);

/* Registers what is to become of a watcher. */
enum stm_status stm__after_watch(struct stm_tx *tx, struct stm_watcher *watcher,
                                 enum stm__watch_kind kind);

/* stm_on_commit, but before all that was registered until now. */
enum stm_status stm__after_first(struct stm_tx *tx, stm_action *action,
                                 stm_value argument,
                                 const struct stm_type *type);

/* Hands the exports out. */
void stm__after_export(struct stm_tx *tx);

/* ---- elapsed.c ---- */

/* Begins to count the transaction's time, if it has not begun. */
void stm__call_start(struct stm_call *call);

/* What stm_elapsed takes, or would now take, for the attempt's time, on the
 * monotonic clock: it stands no later in what is left of the attempt. */
uint64_t stm__moment(const struct stm_tx *tx);

/* ---- commit.c ---- */

/* Commits: STM_OK, or the status by which the attempt is doomed, or an error of
 * a watcher. */
enum stm_status stm__commit(struct stm_tx *tx);

/* In the child of a fork, where the gate was closed: lets go of the variables
 * that another thread's commit had locked before it looked at the gate.  They
 * are as they were. */
void stm__commit_forget(struct stm_tx *tx);

/* What the layer of watchers adds to a commit before it locks; NULL until the
 * process has a watcher. */
typedef enum stm_status stm__prepare(struct stm_tx *tx);
extern AO_t stm__prepare_hook;

/* ---- call.c ---- */

/* A call that has not run. */
void stm__call_init(struct stm_call *call);

/* ---- gate.c ---- */

/* Takes the gate, so that no one else commits; waits while another has it.
 * Before an attempt of the call begins. */
void stm__gate_close(struct stm_tx *tx, struct stm_call *call);

/* A call that is thrown out is waited for twice as long the next time, up to
 * 100 seconds. */
#define STM__EVICTIONS_MAX 10

/* Gives it up; returns false if this thread has been thrown out of it. */
bool stm__gate_open(struct stm_tx *tx);

/* Must this attempt wait before it commits?  Asked with its locks held. */
bool stm__gate_bars(const struct stm_tx *tx);

/* Waits until the gate is open; one who stays too long in it is thrown out.
 * No lock held. */
void stm__gate_wait(struct stm_tx *tx);

/* Does this attempt run alone? */
bool stm__gate_mine(const struct stm_tx *tx);

/* Has nobody closed the gate? */
bool stm__gate_is_open(void);

/* ---- fork.c ---- */

/* Once, when the library is loaded. */
void stm__fork_heed(void);

/* What each file does about its own when the process forks: before, and after,
 * in either process. */
void stm__gate_fork_prepare(void);
void stm__gate_fork_parent(void);
void stm__gate_fork_child(void);
void stm__thread_fork_prepare(void);
void stm__thread_fork_parent(void);
void stm__thread_fork_child(void);

/* ---- block.c ---- */

/* After a retry, before the attempt ends: leaves the call's waiter with every
 * variable read.  STM_BLOCKED; STM_RETRY if something changed while it spun;
 * STM_CONFLICT if something had changed already; STM_ENOMEM; STM_EMISUSE if
 * nothing could wake it. */
enum stm_status stm__block_arm(struct stm_tx *tx);

/* Sleeps.  STM_OK: run again.  STM_BLOCKED: a signal handler ran, and the call
 * is still armed.  Else what a hook ended the wait with. */
enum stm_status stm__block_sleep(struct stm_tx *tx, struct stm_call *call);

/* After a blocked call has been woken or its time has come, and before the next
 * attempt. */
void stm__block_note_wakeup(struct stm_tx *tx, struct stm_call *call);

/* Withdraws the waiter, if it is armed. */
void stm__block_disarm(struct stm_call *call);

/* For a call that has ended: withdraws and frees. */
void stm__block_fini(struct stm_call *call);

/* After a commit has changed the variable with this side: claims whom that
 * wakes, as the functions of wait-internal.h do. */
struct stm__waiter *stm__block_change(struct stm_tx *tx, struct stm__side *side,
                                      struct stm__waiter *chain);

/* When an attempt ends, or what was to be its thread's next one cannot begin:
 * looks after the sleepers that it was woken before (wait-internal.h). */
void stm__block_pass_on(struct stm_tx *tx);

/* The wall clock is looked at this often by those who wait for it. */
#define STM__WALL_SLICE_NS UINT64_C(1000000000)

/* For thread.c: the thread's part. */
void stm__block_thread_init(struct stm_tx *tx);
void stm__block_thread_fini(struct stm_tx *tx);

/* ---- wake.c: of calls with a wake function ---- */

/* Has the wake function called from now on, after a step that blocked the call.
 * False: the call has been woken already, and the function will not be called.
 */
bool stm__wake_arm(struct stm_call *call);

/* From when this returns the function is not called.  Where it is about to be,
 * by another thread, or is running, waits until it has returned. */
void stm__wake_withdraw(struct stm_call *call);

/* Need the blocked call not wait any longer? */
bool stm__wake_is_due(const struct stm_call *call);

#endif
