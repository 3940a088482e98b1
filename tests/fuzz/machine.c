/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <inttypes.h>
#include <string.h>

#include "machine.h"

enum { LEVELS_MAX = 2 * NESTING_MAX + 2, STATE_MAX = 1 << 18 };

/* Every family, by the first byte of its operations.  What is not a family here
 * is control.c's. */
const struct family *const families[SLOTS] = {
    &tvar_family,     &tlist_family,     &bulk_family,
    &snapshot_family, &broadcast_family, &watcher_family,
    &after_family,    &map_family,       &tpriorityqueue_family,
    &queue_family,    &tcounter_family,  &tsemaphore_family,
    &tfuture_family,  &tobject_family,
};

static struct {
    const uint8_t *data;
    size_t size, cursor;
    enum stm_status doom;
    bool escaping;
    unsigned which; /* the object of the last operation */
    unsigned depth;
    size_t offsets[SLOTS];
    size_t state_size;
    _Alignas(16) unsigned char state[STATE_MAX];
    _Alignas(16) unsigned char levels[LEVELS_MAX][STATE_MAX];
} machine;

/* ---- the program's bytes ---- */

unsigned draw(void)
{
    return machine.cursor < machine.size ? machine.data[machine.cursor++] : 0;
}

bool exhausted(void) { return machine.cursor >= machine.size; }

size_t position(void) { return machine.cursor; }

void go_back(size_t to) { machine.cursor = to; }

/* ---- the model ---- */

void machine_start(const uint8_t *data, size_t size)
{
    machine.data = data;
    machine.size = size;
    machine.cursor = 0;
    machine.depth = 0;
    machine.doom = STM_OK;
    machine.state_size = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (families[i] == NULL)
            continue;
        machine.offsets[i] = machine.state_size;
        machine.state_size += (families[i]->model_size + 15) / 16 * 16;
    }
    REQUIRE(machine.state_size <= STATE_MAX, "the model has no room");
    memset(machine.state, 0, machine.state_size);
}

void *model_of(const struct family *family)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (families[i] == family)
            return machine.state + machine.offsets[i];
    differ("the family %s is not listed", family->name);
}

void level_push(void)
{
    memcpy(machine.levels[++machine.depth], machine.state, machine.state_size);
}

void level_restore(void)
{
    memcpy(machine.state, machine.levels[machine.depth], machine.state_size);
}

void level_recall(bool outermost)
{
    memcpy(machine.state, machine.levels[outermost ? 0 : machine.depth - 1],
           machine.state_size);
}

unsigned level_depth(void) { return machine.depth; }

void level_pop(void) { machine.depth--; }

void level_begin(void)
{
    machine.depth = 0;
    machine.doom = STM_OK;
    machine.escaping = false;
    level_restore();
}

void level_commit(void)
{
    memcpy(machine.levels[0], machine.state, machine.state_size);
}

/* ---- the doom ---- */

bool escaping(void) { return machine.escaping; }

enum stm_status doom(void) { return machine.doom; }

void set_doom(enum stm_status status) { machine.doom = status; }

static bool shaken(void)
{
#ifdef STM_SHAKE
    return true;
#else
    return false;
#endif
}

bool agreed(const char *what, enum stm_status wanted, enum stm_status got)
{
    if (got == STM_CONFLICT && shaken())
        machine.escaping = true;
    if (machine.escaping)
        return false;
    REQUIRE(got == wanted, "%s: expected %d (%s), got %d (%s; %s)", what,
            wanted, stm_strstatus(wanted), got, stm_strstatus(got),
            stm_error_message());
    return true;
}

void check_all(struct stm_tx *tx)
{
    for (unsigned i = 0; i < SLOTS && machine.doom == STM_OK; i++)
        if (families[i] != NULL && families[i]->check != NULL && !escaping())
            families[i]->check(tx);
}

/* ---- operations ---- */

/* A byte below 128 is the index itself; others are spread over the object, up
 * to one place beyond its end. */
static size_t draw_index(const struct family *family, unsigned which)
{
    unsigned drawn = draw();
    size_t length = family->length != NULL ? family->length(which) : 0;

    return drawn < 128 ? drawn : (drawn - 128) * (length + 1) / 126;
}

static stm_value draw_value(bool counted, uint32_t *number)
{
    unsigned drawn = draw();
    stm_value value = counted ? object_take(drawn) : drawn;

    *number = number_of(counted, value);
    return value;
}

static void decode(const struct family *family, const char *shape, bool same,
                   struct arguments *a)
{
    unsigned indices = 0, smalls = 0;

    memset(a, 0, sizeof *a);
    for (; *shape != '\0'; shape++) {
        if (*shape == 'o')
            a->which = same ? machine.which : draw() % family->objects;
        else if (*shape == 'i')
            a->index[indices++] = draw_index(family, a->which);
        else if (*shape == 'v')
            a->value = draw_value(a->which % 2, &a->number);
        else if (*shape == 'k')
            a->key = draw_value(a->which % 2, &a->key_number);
        else
            a->small[smalls++] = draw();
    }
}

static void release_arguments(const char *shape, const struct arguments *a)
{
    if (a->which % 2 != 0 && strchr(shape, 'v') != NULL)
        object_drop(a->value);
    if (a->which % 2 != 0 && strchr(shape, 'k') != NULL)
        object_drop(a->key);
}

static void say_operation(const struct family *family,
                          const struct operation *operation,
                          const struct arguments *a)
{
    unsigned indices = 0, smalls = 0;

    say("%*s%s.%s", 2 * (int)machine.depth + 2, "", family->name,
        operation->name);
    for (const char *shape = operation->shape; *shape != '\0'; shape++) {
        if (*shape == 'o')
            say(" %u", a->which);
        else if (*shape == 'i')
            say(" [%zu]", a->index[indices++]);
        else if (*shape == 'v')
            say(" value %s%u", a->which % 2 ? "#" : "", a->number);
        else if (*shape == 'k')
            say(" key %s%u", a->which % 2 ? "#" : "", a->key_number);
        else
            say(" %u", a->small[smalls++]);
    }
    say("\n");
}

static void compare(const struct family *family,
                    const struct operation *operation,
                    const struct result *want, const struct result *got)
{
    for (size_t i = 0; i < sizeof want->out / sizeof want->out[0]; i++)
        REQUIRE(want->out[i] == got->out[i],
                "%s.%s: expected %" PRIu64 " as result %zu, got %" PRIu64,
                family->name, operation->name, want->out[i], i, got->out[i]);
}

static void run_and_compare(struct stm_tx *tx, const struct family *family,
                            const struct operation *operation,
                            const struct arguments *a, struct result *got)
{
    struct result want = {.status = machine.doom};

    operation->run(tx, a, got);
    if (operation->plain)
        return;
    if (machine.doom == STM_OK && !(got->status == STM_CONFLICT && shaken()))
        operation->model(a, &want, got);
    if (agreed(operation->name, want.status, got->status))
        compare(family, operation, &want, got);
    if (want.status == STM_RETRY)
        machine.doom = STM_RETRY;
}

enum stm_status run_operation(struct stm_tx *tx, unsigned slot, bool same)
{
    const struct family *family = families[slot];
    const struct operation *operation =
        &family->operations[draw() % family->count];
    struct result got = {.status = STM_OK};
    struct arguments a;

    decode(family, operation->shape, same, &a);
    if (!same || strchr(operation->shape, 'o') != NULL)
        machine.which = a.which;
    if (operation->allowed == NULL || operation->allowed(&a)) {
        say_operation(family, operation, &a);
        run_and_compare(tx, family, operation, &a, &got);
    }
    release_arguments(operation->shape, &a);
    return machine.escaping ? STM_CONFLICT : got.status;
}
