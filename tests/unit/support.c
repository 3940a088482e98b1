/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "support.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE_SIZE = 400,
    TEST_SECONDS = 60, /* a test that runs longer hangs, says libcheck */
    PATIENCE = 10,     /* times that, where libcheck does not look */
    SLOWNESS = 10
};

/* The first failure noted on a thread that cannot end the test itself. */
static struct {
    pthread_mutex_t lock;
    char text[MESSAGE_SIZE]; /* empty: none; under lock */
    pthread_t main_thread;   /* set before any other thread starts */
} notes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool on_main_thread(void)
{
    return pthread_equal(pthread_self(), notes.main_thread);
}

/* Ends the test if a failure has been noted. */
static void report_notes(void)
{
    char text[MESSAGE_SIZE];

    pthread_mutex_lock(&notes.lock);
    memcpy(text, notes.text, sizeof text);
    notes.text[0] = '\0';
    pthread_mutex_unlock(&notes.lock);
    if (text[0] != '\0')
        ck_abort_msg("%s (STM_TEST_SEED=%" PRIu64 ")", text, test_seed());
}

void expect(bool so, const char *file, int line, const char *format, ...)
{
    if (!so) {
        char text[MESSAGE_SIZE];
        va_list arguments;
        int used = snprintf(text, sizeof text, "%s:%d: ", file, line);

        va_start(arguments, format);
        vsnprintf(text + used, sizeof text - (size_t)used, format, arguments);
        va_end(arguments);
        pthread_mutex_lock(&notes.lock);
        if (notes.text[0] == '\0')
            memcpy(notes.text, text, sizeof text);
        pthread_mutex_unlock(&notes.lock);
    }
    if (on_main_thread() && stm_current() == NULL)
        report_notes();
}

void expect_status(enum stm_status wanted, enum stm_status got,
                   const char *call, const char *file, int line)
{
    expect(got == wanted, file, line, "%s: expected %d (%s), got %d (%s)", call,
           wanted, stm_strstatus(wanted), got, stm_strstatus(got));
}

enum stm_status expect_result(enum stm_status wanted, enum stm_status got,
                              const char *call, const char *file, int line)
{
    if (got == STM_RETRY || got == STM_CONFLICT)
        return got;
    expect_status(wanted, got, call, file, line);
    return STM_OK;
}

void expect_runs(size_t wanted, size_t *counter, const char *why,
                 const char *file, int line)
{
    size_t got = *counter;

    *counter = 0;
    expect(got == wanted || (shaken() && wanted > 0 && got > wanted), file,
           line, "%s: expected %zu runs, got %zu", why, wanted, got);
}

/* Does each test run in a process of its own, which libcheck guards? */
static bool forks;

static void begin_test(void)
{
    notes.main_thread = pthread_self();
    if (!forks)
        alarm(TEST_SECONDS * PATIENCE);
    learn_foreign_threads();
}

static void end_test(void)
{
    if (!forks)
        alarm(0);
    report_notes();
}

int run_suite(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    test_seed();
    tcase_set_timeout(tests, TEST_SECONDS);
    tcase_add_checked_fixture(tests, begin_test, end_test);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    forks = srunner_fork_status(runner) == CK_FORK;
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool shaken(void)
{
#ifdef STM_SHAKE
    return true;
#else
    return false;
#endif
}

static bool sanitized(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return true;
#else
    return false;
#endif
}

size_t workload(size_t n)
{
    const char *given = getenv("STM_TEST_SLOWNESS");
    size_t slowness = sanitized() || shaken() ? SLOWNESS : 1;

    if (given != NULL && strtoull(given, NULL, 0) > 0)
        slowness = strtoull(given, NULL, 0);
    return n > slowness ? n / slowness : 1;
}

uint64_t test_seed(void)
{
    static uint64_t seed; /* set by run_suite, before any other thread */

    if (seed == 0) {
        const char *given = getenv("STM_TEST_SEED");

        seed = given != NULL ? strtoull(given, NULL, 0) : monotonic_now();
        seed |= 1;
        fprintf(stderr, "STM_TEST_SEED=%" PRIu64 "\n", seed);
    }
    return seed;
}

void generator_init(struct generator *generator, uint64_t stream)
{
    generator->state = test_seed() + stream * UINT64_C(0xd1342543de82ef95);
}

/* The splitmix64 sequence. */
uint64_t generator_next(struct generator *generator)
{
    uint64_t mix = generator->state += UINT64_C(0x9e3779b97f4a7c15);

    mix = (mix ^ (mix >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mix ^ (mix >> 31);
}

size_t generator_below(struct generator *generator, size_t limit)
{
    return (size_t)(generator_next(generator) % limit);
}

void await_count(const volatile AO_t *counter, AO_t wanted)
{
    while (AO_load_acquire(counter) < wanted)
        sched_yield();
}

uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct access {
    struct stm_tvar *var;
    stm_value value;
};

static enum stm_status read_body(struct stm_tx *tx, void *argument)
{
    struct access *access = argument;

    return stm_tvar_get(tx, access->var, &access->value);
}

static enum stm_status write_body(struct stm_tx *tx, void *argument)
{
    struct access *access = argument;

    return stm_tvar_set(tx, access->var, access->value);
}

stm_value peek(struct stm_tvar *var)
{
    struct access access = {.var = var};

    EXPECT_STATUS(STM_OK, stm_atomically(read_body, &access));
    return access.value;
}

void poke(struct stm_tvar *var, stm_value value)
{
    struct access access = {.var = var, .value = value};

    EXPECT_STATUS(STM_OK, stm_atomically(write_body, &access));
}

struct elsewhere {
    stm_body *body;
    void *argument;
};

static void elsewhere_thread(size_t index, void *context)
{
    struct elsewhere *elsewhere = context;

    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(elsewhere->body, elsewhere->argument));
}

void atomically_elsewhere(stm_body *body, void *argument)
{
    struct elsewhere elsewhere = {body, argument};

    crew_run(1, elsewhere_thread, &elsewhere);
}

void poke_elsewhere(struct stm_tvar *var, stm_value value)
{
    struct access access = {.var = var, .value = value};

    atomically_elsewhere(write_body, &access);
}

struct stm_tvar *word_var(stm_value initial)
{
    struct stm_tvar *var = stm_tvar_new(NULL, initial);

    if (var == NULL)
        abort();
    return var;
}

struct counted {
    AO_t references;
    stm_value number;
};

static AO_t live_objects;

static void counted_retain(stm_value value)
{
    struct counted *counted = (struct counted *)value;

    AO_fetch_and_add1_full(&counted->references);
}

void counted_drop(stm_value value)
{
    struct counted *counted = (struct counted *)value;

    if (AO_fetch_and_sub1_full(&counted->references) == 1) {
        free(counted);
        AO_fetch_and_sub1_full(&live_objects);
    }
}

static void counted_release(stm_value value)
{
    struct counted *counted = (struct counted *)value;

    EXPECT(AO_load_acquire(&counted->references) > 1 || stm_current() == NULL,
           "a last reference was released inside a transaction, expected "
           "outside any");
    counted_drop(value);
}

static bool counted_same(stm_value left, stm_value right)
{
    return counted_number(left) == counted_number(right);
}

const struct stm_type counted_type = {
    .name = "counted", .retain = counted_retain, .release = counted_release};

const struct stm_type counted_equal_type = {.name = "counted by number",
                                            .retain = counted_retain,
                                            .release = counted_release,
                                            .equal = counted_same};

static enum stm_status counted_hash(stm_value key, uint64_t *out)
{
    *out = counted_number(key) % 50;
    return STM_OK;
}

static enum stm_status counted_equal(stm_value contained, stm_value key,
                                     bool *out)
{
    *out = counted_same(contained, key);
    return STM_OK;
}

const struct stm_key_type counted_keys = {.type = &counted_type};

const struct stm_key_type counted_equal_keys = {
    .type = &counted_type, .hash = counted_hash, .equal = counted_equal};

stm_value counted_new(stm_value number)
{
    struct counted *counted = malloc(sizeof *counted);

    if (counted == NULL)
        abort();
    counted->references = 1;
    counted->number = number;
    AO_fetch_and_add1_full(&live_objects);
    return (stm_value)counted;
}

stm_value counted_number(stm_value value)
{
    return ((struct counted *)value)->number;
}

size_t counted_live(void) { return AO_load_acquire(&live_objects); }

enum stm_status set_counted(struct stm_tx *tx, struct stm_tvar *var,
                            stm_value number)
{
    stm_value value = counted_new(number);
    enum stm_status status = stm_tvar_set(tx, var, value);

    counted_drop(value);
    return status;
}

static enum stm_status set_counted_body(struct stm_tx *tx, void *argument)
{
    struct access *access = argument;

    return set_counted(tx, access->var, access->value);
}

void poke_counted(struct stm_tvar *var, stm_value number)
{
    struct access access = {.var = var, .value = number};

    EXPECT_STATUS(STM_OK, stm_atomically(set_counted_body, &access));
}

struct stm_tvar *counted_var(stm_value number)
{
    stm_value value = counted_new(number);
    struct stm_tvar *var = stm_tvar_new(&counted_type, value);

    counted_drop(value);
    if (var == NULL)
        abort();
    return var;
}

void give_back(struct stm_tx *tx, const struct stm_type *type, stm_value value)
{
    EXPECT_STATUS(STM_OK, stm_release_later(tx, type, value));
}

enum stm_status make_endpoint(struct stm_tx *tx, struct stm_broadcast *queue,
                              struct stm_endpoint **out)
{
    if (*out != NULL)
        stm_endpoint_release(*out);
    *out = NULL;
    return stm_endpoint_new(tx, queue, out);
}

int visit_count(stm_value value, void *context)
{
    (void)value;
    *(size_t *)context += 1;
    return 0;
}

int visit_one(stm_value value, void *context)
{
    visit_count(value, context);
    return 5;
}

void end_child(bool right)
{
    const char *program = right ? "true" : "false";

    execlp(program, program, (char *)NULL);
    _exit(2);
}

void action_count(stm_value counter)
{
    AO_fetch_and_add1_full((AO_t *)counter);
}

struct stm_stats stats_since(const struct stm_stats *before)
{
    struct stm_stats now;

    stm_stats_read(&now);
    now.attempts -= before->attempts;
    now.commits -= before->commits;
    now.conflicts -= before->conflicts;
    now.retries -= before->retries;
    now.aborts -= before->aborts;
    now.wakeups -= before->wakeups;
    now.spurious -= before->spurious;
    now.escalations -= before->escalations;
    return now;
}
