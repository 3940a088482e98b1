/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <atomic_ops.h>
#include <check.h>
#include <stm/stm.h>

/* What the test programs share.  A program is one theme: its main adds tests
 * to one test case and returns run_suite(). */
int run_suite(const char *name, TCase *tests);

/* Is what was expected so?  Any thread, in or outside a transaction.  Outside
 * one on the test's own thread the test ends here; elsewhere the failure is
 * noted and ends the test at its next EXPECT there, or at its end. */
#define EXPECT(condition, ...)                                                 \
    expect((condition), __FILE__, __LINE__, __VA_ARGS__)
void expect(bool so, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Did the call return this status? */
#define EXPECT_STATUS(wanted, call)                                            \
    expect_status((wanted), (call), #call, __FILE__, __LINE__)
void expect_status(enum stm_status wanted, enum stm_status got,
                   const char *call, const char *file, int line);

/* For a body: the same, where STM_RETRY or STM_CONFLICT may come instead, and
 * is passed on; otherwise STM_OK. */
#define EXPECT_RESULT(wanted, call)                                            \
    expect_result((wanted), (call), #call, __FILE__, __LINE__)
STM_NODISCARD enum stm_status expect_result(enum stm_status wanted,
                                            enum stm_status got,
                                            const char *call, const char *file,
                                            int line);

/* Did that many runs happen since the last look?  Resets the counter.  Shake
 * mode may add runs where there is one. */
#define EXPECT_RUNS(wanted, counter, why)                                      \
    expect_runs((wanted), (counter), (why), __FILE__, __LINE__)
void expect_runs(size_t wanted, size_t *counter, const char *why,
                 const char *file, int line);

/* n natively; a tenth of it where gcc's sanitizers or shake mode slow
 * everything down; with STM_TEST_SLOWNESS=s in the environment, n / s; but at
 * least 1. */
size_t workload(size_t n);

/* Does shake mode make attempts fail without cause? */
bool shaken(void);

/* A generator of numbers whose seed is printed once per program and taken from
 * STM_TEST_SEED if that is set.  Different streams are independent. */
struct generator {
    uint64_t state;
};
uint64_t test_seed(void);
void generator_init(struct generator *generator, uint64_t stream);
uint64_t generator_next(struct generator *generator);
size_t generator_below(struct generator *generator, size_t limit);

/* Threads that start together. */
struct crew;
typedef void crew_member(size_t index, void *context);

/* Starts `count` threads; returns when all of them run. */
struct crew *crew_start(size_t count, crew_member *run, void *context);

/* Waits until every thread of the crew sleeps in the kernel.  None may end
 * meanwhile. */
void crew_await_sleep(struct crew *crew);

/* Joins the threads and frees the crew. */
void crew_join(struct crew *crew);

/* crew_start and crew_join. */
void crew_run(size_t count, crew_member *run, void *context);

/* How many descriptors, and how many threads, this process has; threads that a
 * sanitizer keeps for itself are left out. */
size_t open_descriptors(void);
size_t live_threads(void);

/* Finds out how many those are.  Before the first test of a process starts a
 * thread; run_suite sees to it. */
void learn_foreign_threads(void);

/* Yields until the counter is at least `wanted`. */
void await_count(const volatile AO_t *counter, AO_t wanted);

uint64_t monotonic_now(void);

/* A whole transaction that reads, or writes, one variable. */
stm_value peek(struct stm_tvar *var);
void poke(struct stm_tvar *var, stm_value value);

/* A transaction on a thread of its own, the same write or a body of the test's;
 * returns after its commit.  May be called inside a transaction, beside which
 * it then runs. */
void poke_elsewhere(struct stm_tvar *var, stm_value value);
void atomically_elsewhere(stm_body *body, void *argument);

/* A variable that holds a word; never NULL. */
struct stm_tvar *word_var(stm_value initial);

/* A counted object that holds a number.  counted_type's release checks that it
 * gives a last reference back outside any transaction. */
extern const struct stm_type counted_type;

/* The same, with an equal function that compares the numbers. */
extern const struct stm_type counted_equal_type;

/* Keys that are counted objects: the same only if they are one object, or equal
 * by their numbers, with few hashes. */
extern const struct stm_key_type counted_keys, counted_equal_keys;

stm_value counted_new(stm_value number); /* the caller owns a reference */
void counted_drop(stm_value value);      /* gives that reference back */
stm_value counted_number(stm_value value);
size_t counted_live(void); /* how many exist */

/* Writes a new counted object with this number. */
STM_NODISCARD enum stm_status
set_counted(struct stm_tx *tx, struct stm_tvar *var, stm_value number);
void poke_counted(struct stm_tvar *var, stm_value number);

/* A variable that holds a new counted object. */
struct stm_tvar *counted_var(stm_value number);

/* Gives back a reference of the test's own when the attempt has ended. */
void give_back(struct stm_tx *tx, const struct stm_type *type, stm_value value);

/* Makes an endpoint, and lets go of the one in *out, which is NULL or an
 * earlier attempt's. */
STM_NODISCARD enum stm_status make_endpoint(struct stm_tx *tx,
                                            struct stm_broadcast *queue,
                                            struct stm_endpoint **out);

/* A collector's visits: they add 1 to the size_t that context points to, and
 * the second ends the traversal with 5. */
int visit_count(stm_value value, void *context);
int visit_one(stm_value value, void *context);

/* Ends a forked child with 0 or 1, as another program: what the threads that
 * are not in the child had in hand is lost there, and no leak checker is to
 * look. */
_Noreturn void end_child(bool right);

/* stm_on_commit and event loop actions: adds 1 to the AO_t it points to. */
void action_count(stm_value counter);

/* What the statistics have counted since `before` was read. */
struct stm_stats stats_since(const struct stm_stats *before);

#endif
