/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Running solo.  While one thread is the only one in transactions, nothing
 * that it reads can change: its attempts need no log of what they read, no
 * locks and no fences.  That is like a lock which stays with the thread that
 * took it last until another one asks (biased locking: Kawachiya, Koseki,
 * Onodera, OOPSLA 2002), but nobody ever waits for a body to end.
 *
 * The one who runs solo has its slot in stm__solo, and the slot's own flag
 * `solo` is 1.  It looks at that flag after each value that it
 * loads, and not before: as long as the flag is up then, nobody else had begun
 * when the value was loaded, so that all values so far existed together.
 * (promise A)
 *
 * Whoever begins an attempt, announces it and then looks at stm__solo.  If
 * someone is there, it takes the flag down, and no transaction needs to be
 * waited for: the next look of the other one fails, and its attempt is thrown
 * away by a conflict and runs again as all do.  Only one that is publishing
 * already is waited for; it has all it needs, and no user's code runs there.
 *
 * The soloist makes no fence, though its announcement and its `publishing` are
 * stores before loads.  Whoever ends it makes one for both, by the kernel's
 * membarrier, which costs as much as some thousand transactions; so a
 * thread that was disturbed waits longer before it tries again (begin.c).
 * Where the kernel has no membarrier, nobody runs solo.
 *
 * Becoming solo: raise the flag, put the slot into stm__solo, look whether
 * others run, whether anyone is about to end somebody's time solo, whether
 * something waits in the slot, and whether the slot still stands there.  The
 * second and the last look are for one who is late in ending an earlier time
 * solo, perhaps outside any attempt: either it is seen, or what it did to
 * stm__solo is.  The third is for one who has seen this thread in an attempt
 * before, and leaves something with it now (limbo.c).  tests/model/solo.pml has
 * it all. */

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stm/slot-internal.h>
#include <stm/step-internal.h>

static bool available; /* set when the library is loaded */

AO_t stm__solo;

/* How many threads are in stm__solo_end, and have seen someone there. */
static AO_t enders;

static bool membarrier(int command)
{
    int error = errno;
    bool done = syscall(SYS_membarrier, command, 0, 0) == 0;

    errno = error;
    return done;
}

bool stm__has_membarrier(void) { return available; }

void stm__membarrier(void)
{
    (void)membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

void stm__solo_heed(void)
{
    AO_store(&enders, 0);
    available = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

static struct stm__slot *other_than(const struct stm__slot *own)
{
    struct stm__slot *slot = (struct stm__slot *)AO_load_acquire(&stm__solo);

    return slot == own ? NULL : slot;
}

static void end(struct stm__slot *slot)
{
    AO_store_release(&slot->solo, 0);
    stm__membarrier();
    for (unsigned turn = 0; AO_load_acquire(&slot->publishing); turn++)
        stm__spin(turn);
    (void)AO_compare_and_swap_full(&stm__solo, (AO_t)slot, 0);
}

void stm__solo_end(const struct stm__slot *own)
{
    struct stm__slot *slot;

    if (!other_than(own))
        return;
    (void)AO_fetch_and_add1_full(&enders);
    stm__fence_after_rmw();
    slot = other_than(own);
    if (slot)
        end(slot);
    (void)AO_fetch_and_sub1_full(&enders);
}

void stm__solo_withdraw(struct stm__slot *slot)
{
    AO_store_release(&slot->solo, 0); /* also where the slot stands there no
                                         more, by one who was late */
    if (AO_load(&stm__solo) == (AO_t)slot)
        (void)AO_compare_and_swap_full(&stm__solo, (AO_t)slot, 0);
}

bool stm__solo_try(struct stm__slot *slot)
{
    if (!available || AO_load(&stm__solo))
        return false;
    AO_store(&slot->solo, 1);
    if (!AO_compare_and_swap_full(&stm__solo, 0, (AO_t)slot)) {
        AO_store(&slot->solo, 0);
        return false;
    }
    stm__fence_after_rmw();
    if (!stm__slot_any_running() && !AO_load_acquire(&enders) &&
        !AO_load(&slot->asked) && !AO_load(&slot->stuck) &&
        AO_load_acquire(&stm__solo) == (AO_t)slot)
        return true;
    stm__solo_withdraw(slot);
    return false;
}
