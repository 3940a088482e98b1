/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "bench.h"

/* Where nothing can wait for a condition, there is nothing that blocks. */
const struct workload *const workload_groups[] = {bank_workloads,
                                                  list_workloads,
                                                  tree_workloads,
                                                  micro_workloads,
                                                  choice_workloads,
                                                  container_workloads,
#ifdef BENCH_BLOCKS
                                                  block_workloads,
#endif
                                                  NULL};
