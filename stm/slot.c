/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/slot-internal.h>

#define SLOTS_PER_BLOCK 64
#define BLOCKS_MAX 1024

/* Blocks are added while the process runs and never freed, so that a scan
 * needs no lock. */
struct block {
    AO_t used; /* a bit for each slot that has an owner */
    char padding[STM__CACHE_LINE - sizeof(AO_t)];
    struct stm__slot slots[SLOTS_PER_BLOCK];
};

struct stm__clock stm__clock __attribute__((aligned(STM__CACHE_LINE)));

STM__THREAD_LOCAL struct stm__slot *stm__slot_own;
struct stm__slot stm__slot_none;

static AO_t blocks[BLOCKS_MAX]; /* struct block *; set once, by CAS */

static struct stm__slot *acquire_in(struct block *block)
{
    AO_t used;
    int bit;

    do {
        used = AO_load(&block->used);
        if (used == ~(AO_t)0)
            return NULL;
        bit = __builtin_ctzl(~used);
    } while (
        !AO_compare_and_swap_full(&block->used, used, used | (AO_t)1 << bit));
    return &block->slots[bit];
}

static struct block *install_block(AO_t *place)
{
    void *memory;

    if (posix_memalign(&memory, STM__CACHE_LINE, sizeof(struct block)) != 0)
        return NULL;
    memset(memory, 0, sizeof(struct block));
    if (!AO_compare_and_swap_full(place, 0, (AO_t)memory))
        free(memory);
    return (struct block *)AO_load_acquire(place);
}

struct stm__slot *stm__slot_acquire(void)
{
    for (size_t i = 0; i < BLOCKS_MAX && !stm__slot_own; i++) {
        struct block *block = (struct block *)AO_load_acquire(&blocks[i]);

        if (!block)
            block = install_block(&blocks[i]);
        if (!block)
            return NULL;
        stm__slot_own = acquire_in(block);
    }
    return stm__slot_own;
}

static struct block *block_of(const struct stm__slot *slot)
{
    for (size_t i = 0;; i++) {
        struct block *block = (struct block *)AO_load_acquire(&blocks[i]);

        if (slot >= block->slots && slot < block->slots + SLOTS_PER_BLOCK)
            return block;
    }
}

void stm__slot_release(void)
{
    struct stm__slot *slot = stm__slot_own;
    struct block *block;
    AO_t mask, used;

    if (!slot)
        return;
    stm__solo_withdraw(slot);
    stm__slot_own = NULL;
    block = block_of(slot);
    mask = ~((AO_t)1 << (slot - block->slots));
    do
        used = AO_load(&block->used);
    while (!AO_compare_and_swap_full(&block->used, used, used & mask));
}

void stm__slot_each_running(void (*visit)(struct stm__slot *slot,
                                          void *context),
                            void *context)
{
    stm__solo_end(stm__slot_own);
    for (size_t i = 0; i < BLOCKS_MAX; i++) {
        struct block *block = (struct block *)AO_load_acquire(&blocks[i]);
        AO_t used;

        if (!block)
            return;
        for (used = AO_load_acquire(&block->used); used; used &= used - 1) {
            struct stm__slot *slot = &block->slots[__builtin_ctzl(used)];

            if (AO_load_acquire(&slot->begin))
                visit(slot, context);
        }
    }
}

static void note_running(struct stm__slot *slot, void *context)
{
    (void)slot;
    *(bool *)context = true;
}

bool stm__slot_any_running(void)
{
    bool running = false;

    stm__slot_each_running(note_running, &running);
    return running;
}

bool stm__slot_only_own(void)
{
    for (size_t i = 0; i < BLOCKS_MAX; i++) {
        const struct block *block =
            (const struct block *)AO_load_acquire(&blocks[i]);
        AO_t others;

        if (!block)
            break;
        others = AO_load(&block->used);
        if (stm__slot_own >= block->slots &&
            stm__slot_own < block->slots + SLOTS_PER_BLOCK)
            others &= ~((AO_t)1 << (stm__slot_own - block->slots));
        if (others)
            return false;
    }
    return true;
}

/* ---- fork ---- */

static void forget_others_in(struct block *block,
                             void (*visit)(struct stm__slot *slot))
{
    for (size_t j = 0; j < SLOTS_PER_BLOCK; j++) {
        struct stm__slot *slot = &block->slots[j];

        if (slot == stm__slot_own)
            continue;
        AO_store(&slot->begin, 0);
        AO_store(&slot->solo, 0);
        AO_store(&slot->publishing, 0);
        visit(slot);
        AO_store(&block->used, AO_load(&block->used) & ~((AO_t)1 << j));
    }
}

void stm__slot_forget_others(void (*visit)(struct stm__slot *slot))
{
    AO_store(&stm__solo, 0);
    if (stm__slot_own)
        AO_store(&stm__slot_own->solo, 0);
    for (size_t i = 0; i < BLOCKS_MAX && AO_load(&blocks[i]); i++)
        forget_others_in((struct block *)AO_load(&blocks[i]), visit);
}
